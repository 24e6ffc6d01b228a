import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256 } from "../../../src/core/hash.ts";
import { newOwner } from "../../../src/core/owner.ts";
import { rng } from "../../../src/core/rng.ts";
import {
  arrays,
  computeRiskComponents,
  digitsFeatures,
  type Evaluated,
  type FeatureSet,
  type Parameters,
  type Space,
  TUNABLE,
  type Tunable,
  tuned,
  tuneProbe,
} from "../../../src/decompose/index.ts";
import { goodOf, parzen, suggest } from "../../../src/decompose/tuning/parzen.ts";
import { checkSpace, drawUniform } from "../../../src/decompose/tuning/space.ts";

const SPACE: Space = {
  lr: { kind: "log-uniform", low: 1e-3, high: 1 },
  depth: { kind: "integer", low: 2, high: 5 },
  batch: { kind: "power-of-2", low: 3, high: 5 },
  share: { kind: "uniform", low: -1, high: 2 },
  kind: { kind: "choice", values: ["a", "b", true] },
};

/** Rows of two features and `classes` classes, far apart. */
function rowsOf(n: number, classes: number): FeatureSet {
  const labels = Int32Array.from({ length: n }, (_, i) => i % classes);
  const x = Float32Array.from({ length: 2 * n }, (_, i) => (i % 2 ? i / (2 * n) : labels[i >> 1]!));
  return arrays(x, labels, { dim: 2, classes: Array.from({ length: classes }, (_, c) => `class ${c}`) });
}

/** A probe that errs on the first `badness * 100` of a hundred rows, and tells of its fits and what it predicts. */
function counting(
  tell: (fit: { n: number; classes: number; evaluated?: Evaluated; parameters: Parameters }) => void,
  look: (rows: string) => void = () => {},
) {
  const tunable: Tunable = {
    name: "counting",
    space: { badness: { kind: "uniform", low: 0, high: 1 } },
    recipes: { half: { badness: 0.5 }, good: { badness: 0.25 }, as_good: { badness: 0.25 } },
    make: (parameters) => ({
      name: "counting",
      async fit(train, { evaluated }) {
        tell({ n: train.n, classes: new Set(train.labels).size, evaluated, parameters });
        const wrong = (n: number) => Math.round(Math.max(0.25, parameters.badness as number) * n);
        return {
          async predict(x) {
            look(
              `${x.n} rows, ${String(await x.rows(0, x.n)) === String(await train.rows(0, train.n)) ? "the same" : "others"}`,
            );
            return x.labels.map((label, i) => (i < wrong(x.n) ? (label + 1) % x.classes.length : label));
          },
          report: { loss: null, gradientNorm: null, iterations: 0 },
          dispose() {},
        };
      },
    }),
  };
  return tunable;
}

describe("search space", () => {
  it("draws every value of each kind, and no other", () => {
    const draws = Array.from({ length: 2000 }, (_, i) => drawUniform(SPACE, rng(i)));
    const values = (name: string) => new Set(draws.map((draw) => draw[name]));
    expect(values("depth")).toEqual(new Set([2, 3, 4, 5]));
    expect(values("batch")).toEqual(new Set([8, 16, 32]));
    expect(values("kind")).toEqual(new Set(["a", "b", true]));
    const numbers = (name: string) => draws.map((draw) => draw[name] as number).sort((a, b) => a - b);
    for (const [name, low, high] of [["lr", 1e-3, 1] as const, ["share", -1, 2] as const]) {
      expect(numbers(name)[0]).toBeGreaterThanOrEqual(low);
      expect(numbers(name).at(-1)).toBeLessThanOrEqual(high);
    }
    // The median of a log-uniform law is the geometric mean of its ends; 2000 draws come within a tenth in the logarithm.
    expect(Math.abs(Math.log(numbers("lr")[1000]! / 1e-1 ** 1.5))).toBeLessThan(0.2);
  });

  it.each([
    [{ a: { kind: "uniform", low: 1, high: 1 } }, "a goes from 1 to 1"],
    [{ a: { kind: "log-uniform", low: 0, high: 1 } }, "need a number > 0"],
    [{ a: { kind: "integer", low: 0.5, high: 3 } }, "need integers"],
    [{ a: { kind: "choice", values: [] } }, "has no values"],
  ] as [Space, string][])("%j is refused", (space, found) => {
    expect(() => checkSpace(space)).toThrow(found);
  });
});

