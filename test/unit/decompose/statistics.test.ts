import { describe, expect, it } from "vitest";
import type { HubError } from "../../../src/core/errors.ts";
import { rng } from "../../../src/core/rng.ts";
import { arrays } from "../../../src/decompose/datasets/arrays.ts";
import { statisticsColumns, viewsOf } from "../../../src/decompose/stats/columns.ts";
import { featureStatistics, representationStatistics } from "../../../src/decompose/stats/statistics.ts";
import { symmetricEigen } from "../../../src/decompose/stats/symmetric.ts";
import type { FeatureSet } from "../../../src/decompose/types.ts";
import { loadResults } from "../../../src/tables/results.ts";
import { problemOf } from "./problems.ts";

const problem = problemOf({ seed: 5, n: 210, d: 6, K: 3, sep: 0.5 });
const { x, y, n, d } = problem;

describe("featureStatistics", () => {
  it("does not depend on how rows are read, nor on their order but for the chunks", async () => {
    const whole = arrays(x, y, { dim: d });
    let largest = 0;
    const watched: FeatureSet = {
      ...whole,
      rows: (start, end) => {
        largest = Math.max(largest, end - start);
        return whole.rows(start, end);
      },
    };
    const expected = await representationStatistics(problem);
    expect(await featureStatistics(watched)).toEqual(expected);
    expect(largest).toBe(n);
    const turned = whole.subset(Int32Array.from({ length: n }, (_, i) => (i * 11) % n));
    const { uniformity_chunks_10: _, ...rest } = await featureStatistics(turned);
    for (const [name, value] of Object.entries(rest)) {
      if (typeof value === "number") expect(value, name).toBeCloseTo(expected[name as "nc1"], 9);
    }
  });

  it("reads blocks of bounded size", async () => {
    const [rows, dim] = [9000, 600];
    const sizes: number[] = [];
    const big = fakeSet(rows, dim, (count) => sizes.push(count));
    const found = await featureStatistics(big, { uniformityRows: 50 });
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4096);
    expect(found).toMatchObject({ n: rows, d: dim, uniformity_rows: 50, uniformity_all_pairs: null });
    expect(found.uniformity).toBeLessThan(0);
    expect(found).not.toHaveProperty("uniformity_chunks_10");
  }, 60_000);

  it("is the same for n < d by rows as by columns", async () => {
    // The same 40 rows in 30 columns, and in those and 30 copies of them: rank, and singular values times sqrt(2).
    const narrow = problemOf({ seed: 8, n: 40, d: 30, K: 4, sep: 1 });
    const wide = new Float32Array(40 * 60);
    for (let i = 0; i < 40; i++) {
      for (let j = 0; j < 60; j++) wide[i * 60 + j] = narrow.x[i * 30 + (j % 30)]!;
    }
    const a = await representationStatistics(narrow);
    const b = await representationStatistics({ ...narrow, x: wide, d: 60 });
    expect([b.rank, b.rank_Z]).toEqual([a.rank, a.rank_Z]);
    expect(b.singular_values_first5[0]).toBeCloseTo(a.singular_values_first5[0]! * Math.SQRT2, 9);
    expect(b.corr_abs_eigenvalues_first10[3]).toBeCloseTo(2 * a.corr_abs_eigenvalues_first10[3]!, 9);
    expect(b.nc1).toBeCloseTo(a.nc1, 9);
    expect(b.uniformity).toBeCloseTo(a.uniformity, 12);
    expect(b.extra.rankme).toBeCloseTo(a.extra.rankme, 8);
  });

  it("stays exact far from the origin and at extreme scales", async () => {
    const plain = await representationStatistics(problem);
    for (const scale of [2 ** -40, 2 ** 60]) {
      const scaled = x.map((value) => value * scale);
      for (const products of ["float64", "engine"] as const) {
        const found = await representationStatistics({ ...problem, x: scaled, products });
        expect(found.rank).toBe(plain.rank);
        expect(found.intra_var / scale ** 2).toBeCloseTo(plain.intra_var, 9);
        expect(found.alignment).toBeCloseTo(plain.alignment, 12);
        if (scale > 1) expect(found.nc1 / plain.nc1).toBeCloseTo(1, 5);
      }
    }
    // Multiples of 1/1024 stay exact in float32 beside 4096.
    const grid = x.map((value) => Math.round(value * 512) / 512);
    const near = await representationStatistics({ ...problem, x: grid });
    const far = await representationStatistics({ ...problem, x: grid.map((value) => value + 4096) });
    for (const name of ["rank", "intra_var", "inter_var", "nc1"] as const) expect(far[name]).toBeCloseTo(near[name], 8);
  });

  it("says what is not defined by NaN and counts only classes that occur", async () => {
    const one = await representationStatistics({ ...problem, y: new Int32Array(n), k: 1 });
    expect([one.inter_var, one.nc1, one.nc1norm, one.nc1_kept_eigenvalues]).toEqual([0, Number.NaN, Number.NaN, 0]);
    expect(one.vars).toBe(Infinity);
    const row = await representationStatistics({ x: x.slice(0, d), y: Int32Array.of(0), n: 1, d, k: 1 });
    expect(row).toMatchObject({ rank: 0, rank_Z: 1, n_constant_columns: d, uniformity: Number.NaN, intra_var: 0 });
    const own = await representationStatistics({ ...problem, y: Int32Array.from(y.keys()), k: n });
    expect([own.intra_var, own.alignment, own.nc1]).toEqual([0, 0, Number.NaN]);
    const absent = await representationStatistics({ ...problem, y: y.map((label) => 2 * label + 1), k: 9 });
    const { k: classes, ...rest } = await representationStatistics(problem);
    expect(absent).toEqual({ ...rest, k: classes });
    const zeros = await representationStatistics({ ...problem, x: new Float32Array(n * d) });
    expect(zeros).toMatchObject({ rank: 0, rank_Z: 0, uniformity: 0, alignment: 0, n_constant_columns: d });
    expect(zeros.extra).toEqual({ entropy_effective_rank_corr: 0, participation_ratio_corr: 0, rankme: 0 });
  });

  it("leaves classes of one row out of the covariance within", async () => {
    const labels = y.slice();
    labels[0] = 3;
    const found = await representationStatistics({ ...problem, y: labels, k: 4 });
    expect(found.nc1).toBeGreaterThan(0);
    expect(found.k).toBe(4);
  });

  it("draws the same rows for uniformity under one seed", async () => {
    const sampled = (seed: number) => representationStatistics({ ...problem, uniformityRows: 60, seed });
    const [a, b, c] = [await sampled(1), await sampled(1), await sampled(2)];
    expect(a).toEqual(b);
    expect(a.uniformity).not.toBe(c.uniformity);
    expect(a.uniformity).toBeCloseTo((await representationStatistics(problem)).uniformity, 0);
  });

  it("refuses what it cannot use before or at the place where it is", async () => {
    const code = (bad: Partial<typeof problem>) =>
      representationStatistics({ ...problem, ...bad }).then(
        () => "no error",
        (error: HubError) => `${error.code ?? error.name}: ${error.message}`,
      );
    expect(await code({ x: x.map((v, i) => (i === 100 ? Number.NaN : v)) })).toMatch(
      /^DATA: .*feature 4 of row 16 is NaN/,
    );
    expect(await code({ x: x.map((v, i) => (i === 7 ? -Infinity : v)) })).toMatch(/feature 1 of row 1 is -Infinity/);
    expect(await code({ y: y.map((label) => label + 1) })).toMatch(/^DATA: .*label 3 of row 2/);
    expect(await code({ n: n - 1 })).toMatch(/^TypeError/);
    expect(await code({ k: 0 })).toMatch(/^TypeError/);
    expect(await code({ x: x.slice(1) })).toMatch(/^TypeError/);
    await expect(featureStatistics(arrays(new Float32Array(0), [], { dim: 3 }))).rejects.toThrow(/no rows/);
    await expect(representationStatistics({ ...problem, uniformityRows: 1 })).rejects.toThrow(TypeError);
    await expect(representationStatistics({ ...problem, signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
  });

  it("tells its progress", async () => {
    const events: number[] = [];
    await representationStatistics({ ...problem, onProgress: (e) => "done" in e && events.push(e.done / e.total!) });
    expect(events).toEqual([0.5, 1]);
  });
});

describe("statisticsColumns", () => {
  it("gives every statistics column of the results table", async () => {
    const set = arrays(x, y, { dim: d });
    const views = viewsOf(set, 3);
    const all = { train: set, test: set, trainaug: views, testaug: views, trainrealaug: views, testrealaug: views };
    const { columns, sets } = await statisticsColumns(all);
    const header = Object.keys(loadResults()[0]!).filter((name) => /^(train|test)(real)?(aug)?_(?!test)/.test(name));
    expect(header).toHaveLength(42);
    expect(Object.keys(columns).sort()).toEqual(header.sort());
    expect(columns.trainaug_nc1norm).toBe(sets.trainaug!.nc1 / Math.sqrt(sets.train!.rank));
    expect((await statisticsColumns({ trainaug: views })).columns.trainaug_nc1norm).toBeNull();
  });

  it("takes views in either order", async () => {
    const set = arrays(x, y, { dim: d });
    const turned = set.subset(Int32Array.from({ length: n }, (_, row) => (row % 70) * 3 + Math.trunc(row / 70)));
    const a = viewsOf(set, 3);
    const b = viewsOf(turned, 3, "view-major");
    expect((await featureStatistics(b)).nc1).toBeCloseTo((await featureStatistics(a)).nc1, 9);
    expect([...a.subset(Int32Array.of(5, 0)).labels]).toEqual([1, 0]);
    expect(() => viewsOf(set, 4)).toThrow(TypeError);
  });
});

describe("symmetricEigen", () => {
  it("gives eigenvalues and vectors of matrices of any shape of spectrum", () => {
    const draw = rng(1, "eigen");
    for (const size of [1, 2, 3, 17, 60]) {
      for (const kind of ["full", "low rank", "diagonal", "zero", "tiny"]) {
        const a = new Float64Array(size * size);
        const rank = kind === "low rank" ? Math.ceil(size / 3) : size;
        for (let r = 0; r < rank && kind !== "zero"; r++) {
          const v = Array.from({ length: size }, (_, i) => (kind === "diagonal" ? Number(i === r) : draw.normal()));
          const factor = kind === "tiny" ? 1e-200 : draw.normal();
          for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) a[i * size + j]! += factor * v[i]! * v[j]!;
        }
        const { values, vectors } = symmetricEigen(a.slice(), size, (all) => all.length);
        const scale = Math.max(Math.abs(values[0]!), Math.abs(values[size - 1]!), Number.MIN_VALUE);
        for (let e = 0; e < size; e++) {
          const v = vectors.subarray(e * size, (e + 1) * size);
          expect(Math.hypot(...v)).toBeCloseTo(1, 12);
          for (let i = 0; i < size; i++) {
            let product = 0;
            for (let j = 0; j < size; j++) product += a[i * size + j]! * v[j]!;
            expect(Math.abs(product - values[e]! * v[i]!) / scale, `${size} ${kind}`).toBeLessThan(1e-13 * size);
          }
        }
      }
    }
  });
});

/** `rows` of noise that are made when asked for. */
function fakeSet(rows: number, dim: number, onRead: (count: number) => void): FeatureSet {
  const labels = Int32Array.from({ length: rows }, (_, i) => i % 3);
  const set: FeatureSet = {
    n: rows,
    dim,
    classes: ["a", "b", "c"],
    labels,
    async rows(start, end) {
      onRead(end - start);
      const draw = rng(start, "rows");
      return Float32Array.from({ length: (end - start) * dim }, () => draw.uniform());
    },
    subset: (index) => ({ ...set, n: index.length, labels: index.map((row) => labels[row]!) }),
  };
  return set;
}
