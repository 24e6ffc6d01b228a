import { beforeAll, describe, expect, it } from "vitest";
import { rng } from "../../../src/core/rng.ts";
import { arrays, imageArrays } from "../../../src/decompose/datasets/arrays.ts";
import { inMemory, joinFeatures } from "../../../src/decompose/features.ts";
import { trainEvalProbe } from "../../../src/decompose/probe.ts";
import { logistic } from "../../../src/decompose/probes/logistic-probe.ts";
import { clipped, componentsOf, onGrid, unionComponentsOf } from "../../../src/decompose/risk/components.ts";
import { classRisks, confusionOf } from "../../../src/decompose/risk/per-class.ts";
import { bootstrapIntervals, standardError } from "../../../src/decompose/risk/spread.ts";
import { computeRiskComponents, type RiskReport } from "../../../src/decompose/risk.ts";
import { splitIndices } from "../../../src/decompose/split.ts";
import type { FeatureSet, Probe } from "../../../src/decompose/types.ts";
import { isTest, problemOf, type Recipe, rowsOf } from "./problems.ts";

const recipe: Recipe = { seed: 11, n: 210, d: 5, K: 3, sep: 0.4 };

function parts(r: Recipe): { train: FeatureSet; test: FeatureSet } {
  const classes = ["a", "b", "c"];
  const whole = problemOf(r);
  const set = ({ x, y, d }: typeof whole) => inMemory(x, y, { dim: d, classes });
  return { train: set(rowsOf(whole, (i) => !isTest(i))), test: set(rowsOf(whole, isTest)) };
}

const { train, test } = parts(recipe);
const better = parts({ ...recipe, seed: 12, meanSeed: 11, sep: 1.5 }).train;

describe("computeRiskComponents", () => {
  it("is made of the errors of its three probes", async () => {
    const probe = logistic({ C: 0.1 });
    const report = await computeRiskComponents(null, train, test, { modelSup: better, nSub: 36, probe, seed: 7 });
    const { subset, complement } = splitIndices(train.labels, 36, 7);
    const error = async (a: FeatureSet, b: FeatureSet) => onGrid((await trainEvalProbe(a, b, { probe })).error);
    expect(report.risks).toEqual({
      sup_train_train: await error(better, better),
      train_train: await error(train, train),
      cs: await error(train.subset(complement), train.subset(subset)),
      train_test: await error(train, test),
      union_test: null,
    });
    const { approx, usability, probe_gen, enc_gen, agg_risk } = report;
    expect(approx).toBe(report.risks.sup_train_train);
    expect(approx! + usability + probe_gen + enc_gen).toBe(agg_risk);
    expect(agg_risk).toBe(report.risks.train_test);
    expect(report).toMatchObject({ n_sub: 36, seed: 7, probe: "logistic", n_train: train.n, n_test: test.n });
    const { union, ...fits } = report.reports;
    for (const fit of Object.values(fits)) expect(fit!.iterations).toBeGreaterThan(0);
    expect([union, report.alternative, report.standard_errors, report.intervals]).toEqual([null, null, null, null]);
    expect(report).not.toHaveProperty("per_class");
  });

  it("leaves approx null without a supervised encoder, and usability holds both", async () => {
    const report = await computeRiskComponents(null, train, test, { nSub: 36 });
    expect(report.approx).toBeNull();
    expect(report.usability).toBe(report.risks.train_train);
    expect(report.usability + report.probe_gen + report.enc_gen).toBe(report.agg_risk);
    expect(report.reports.supervised).toBeNull();
  });

  it("repeats itself under one seed and draws anew under another", async () => {
    const subsets: number[][] = [];
    const spy = spyProbe((set) => subsets.push([...set.labels]));
    for (const seed of [3, 3, 4]) await computeRiskComponents(null, scrambled, test, { nSub: 30, probe: spy, seed });
    // Fits alternate: whole, complement.
    expect(subsets[3]).toEqual(subsets[1]);
    expect(subsets[5]).not.toEqual(subsets[1]);
  });

  it("holds out as many rows as test has by default and in the paper's preset", async () => {
    const sizes: number[] = [];
    const spy = spyProbe((set) => sizes.push(set.n));
    for (const nSub of [undefined, "paper"] as const) {
      expect((await computeRiskComponents(null, train, test, { nSub, probe: spy })).n_sub).toBe(test.n);
    }
    expect(sizes).toEqual([train.n, train.n - test.n, train.n, train.n - test.n]);
  });

  it("hands signal and progress to the probe and gives fitted probes back", async () => {
    let open = 0;
    const control = new AbortController();
    const probe: Probe = {
      name: "own",
      async fit(_, { signal, onProgress, seed }) {
        expect(signal).toBe(control.signal);
        onProgress?.({ stage: "fit", name: "own", done: seed, unit: "steps" });
        open++;
        return {
          predict: async (set) => set.labels.map(() => 0),
          report: { loss: 1, gradientNorm: 0, iterations: 1 },
          dispose: () => open--,
        };
      },
    };
    const events: number[] = [];
    const report = await computeRiskComponents(null, train, test, {
      nSub: 30,
      probe,
      seed: 5,
      signal: control.signal,
      onProgress: (event) => "done" in event && events.push(event.done),
    });
    expect(open).toBe(0);
    expect(events).toEqual([5, 5]);
    // Always class 0: two thirds of balanced classes are wrong, whatever the encoder, so nothing is left to generalise.
    expect(report.usability).toBeCloseTo(100 * (2 / 3), 0);
    expect(report.probe).toBe("own");
  });

  it("asks for an encoder when it is given images", async () => {
    const images = { name: "x", key: "x", classes: ["a"], length: 100, labels: () => new Int32Array(100) };
    const data = { ...images, item: () => Promise.reject(new Error("not read")) };
    await expect(computeRiskComponents(null, data, data, { nSub: 10 })).rejects.toThrow(TypeError);
    await expect(computeRiskComponents(null, train, test, { modelSup: {} as never })).rejects.toThrow(TypeError);
  });
});