describe("Parzen estimator", () => {
  const points: Parameters[] = [
    { lr: 0.01, depth: 2, batch: 8, share: -1, kind: "a" },
    { lr: 1, depth: 5, batch: 32, share: 0.3, kind: true },
  ];

  it.each(["lr", "depth", "batch", "share", "kind"])("its density of %s sums to 1", (name) => {
    const dimension = SPACE[name]!;
    const density = parzen({ [name]: dimension }, points);
    const at = (value: unknown) => Math.exp(density.logDensity({ [name]: value as never }));
    const grid = (low: number, high: number, of: (u: number) => number) => {
      const steps = 20_000;
      const h = (high - low) / steps;
      return Array.from({ length: steps }, (_, i) => at(of(low + (i + 0.5) * h)) * h).reduce((a, b) => a + b, 0);
    };
    const sums: Record<string, () => number> = {
      lr: () => grid(Math.log(1e-3), 0, Math.exp),
      share: () => grid(-1, 2, (u) => u),
      depth: () => [2, 3, 4, 5].map(at).reduce((a, b) => a + b),
      batch: () => [8, 16, 32].map(at).reduce((a, b) => a + b),
      kind: () => ["a", "b", true].map(at).reduce((a, b) => a + b),
    };
    expect(sums[name]!()).toBeCloseTo(1, 7);
  });

  it("one point: its kernel and the prior's, by hand", () => {
    const density = parzen({ share: SPACE.share! }, [{ share: 0.5 }]);
    // sd = 0.2 * 3 is below the least, 3 / 3; the prior's is the interval of 3 around 0.5. P(|Z| < 1.5), P(|Z| < 0.5).
    const kernel = (sd: number, inside: number) => 1 / (sd * Math.sqrt(2 * Math.PI) * inside);
    const expected = 0.5 * kernel(1, 0.866385597462284) + 0.5 * kernel(3, 0.382924922548026);
    expect(Math.exp(density.logDensity({ share: 0.5 }))).toBeCloseTo(expected, 12);
  });

  const optuna = JSON.parse(readFileSync(new URL("../../fixtures/probe/parzen.json", import.meta.url), "utf8"));
  const space: Space = {
    lr: SPACE.lr!,
    depth: SPACE.depth!,
    share: SPACE.share!,
    kind: { kind: "choice", values: ["a", "b", "c"] },
  };

  it("has the densities of Optuna's, whatever the number of points", () => {
    for (const { points, at, log } of optuna.densities) {
      const names = Object.keys(at[0]);
      const density = parzen(Object.fromEntries(names.map((name) => [name, space[name]!])), points);
      for (const [i, one] of at.entries()) expect(Math.abs(density.logDensity(one) - log[i])).toBeLessThan(1e-9);
    }
  });

  it("takes the trials for good that Optuna takes", () => {
    for (const { errors, good } of optuna.splits) {
      const history = errors.map((error: number) => ({ parameters: {}, error }));
      expect([...goodOf(history)].sort((a, b) => a - b)).toEqual(good);
    }
  });

  it("suggests the best of 24 draws", () => {
    const history = Array.from({ length: 20 }, (_, i) => ({ parameters: { share: i / 10 - 0.5 }, error: i }));
    const [better, worse] = [history.slice(0, 2), history.slice(2)].map((part) => parzen({ share: SPACE.share! }, part.map(({ parameters }) => parameters))); // biome-ignore format: one line
    const draw = rng(3);
    const draws = Array.from({ length: 24 }, () => better!.sample(draw));
    const score = (at: Parameters) => better!.logDensity(at) - worse!.logDensity(at);
    const best = draws.reduce((a, b) => (score(b) > score(a) ? b : a));
    expect(draws.indexOf(best)).toBeGreaterThan(12);
    expect(suggest({ share: SPACE.share! }, history, rng(3))).toEqual(best);
  });

  it("draws follow the density", () => {
    const density = parzen({ kind: SPACE.kind! }, [{ kind: "b" }, { kind: "b" }]);
    const draw = rng(5);
    const draws = Array.from({ length: 6000 }, () => density.sample(draw).kind);
    const share = draws.filter((kind) => kind === "b").length / 6000;
    // Rows of a third each with one more for b: (4/3) / 2 twice, then a third.
    expect(share).toBeCloseTo((2 * (2 / 3) + 1 / 3) / 3, 1);
    expect(Math.abs(share - Math.exp(density.logDensity({ kind: "b" })))).toBeLessThan(0.02);
  });

  it("finds the least of a function sooner than drawing at random, over 20 seeds", () => {
    const space: Space = {
      x: { kind: "log-uniform", low: 1e-3, high: 1e3 },
      kind: { kind: "choice", values: ["bad", "good"] },
    };
    const f = ({ x, kind }: Parameters) => Math.log(x as number) ** 2 + (kind === "good" ? 0 : 5);
    const least = (seed: number, learns: boolean) => {
      const history: { parameters: Parameters; error: number }[] = [];
      for (let t = 0; t < 40; t++) {
        const draw = rng(seed, `trial ${t}`);
        const parameters = learns && t >= 10 ? suggest(space, history, draw) : drawUniform(space, draw);
        history.push({ parameters, error: f(parameters) });
      }
      return Math.log(Math.min(...history.map(({ error }) => error)));
    };
    const mean = (learns: boolean) =>
      Array.from({ length: 20 }, (_, seed) => least(seed, learns)).reduce((a, b) => a + b) / 20;
    expect(mean(true)).toBeLessThan(mean(false) - 1);
  });
});

