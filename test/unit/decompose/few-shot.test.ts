import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ProgressEvent } from "../../../src/core/events.ts";
import { imageArrays } from "../../../src/decompose/datasets/arrays.ts";
import { inMemory } from "../../../src/decompose/features.ts";
import { featurizeData } from "../../../src/decompose/featurize.ts";
import { rotated } from "../../../src/decompose/few-shot/rotation.ts";
import { forRaw, minMax, scaledFeatures, scaledRows } from "../../../src/decompose/few-shot/scaling.ts";
import { drawC, fitFewShot } from "../../../src/decompose/few-shot/search.ts";
import { columnOf, drawFewShot, type Shots } from "../../../src/decompose/few-shot/shots.ts";
import { fewShot } from "../../../src/decompose/few-shot.ts";
import { scoresInFloat64, transposed } from "../../../src/decompose/probes/linear.ts";
import { logisticRegression } from "../../../src/decompose/probes/logistic.ts";
import type { FeatureSet } from "../../../src/decompose/types.ts";
import { fakeEncoder } from "../../support/fake-encoder.ts";
import { isTest, problemOf, rowsOf } from "./problems.ts";

const dir = mkdtempSync(join(tmpdir(), "ssl-hub-few-shot-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const problem = problemOf({ seed: 31, n: 420, d: 8, K: 4, sep: 0.6 });
const classes = ["a", "b", "c", "d"];
const set = ({ x, y, d }: typeof problem) => inMemory(x, y, { dim: d, classes });
const train = set(rowsOf(problem, (i) => !isTest(i)));
const test = set(rowsOf(problem, isTest));

/** Labels of classes with so many rows each, in turn. */
function labelled(...sizes: number[]) {
  const most = Math.max(...sizes);
  const labels = Array.from({ length: most }, (_, i) => sizes.flatMap((size, c) => (i < size ? [c] : []))).flat();
  const names = sizes.map((_, c) => `class ${c}`);
  return { n: labels.length, labels: Int32Array.from(labels), classes: names };
}

const countsOf = (labels: Int32Array, rows: Int32Array, k: number) => {
  const counts = new Array<number>(k).fill(0);
  for (const row of rows) counts[labels[row]!]!++;
  return counts;
};

describe("drawFewShot", () => {
  const outline = labelled(40, 60, 50);
  const draw = (shots: Shots, o: { seed?: number; nVal?: number; validation?: "rest" | "all" } = {}) =>
    drawFewShot(outline, { shots, seed: 1, nVal: 20, validation: "rest", ...o });

  it("takes as many of each class, nested, and validates on other rows, the same for all shots", () => {
    const [three, thirty] = [draw(3), draw(30)];
    expect(countsOf(outline.labels, three.shots, 3)).toEqual([3, 3, 3]);
    expect(countsOf(outline.labels, thirty.shots, 3)).toEqual([30, 30, 30]);
    const held = new Set(thirty.shots);
    for (const row of three.shots) expect(held.has(row)).toBe(true);
    for (const row of thirty.validation) expect(held.has(row)).toBe(false);
    expect(thirty.validation).toEqual(three.validation);
    expect(countsOf(outline.labels, three.validation, 3).sort()).toEqual([6, 7, 7]);
    for (const rows of [three.shots, thirty.shots, three.validation]) {
      expect([...rows]).toEqual([...new Set(rows)].sort((a, b) => a - b));
    }
  });

  it("follows from the seed", () => {
    expect(draw(5)).toEqual(draw(5));
    expect(draw(5, { seed: 2 }).shots).not.toEqual(draw(5).shots);
    expect(draw(5, { seed: 2 }).validation).not.toEqual(draw(5).validation);
  });

  it("shares a percentage evenly over the classes, whatever their sizes; what does not divide is drawn", () => {
    const extra = [0, 0, 0];
    for (let seed = 0; seed < 60; seed++) {
      const counts = countsOf(outline.labels, draw("7%", { seed }).shots, 3);
      expect([...counts].sort()).toEqual([3, 3, 4]); // 10.5 of 150 rows, rounded down
      extra[counts.indexOf(4)]!++;
    }
    // 20 each, with a standard deviation of 3.7.
    for (const times of extra) expect(Math.abs(times - 20)).toBeLessThan(12);
    // 29 / 100 * 100 is 28.999999999999996.
    const hundred = labelled(50, 50);
    expect(drawFewShot(hundred, { shots: "29%", seed: 0, nVal: 5, validation: "rest" }).shots).toHaveLength(29);
  });

  it("fills the validation rows from the classes that have more, and takes all where there are too few", () => {
    expect(countsOf(outline.labels, draw(38, { nVal: 26 }).validation, 3)).toEqual([2, 12, 12]);
    expect(countsOf(outline.labels, draw(38, { nVal: 1000 }).validation, 3)).toEqual([2, 22, 12]);
  });

  it('draws validation rows from all with "all", apart from the shots', () => {
    const { shots, validation } = draw(30, { validation: "all", nVal: 90 });
    expect(countsOf(outline.labels, validation, 3)).toEqual([30, 30, 30]);
    const both = validation.filter((row) => shots.includes(row)).length;
    expect(both).toBeGreaterThan(20);
    expect(both).toBeLessThan(80);
    expect(countsOf(outline.labels, draw(40, { validation: "all" }).shots, 3)).toEqual([40, 40, 40]);
  });

  it("passes over classes that do not occur", () => {
    const sparse = { ...labelled(6, 0, 6), classes: ["x", "y", "z"] };
    expect(countsOf(sparse.labels, drawFewShot(sparse, { shots: 2, seed: 0, nVal: 4, validation: "rest" }).shots, 3)).toEqual([2, 0, 2]); // biome-ignore format: one line
  });

  it("refuses what the classes cannot give, and names them", () => {
    const few = (found: RegExp) => expect.objectContaining({ code: "DATA", message: expect.stringMatching(found) });
    const refused = (shots: Shots) => {
      try {
        draw(shots);
      } catch (error) {
        return error;
      }
      return undefined;
    };
    expect(refused(55)).toEqual(
      few(/shots 55 asks for 55 images of a class.*class 0 \(40\), class 2 \(50\)\. Take fewer/),
    );
    expect(refused(40)).toEqual(few(/shots 40 takes all images of class 0 \(40\), none are left.*validation "all"/));
    expect(refused("1%")).toEqual(few(/1% of 150 training images are 1, fewer than the 3 classes/));
    expect(refused("99%")).toEqual(few(/shots 99% asks for 50 images/));
    expect(refused(39)).toBeUndefined();
  });
});

describe("columns", () => {
  it("are called as in the results table", () => {
    const names = ([3, 5, 30, "1%", "10%", "0.7%"] as const).map(columnOf);
    expect(names).toEqual([
      "train-nperclass-3_test",
      "train-nperclass-5_test",
      "train-nperclass-30_test",
      "train-balsbst-ntrain0.01_test",
      "train-balsbst-ntrain0.1_test",
      "train-balsbst-ntrain0.007_test",
    ]);
  });
});

describe("scaling", () => {
  const x = Float32Array.of(1, 5, -2, 3, 5, 2, 2, 5, 0);
  const rows = inMemory(x, Int32Array.of(0, 1, 0), { dim: 3, classes: ["a", "b"] });

  it("takes each column to 0..1, and a constant one to 0", async () => {
    const scaling = await minMax(rows, {});
    expect([...scaling.range]).toEqual([2, 1, 4]);
    expect([...(await scaledRows(rows, scaling, {}))]).toEqual([0, 0, 0, 1, 0, 1, 0.5, 0, 0.5]);
    const view = scaledFeatures(rows, scaling).subset(Int32Array.of(2, 1));
    expect([...(await view.rows(0, 2))]).toEqual([0.5, 0, 0.5, 1, 0, 1]);
    expect([...view.labels]).toEqual([0, 1]);
  });

  it("moves into the model without changing its scores", async () => {
    const scaling = await minMax(rows, {});
    const fit = { coef: Float64Array.of(1, -2, 0.5, 3, 1, -1), intercept: Float64Array.of(0.25, -0.5) };
    const scaled = Float32Array.from(await scaledRows(rows, scaling, {}));
    const wanted = scoresInFloat64(scaled, transposed(fit.coef, 2, 3), fit.intercept);
    const raw = forRaw(fit, scaling);
    const found = scoresInFloat64(x, transposed(raw.coef, 2, 3), raw.intercept);
    wanted.forEach((score, i) => {
      expect(found[i]).toBeCloseTo(score, 14);
    });
  });
});

describe("rotation", () => {
  it("leaves the optimum where it is, with rows that repeat and columns that are constant", async () => {
    const wide = problemOf({ seed: 33, n: 30, d: 70, K: 3, sep: 0.4 });
    const x = Float64Array.from(wide.x, (value, at) => (at % 70 === 5 ? 0.25 : value / 3 + 2));
    x.copyWithin(3 * 70, 0, 70);
    const few = rotated(x, 30, 70);
    expect([few.d, few.x.length]).toEqual([30, 900]);
    for (const C of [1e-3, 1, 100]) {
      const wanted = await logisticRegression({ ...wide, x, C });
      const found = await logisticRegression({ ...wide, x: few.x, d: few.d, C });
      expect(Math.abs(found.objective / wanted.objective - 1)).toBeLessThan(1e-12);
      const size = Math.hypot(...wanted.coef);
      expect(Math.hypot(...few.back(found.coef).map((w, at) => w - wanted.coef[at]!))).toBeLessThan(4e-8 * size);
      expect(found.intercept[1]).toBeCloseTo(wanted.intercept[1]!, 6);
    }
  });

  it("leaves rows alone that are more than half of their features", () => {
    const x = Float64Array.of(1, 2, 3, 4, 5, 6);
    expect(rotated(x, 2, 3).x).toBe(x);
  });
});

describe("C", () => {
  it("is drawn log-uniformly from 1e-6 to 100 by the seed", () => {
    const values = drawC(4000, 3);
    expect(drawC(30, 3)).toEqual(values.slice(0, 30));
    expect(drawC(30, 4)).not.toEqual(values.slice(0, 30));
    const logs = values.map((C) => Math.log10(C));
    expect(Math.min(...logs)).toBeGreaterThanOrEqual(-6);
    expect(Math.max(...logs)).toBeLessThanOrEqual(2);
    // Eight decades, an eighth of the values in each: 500 with a standard deviation of 21.
    for (let decade = -6; decade < 2; decade++) {
      expect(Math.abs(logs.filter((log) => Math.floor(log) === decade).length - 500)).toBeLessThan(85);
    }
  });

  it("is the one with the fewest validation errors, the first in the list on ties, in any order", async () => {
    const { shots, validation } = drawFewShot(train, { shots: 5, seed: 0, nVal: 60, validation: "rest" });
    const parts = [train.subset(shots), train.subset(validation)] as const;
    const C = drawC(12, 0);
    const fit = await fitFewShot(...parts, { C });
    const errors = fit.candidates.map((one) => one.validation_errors);
    const least = Math.min(...errors);
    expect(new Set(errors).size).toBeGreaterThan(1);
    expect(errors.filter((count) => count === least).length).toBeGreaterThan(1);
    expect(fit.C).toBe(C[errors.indexOf(least)]);
    const reversed = await fitFewShot(...parts, { C: [...C].reverse() });
    expect(reversed.candidates.map((one) => one.validation_errors).reverse()).toEqual(errors);
    expect(reversed.C).toBe(C[errors.lastIndexOf(least)]);
    const alone = await fitFewShot(...parts, { C: [fit.C] });
    expect([...(await alone.predict(test))]).toEqual([...(await fit.predict(test))]);
    expect(alone.candidates[0]!.objective).toBeCloseTo(fit.candidates[errors.indexOf(least)]!.objective, 10);
  });

  it("is the same when the features are read again and again", async () => {
    const { shots, validation } = drawFewShot(train, { shots: 20, seed: 0, nVal: 60, validation: "rest" });
    const parts = [train.subset(shots), train.subset(validation)] as const;
    const C = [1e-3, 0.1, 10];
    const held = await fitFewShot(...parts, { C });
    const streamed = await fitFewShot(...parts, { C, memoryLimit: 1 });
    expect(streamed.C).toBe(held.C);
    for (const [i, { objective }] of held.candidates.entries()) {
      // Streamed fits end at 1e-4 of the weights: the objective, flat there, at about its square.
      expect(Math.abs(streamed.candidates[i]!.objective / objective - 1)).toBeLessThan(1e-7);
    }
    await expect(fitFewShot(...parts, { C: [] })).rejects.toThrow(TypeError);
  });
});

describe("fewShot", () => {
  const options = { shots: [3, 30, "5%"], seeds: [0, 1, 2], candidates: 6 } as const;

  it("gives means and standard errors over the seeds under the table's names, to the bit again", async () => {
    const report = await fewShot(null, train, test, options);
    expect(report).toMatchObject({
      n_train: 360,
      n_test: 60,
      n_classes: 4,
      z_dim: 8,
      seeds: [0, 1, 2],
      candidates: 6,
      validation: "rest",
    });
    expect(report.points.map(({ shots, images, n_val }) => [shots, images, n_val])).toEqual([
      [3, 12, 60],
      [30, 120, 60],
      ["5%", 18, 60],
    ]);
    for (const { column, draws, error, standard_error, C, validation } of report.points) {
      expect(report.errors[column]).toBe(error);
      const mean = (draws[0]! + draws[1]! + draws[2]!) / 3;
      expect(error).toBeCloseTo(mean, 12);
      const spread = Math.hypot(...draws.map((one) => one - mean)) / Math.sqrt(6);
      expect(standard_error).toBeCloseTo(spread, 12);
      for (const [i, one] of C.entries()) expect(drawC(6, i)).toContain(one);
      for (const one of validation) expect((one * 60) / 100).toBeCloseTo(Math.round((one * 60) / 100), 9);
    }
    expect(Object.keys(report.errors)).toEqual(["train-nperclass-3_test", "train-nperclass-30_test", "train-balsbst-ntrain0.05_test"]); // biome-ignore format: one line
    expect(report.points[0]!.error).toBeGreaterThan(report.points[1]!.error);
    expect(await fewShot(null, train, test, options)).toEqual(report);
  });

  it("is the error of the probe of its draw; a seed's numbers do not hang on the other seeds and shots", async () => {
    const alone = await fewShot(null, train, test, { ...options, shots: [30], seeds: [2] });
    const { points } = await fewShot(null, train, test, options);
    const point = alone.points[0]!;
    expect([point.draws[0], point.C[0], point.standard_error]).toEqual([points[1]!.draws[2], points[1]!.C[2], null]);
    const { shots, validation } = drawFewShot(train, { shots: 30, seed: 2, nVal: test.n, validation: "rest" });
    const fit = await fitFewShot(train.subset(shots), train.subset(validation), { C: drawC(6, 2) });
    const wrong = (await fit.predict(test)).filter((label, i) => label !== test.labels[i]).length;
    expect(point.draws[0]).toBe((100 * wrong) / test.n);
    const given = await fewShot(null, train, test, {
      ...options,
      shots: [30, 30],
      seeds: [2, 2],
      candidates: drawC(6, 2),
    });
    expect(given.points).toEqual(alone.points);
  });

  it("takes an encoder and images, and leaves out those that do not decode", async () => {
    const pixels = (value: number, broken = false) => {
      const text = broken ? "broken" : String.fromCharCode(value, value, value);
      return { data: Uint8Array.from(Buffer.from(text, "latin1")), width: text.length / 3, height: 1 };
    };
    const images = (n: number, broken: number[]) =>
      imageArrays(
        Array.from({ length: n }, (_, i) => pixels((i % 2) * 90 + ((i * 37) % 80), broken.includes(i))),
        Int32Array.from({ length: n }, (_, i) => i % 2),
      );
    const encoder = fakeEncoder();
    const job = { ...options, shots: [2, 5], dir, onError: "skip" } as const;
    const [a, b] = [images(40, [3]), images(20, [])];
    const report = await fewShot(encoder, a, b, job);
    expect([report.n_train, report.n_test, report.z_dim]).toEqual([39, 20, 3]);
    const features = async (data: typeof a) => featurizeData(encoder, data, { dir, onError: "skip" });
    expect(await fewShot(null, await features(a), await features(b), job)).toEqual(report);
  });

  it("tells its steps, and stops when asked", async () => {
    const events: ProgressEvent[] = [];
    await fewShot(null, train, test, { ...options, onProgress: (event) => events.push(event) });
    const total = 3 * 3 * 6;
    expect(events).toEqual(
      Array.from({ length: total }, (_, i) => ({ stage: "fit", name: "few-shot", done: i + 1, total, unit: "steps" })),
    );
    const control = new AbortController();
    const stopped = fewShot(null, train, test, {
      ...options,
      signal: control.signal,
      onProgress: () => control.abort(new Error("enough")),
    });
    await expect(stopped).rejects.toThrow("enough");
  });

  it("goes on where it was killed, to the same numbers, and two runs share the work", async () => {
    const drawsDir = join(dir, "draws");
    const kept = { ...options, drawsDir };
    const wanted = await fewShot(null, train, test, options);
    const control = new AbortController();
    const stop = (event: ProgressEvent) => "done" in event && event.done === 14 && control.abort(new Error("killed"));
    await expect(fewShot(null, train, test, { ...kept, signal: control.signal, onProgress: stop })).rejects.toThrow("killed"); // biome-ignore format: one line
    const files = () => readdirSync(drawsDir).filter((name) => name.startsWith("few-shot-"));
    expect(files()).toHaveLength(2);
    const fits: number[] = [];
    const count = (event: ProgressEvent) => event.stage === "fit" && fits.push(event.done);
    const runs = [fewShot(null, train, test, { ...kept, onProgress: count }), fewShot(null, train, test, kept)];
    expect(await Promise.all(runs)).toEqual([wanted, wanted]);
    expect(fits.slice(0, 2)).toEqual([6, 12]);
    expect(fits.at(-1)).toBe(54);
    expect(readdirSync(drawsDir)).toEqual(files());
    expect(files()).toHaveLength(9);
    // Other candidates, other features: other draws.
    await fewShot(null, train, test, { ...kept, shots: [3], seeds: [0], candidates: [1, 2] });
    await fewShot(null, set(rowsOf(problemOf({ seed: 32, n: 420, d: 8, K: 4, sep: 0.6 }), (i) => !isTest(i))), test, { ...kept, shots: [3], seeds: [0] }); // biome-ignore format: one line
    expect(files()).toHaveLength(11);
    for (const [text, found] of [
      ["{", /Cannot read the few-shot draw.*Remove the file/],
      ['{"format":2}', /its format is 2/],
    ] as const) {
      for (const name of files()) writeFileSync(join(drawsDir, name), text);
      await expect(fewShot(null, train, test, kept)).rejects.toThrow(found);
    }
  });

  it("refuses bad input before it reads anything", async () => {
    let reads = 0;
    const watched = (source: FeatureSet): FeatureSet => ({
      ...source,
      rows: async (start, end) => {
        reads++;
        return source.rows(start, end);
      },
    });
    const [a, b] = [watched(train), watched(test)];
    const fault = (change: object, x = a, y = b) => fewShot(null, x, y, { ...options, ...change });
    for (const shots of [0, -1, 2.5, Number.NaN, 91, "0%", "100%", "0.1%", "x", "3"] as Shots[]) {
      await expect(fault({ shots: [3, shots] }), String(shots)).rejects.toMatchObject({ code: "DATA" });
    }
    await expect(fault({}, a, { ...b, classes: ["a", "b", "d", "c"] })).rejects.toMatchObject({ code: "DATA" });
    const lone = a.subset(Int32Array.from(a.labels.keys()).filter((row) => a.labels[row] !== 2));
    await expect(fault({}, lone)).rejects.toThrow(/no row of 1 classes of test: c/);
    const types = [{ shots: [] }, { seeds: [] }, { seeds: [0.5] }, { candidates: 0 }, { candidates: [1, -1] }];
    for (const change of [...types, { candidates: [] }, { nVal: 0 }, { validation: "none" }]) {
      await expect(fault(change), JSON.stringify(change)).rejects.toThrow(TypeError);
    }
    const images = imageArrays([{ data: new Uint8Array(3), width: 1, height: 1 }], [0]);
    await expect(fewShot(null, images, b)).rejects.toThrow(/train holds images, so an encoder is needed/);
    expect(reads).toBe(0);
    const x = problem.x.slice();
    x[13] = Number.NaN;
    await expect(fault({}, inMemory(x, problem.y, { dim: problem.d, classes }))).rejects.toMatchObject({ code: "DATA", details: { row: 1 } }); // biome-ignore format: one line
  });
});