describe("repeats, union, classes and intervals", () => {
  const all = { modelSup: better, nSub: 36, seed: 7, repeats: 3, union: true, bootstrap: 200, perClass: true };
  const probe = logistic({ C: 0.1 });
  let report: RiskReport;
  beforeAll(async () => {
    report = await computeRiskComponents(null, train, test, { ...all, probe });
  });

  it("repeat themselves to the bit", async () => {
    expect(await computeRiskComponents(null, train, test, { ...all, probe })).toEqual(report);
  });

  it("are the mean over the subsets of consecutive seeds, with its standard error", async () => {
    const single = async (seed: number) =>
      (await computeRiskComponents(null, train, test, { nSub: 36, probe, seed })).cs_repeats[0]!;
    const each = [await single(7), await single(8), await single(9)];
    expect(report.cs_repeats).toEqual(each);
    expect(report.risks.cs).toBeCloseTo((each[0]! + each[1]! + each[2]!) / 3, 11);
    const error = standardError(each)!;
    expect(report.standard_errors).toEqual({ cs: error, probe_gen: error, enc_gen: error });
    expect(standardError([1, 2, 3, 4])).toBeCloseTo(Math.sqrt(5 / 3) / 2, 14);
  });

  it("takes the union's error from a probe on train and test", async () => {
    const both = joinFeatures(train, test);
    const { error } = await trainEvalProbe(both, test, { probe });
    expect(report.risks.union_test).toBeCloseTo(error, 11);
    const { approx, usability, probe_gen, enc_gen, agg_risk } = report.alternative!;
    expect(enc_gen).toBe(report.risks.union_test! - report.risks.train_train);
    expect(approx! + usability + probe_gen + enc_gen).toBe(agg_risk);
    expect(agg_risk).toBe(report.agg_risk);
  });

  it("has confusions that give the risks, of all and of each class", () => {
    const { confusions, per_class, risks } = report;
    for (const name of ["sup_train_train", "train_train", "cs", "train_test", "union_test"] as const) {
      const counts = confusions![name]!;
      const rows = counts.flat().reduce((sum, count) => sum + count, 0);
      const right = counts.reduce((sum, row, c) => sum + row[c]!, 0);
      expect(100 * (1 - right / rows)).toBeCloseTo(risks[name]!, 10);
    }
    expect(confusions!.cs!.flat().reduce((sum, count) => sum + count, 0)).toBe(3 * 36);
    let weighted = 0;
    for (const one of per_class!) {
      expect(one.approx! + one.usability! + one.probe_gen! + one.enc_gen!).toBe(one.agg_risk);
      weighted += one.agg_risk! * one.n_test;
      const taken = one.taken_for.reduce((sum, { percent }) => sum + percent, 0);
      expect(taken).toBeCloseTo(one.agg_risk!, 10);
    }
    expect(weighted / test.n).toBeCloseTo(report.agg_risk, 10);
  });

  it("has intervals about the values, of the width that the binomial gives", () => {
    const { intervals, risks } = report;
    for (const name of ["sup_train_train", "train_train", "cs", "train_test", "union_test"] as const) {
      const [low, high] = intervals![name]!;
      expect(low).toBeLessThanOrEqual(risks[name]!);
      expect(high).toBeGreaterThanOrEqual(risks[name]!);
      expect(high - low).toBeGreaterThan(0);
    }
    const p = risks.train_test / 100;
    const normal = 100 * 2 * 1.96 * Math.sqrt((p * (1 - p)) / test.n);
    const [low, high] = intervals!.train_test!;
    expect((high - low) / normal).toBeGreaterThan(0.75);
    expect((high - low) / normal).toBeLessThan(1.25);
    expect(intervals!.agg_risk).toEqual(intervals!.train_test);
    expect(intervals!.alternative).not.toBeNull();
  });

  it("clips what is below zero and leaves the risks", async () => {
    const plain = await computeRiskComponents(null, better, test, { nSub: 30, probe, seed: 3 });
    const cut = await computeRiskComponents(null, better, test, { nSub: 30, probe, seed: 3, clip: "upstream" });
    expect(cut.risks).toEqual(plain.risks);
    for (const name of ["usability", "probe_gen", "enc_gen", "agg_risk"] as const) {
      expect(cut[name]).toBe(Math.max(0, plain[name]));
    }
  });

  it("refuses wrong options before any work", async () => {
    const bad = [{ repeats: 0 }, { bootstrap: -1 }, { level: 1 }, { clip: "zero" as never }];
    for (const options of [...bad, { repeats: 2, nSub: Int32Array.of(0, 1, 2) }]) {
      await expect(computeRiskComponents(null, train, test, options)).rejects.toThrow(TypeError);
    }
  });

  it("checks labels before an image is read", async () => {
    const image = { data: new Uint8Array(3), width: 1, height: 1 };
    const images = (labels: number[]) =>
      imageArrays(
        labels.map(() => image),
        labels,
        { classes: ["a", "b", "c"] },
      );
    const model = new Proxy({}, { get: () => expect.fail("the encoder was used") }) as never;
    const run = (labels: number[], nSub: number) =>
      computeRiskComponents(model, images(labels), images([0, 1, 2]), { nSub });
    await expect(run([0, 1, 0, 1, 0, 1], 2)).rejects.toThrow(/no row of 1 classes of test: c/);
    await expect(run([0, 1, 2, 0, 1, 2], 6)).rejects.toThrow(/nSub 6 is 6/);
    await expect(run([0, 1, 2, 0, 1, 2], 2)).rejects.toThrow(/the subset has no row of 1 classes of train/);
    await expect(run([0, 0, 0], 1)).rejects.toThrow(/one class only/);
  });
});