describe("tuneProbe", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "ssl-hub-tune-"));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it("tries the recipes first, keeps the first of equals, holds a fifth of the rows out", async () => {
    const fits: { n: number; parameters: Parameters }[] = [];
    const { best, trials } = await tuneProbe(rowsOf(100, 4), { probe: counting((fit) => fits.push(fit)), trials: 12 });
    expect(trials.slice(0, 4).map(({ recipe }) => recipe)).toEqual(["half", "good", "as_good", null]);
    expect(trials.map(({ trial }) => trial)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(best).toEqual({ trial: 1, recipe: "good", parameters: { badness: 0.25 }, error: 25 });
    expect(new Set(fits.map(({ n }) => n))).toEqual(new Set([80]));
  });

  it("validates on given rows, and then fits on all", async () => {
    const fits: { n: number }[] = [];
    const validation = rowsOf(40, 4);
    await tuneProbe(rowsOf(100, 4), { probe: counting((fit) => fits.push(fit)), trials: 2, validation });
    expect(fits.map(({ n }) => n)).toEqual([100, 100]);
  });

  it("stopped and called again it gives the same trials to the bit; a longer search begins with them", async () => {
    const set = rowsOf(100, 4);
    const probe = counting(() => {});
    const whole = await tuneProbe(set, { probe, trials: 30, startup: 10 });
    const stop = new AbortController();
    const onProgress = ({ done }: { done?: number }) => done === 17 && stop.abort(new Error("stopped"));
    const job = { signal: stop.signal, onProgress: onProgress as never };
    await expect(tuneProbe(set, { probe, trials: 30, startup: 10, dir, ...job })).rejects.toThrow("stopped");
    const [file] = (await readdir(dir)).filter((name) => name.startsWith("tune-"));
    expect(JSON.parse(await readFile(join(dir, file!), "utf8")).trials).toHaveLength(17);

    let fits = 0;
    const again = counting(() => fits++);
    expect((await tuneProbe(set, { probe: again, trials: 30, startup: 10, dir })).trials).toEqual(whole.trials);
    expect(fits).toBe(13);
    const longer = await tuneProbe(set, { probe: again, trials: 31, startup: 10, dir });
    expect(longer.trials.slice(0, 30)).toEqual(whole.trials);
    expect(fits).toBe(14);
  });

  it("two processes with one search do not fit twice", async () => {
    let fits = 0;
    const probe = counting(() => fits++);
    const run = () => tuneProbe(rowsOf(100, 4), { probe, trials: 8, dir });
    const [a, b] = await Promise.all([run(), run()]);
    expect(a.trials).toEqual(b.trials);
    expect(fits).toBe(8);
  });

  it("other rows, another seed or space have trials of their own; a damaged file is told", async () => {
    const probe = counting(() => {});
    await tuneProbe(rowsOf(100, 4), { probe, trials: 1, dir });
    await tuneProbe(rowsOf(100, 5), { probe, trials: 1, dir });
    await tuneProbe(rowsOf(100, 4), { probe, trials: 1, dir, seed: 5 });
    await tuneProbe(rowsOf(100, 4), {
      probe: { ...probe, space: { badness: { kind: "uniform", low: 0, high: 2 } } },
      trials: 1,
      dir,
    });
    const files = (await readdir(dir)).filter((name) => name.startsWith("tune-"));
    expect(files).toHaveLength(4);
    for (const file of files) await writeFile(join(dir, file), "{");
    const failed = tuneProbe(rowsOf(100, 4), { probe, trials: 1, dir });
    await expect(failed).rejects.toMatchObject({ code: "DATA", message: expect.stringContaining("Remove the file") });
  });

  it("features that are not finite are told before the first fit", async () => {
    let fits = 0;
    const rows = { ...rowsOf(100, 4), rows: async (from: number, to: number) => new Float32Array(2 * (to - from)).fill(Number.NaN) }; // biome-ignore format: one line
    await expect(tuneProbe(rows, { probe: counting(() => fits++), trials: 2 })).rejects.toMatchObject({ code: "DATA" });
    expect(fits).toBe(0);
  });

  it("a whole search that a process left before it gave back its lease is taken, and the lease goes", async () => {
    const probe = counting(() => {});
    const { trials } = await tuneProbe(rowsOf(100, 4), { probe, trials: 2, dir });
    const [file] = await readdir(dir);
    const lock = join(dir, sha256(join(dir, file!)).slice(0, 16));
    await mkdir(lock);
    await writeFile(join(lock, "owner"), newOwner().replace(/^\d+/, "4194304"));
    expect((await tuneProbe(rowsOf(100, 4), { probe, trials: 2, dir })).trials).toEqual(trials);
    expect(await readdir(dir)).toEqual([file]);
  });

  it.each([
    [{ trials: 0 }, "trials must be a whole number >= 1, not 0"],
    [{ probe: "nn" as never }, 'nothing to tune "nn" by'],
    [{ sampler: "grid" as never }, 'must be "tpe" or "random"'],
    [{ protocol: "test" as never }, 'must be "held-out" or "paper"'],
    [{ probe: { ...TUNABLE.logistic, recipes: { far: { C: 1e9 } } } }, "The recipe far: C is 1000000000"],
  ])("%j is refused", async (options, found) => {
    await expect(tuneProbe(rowsOf(20, 2), options)).rejects.toThrow(found);
  });

  it("the paper's space and recipes are of one mind", async () => {
    const { space, recipes } = TUNABLE.sgd;
    expect(Object.keys(recipes)).toEqual(["basic_sgd", "basic_adam", "vissl", "simsiam", "moco", "dino", "erm"]);
    const draw = drawUniform(space, rng(1));
    for (const recipe of Object.values(recipes)) expect(Object.keys(recipe).sort()).toEqual(Object.keys(draw).sort());
  });
});