describe("onGrid", () => {
  it("makes components add up to the bit in any order", () => {
    const draw = rng(4, "identity");
    const error = () => {
      const n = 1 + draw.integer(1_300_000);
      return onGrid((100 * draw.integer(n + 1)) / n);
    };
    for (let trial = 0; trial < 20_000; trial++) {
      const [sup_train_train, train_train, cs, train_test, union_test] = Array.from({ length: 5 }, error);
      const risks = { sup_train_train, train_train, cs, train_test, union_test } as RiskReport["risks"];
      for (const { approx, usability, probe_gen, enc_gen, agg_risk } of [
        componentsOf(risks),
        unionComponentsOf(risks),
      ]) {
        expect(approx! + usability + probe_gen + enc_gen).toBe(agg_risk);
        expect(enc_gen + probe_gen + (usability + approx!)).toBe(agg_risk);
        expect(agg_risk - enc_gen - probe_gen).toBe(train_train);
      }
    }
  });
});

describe("classRisks", () => {
  it("leaves open what has no rows", () => {
    const counts = confusionOf(Int32Array.of(0, 0, 0, 1), Int32Array.of(0, 1, 1, 1), 3);
    expect(counts).toEqual([
      [1, 2, 0],
      [0, 1, 0],
      [0, 0, 0],
    ]);
    const none = { sup_train_train: null, union_test: null };
    const [first, second, third] = classRisks(["a", "b", "c"], {
      ...none,
      train_train: counts,
      cs: counts,
      train_test: counts,
    });
    expect(first).toMatchObject({ class: "a", approx: null, probe_gen: 0, n_test: 3 });
    expect(first!.taken_for).toEqual([{ class: "b", percent: 200 / 3 }]);
    expect(second).toMatchObject({ agg_risk: 0, taken_for: [] });
    expect(third).toMatchObject({ usability: null, probe_gen: null, enc_gen: null, agg_risk: null, n_train: 0 });
  });
});

describe("bootstrapIntervals", () => {
  it("moves errors on the same rows together", async () => {
    // The supervised probe is wrong on the very rows that the other is: their difference is always zero.
    const wrong = Uint8Array.from({ length: 300 }, (_, i) => Number(i % 4 === 0));
    const rows = Int32Array.from({ length: 300 }, (_, i) => i);
    const outcomes = { sup: wrong, train: wrong, subsets: [{ rows, wrong }], test: wrong, union: null };
    const found = await bootstrapIntervals(outcomes, { samples: 50, level: 0.9, seed: 1 });
    expect([found.usability, found.probe_gen]).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(found.enc_gen![1]).toBeGreaterThan(1);
    expect([found.union_test, found.alternative, found.level]).toEqual([null, null, 0.9]);
  });

  it("ends when aborted", async () => {
    const wrong = new Uint8Array(10);
    const outcomes = {
      sup: null,
      train: wrong,
      subsets: [{ rows: Int32Array.of(1), wrong }],
      test: wrong,
      union: null,
    };
    const signal = AbortSignal.abort();
    await expect(bootstrapIntervals(outcomes, { samples: 5, level: 0.9, seed: 1, signal })).rejects.toThrow(/abort/);
  });
});

describe("joinFeatures", () => {
  it("reads across the seam", async () => {
    const make = (from: number, n: number) =>
      arrays(
        Float32Array.from({ length: 2 * n }, (_, i) => from + i),
        new Int32Array(n).fill(from % 2),
        { dim: 2, classes: ["a", "b"] },
      );
    const both = joinFeatures(make(0, 3), make(101, 4));
    expect([...both.labels]).toEqual([0, 0, 0, 1, 1, 1, 1]);
    expect([...(await both.rows(2, 5))]).toEqual([4, 5, 101, 102, 103, 104]);
    expect([...(await both.rows(4, 6))]).toEqual([103, 104, 105, 106]);
    expect([...(await both.subset(Int32Array.of(6, 0)).rows(0, 2))]).toEqual([107, 108, 0, 1]);
    expect(() => joinFeatures(train, make(0, 1))).toThrow(TypeError);
  });
});

describe("componentsOf", () => {
  it("takes the differences, and clips only on request", () => {
    const risks = { sup_train_train: 1, train_train: 4, cs: 10, train_test: 9, union_test: 3 };
    expect(unionComponentsOf(risks)).toEqual({ approx: 1, usability: 3, probe_gen: 6, enc_gen: -1, agg_risk: 9 });
    expect(clipped(componentsOf(risks))).toMatchObject({ usability: 3, enc_gen: 0, agg_risk: 9 });
    expect(clipped(componentsOf({ ...risks, sup_train_train: null })).approx).toBeNull();
    expect(componentsOf(risks)).toEqual({
      approx: 1,
      usability: 3,
      probe_gen: 6,
      enc_gen: -1,
      agg_risk: 9,
    });
  });
});

describe("trainEvalProbe", () => {
  it("gives error and accuracy in percent with the predictions they come from", async () => {
    const { error, accuracy, predictions, report } = await trainEvalProbe(train, test);
    const wrong = predictions.filter((label, i) => label !== test.labels[i]).length;
    expect(error).toBe((100 * wrong) / test.n);
    expect(accuracy).toBe(100 - error);
    expect(report.gradientNorm).toBeLessThan(1e-5);
  });
});

/** Unordered labels, so that a different draw shows in the complement's labels. */
const scrambled = train.subset(Int32Array.from({ length: train.n }, (_, i) => (i * 37) % train.n));

function spyProbe(onFit: (set: FeatureSet) => void): Probe {
  return {
    name: "spy",
    async fit(set) {
      onFit(set);
      return {
        predict: async (x) => new Int32Array(x.n),
        report: { loss: 0, gradientNorm: 0, iterations: 0 },
        dispose() {},
      };
    },
  };
}