describe("tuned", () => {
  it("the paper's protocol: a fifth of the classes, half of their rows, validated as each risk asks", async () => {
    const fits: { n: number; classes: number; evaluated?: Evaluated }[] = [];
    const looks: string[] = [];
    const tunable = counting(
      (fit) => fits.push(fit),
      (rows) => looks.push(rows),
    );
    const probe = tuned({ probe: tunable, trials: 1, protocol: "paper" });
    const [train, test] = [rowsOf(200, 10), rowsOf(100, 10)];
    const risk = await computeRiskComponents(null, train, test, { probe, nSub: 50, modelSup: train });
    // Each risk has a search, on 20 of the 40 (of the complement 15 of the 30) rows of two classes, then a fit on all rows.
    expect(fits.map(({ n, classes }) => [n, classes])).toEqual([
      [20, 2],
      [200, 10],
      [20, 2],
      [200, 10],
      [15, 2],
      [150, 10],
      [20, 2],
      [200, 10],
    ]);
    expect(fits.map(({ evaluated }) => evaluated?.on)).toEqual(
      ["train", "test", "held", "train"].flatMap((on) => [undefined, on]),
    );
    expect(looks).toEqual([
      ...["20 rows, the same", "200 rows, the same"],
      ...["20 rows, others", "100 rows, others"],
      ...["15 rows, others", "50 rows, others"],
      ...["20 rows, the same", "200 rows, the same"],
    ]);
    expect(risk.probe).toBe("tuned counting");
    expect(risk.reports.train.tuning).toEqual({ parameters: { badness: 0.5 }, error: 50, trials: 1 });
  });

  it("what it finds may be an object of a class, whose methods it keeps", async () => {
    class Constant {
      readonly report = { loss: null, gradientNorm: null, iterations: 0 };
      disposed = 0;
      async predict({ n }: FeatureSet): Promise<Int32Array> {
        return new Int32Array(n);
      }
      dispose(): void {
        this.disposed++;
      }
    }
    const made: Constant[] = [];
    const tunable = counting(() => {});
    const make = () => ({ name: "constant", fit: async () => made[made.push(new Constant()) - 1]! });
    const fitted = await tuned({ probe: { ...tunable, make }, trials: 2 }).fit(rowsOf(100, 4), { seed: 1 });
    expect([...(await fitted.predict(rowsOf(3, 3)))]).toEqual([0, 0, 0]);
    expect(fitted.report.tuning).toMatchObject({ error: 75, trials: 2 });
    fitted.dispose();
    expect(made.map(({ disposed }) => disposed)).toEqual([1, 1, 1]);
  });

  it("held-out: one search serves both risks of the training set's probe", async () => {
    let fits = 0;
    const probe = tuned({ probe: counting(() => fits++), trials: 2 });
    await computeRiskComponents(null, rowsOf(200, 10), rowsOf(100, 10), { probe, nSub: 50 });
    expect(fits).toBe(2 * 3);
  });

  it("a tuned alpha errs at most a point more than alpha = 1 on the digits, and is the same again", async () => {
    const [train, test] = [await digitsFeatures({ split: "train" }), await digitsFeatures({ split: "test" })];
    const few = train.subset(Int32Array.from({ length: 200 }, (_, i) => i));
    const run = () => computeRiskComponents(null, few, test, { probe: tuned({ probe: "ridge", trials: 8 }), nSub: 50 });
    const [a, b] = [await run(), await run()];
    expect(a).toEqual(b);
    const plain = await computeRiskComponents(null, few, test, { probe: "ridge", nSub: 50 });
    expect(a.agg_risk).toBeLessThanOrEqual(plain.agg_risk + 1);
  });
});
