import { describe, expect, it } from "vitest";
import { inMemory } from "../../../src/decompose/features.ts";
import { trainEvalProbe } from "../../../src/decompose/probe.ts";
import { logistic } from "../../../src/decompose/probes/logistic-probe.ts";
import { componentsOf, computeRiskComponents } from "../../../src/decompose/risk.ts";
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
    const error = async (a: FeatureSet, b: FeatureSet) => (await trainEvalProbe(a, b, { probe })).error;
    expect(report.risks).toEqual({
      sup_train_train: await error(better, better),
      train_train: await error(train, train),
      cs: await error(train.subset(complement), train.subset(subset)),
      train_test: await error(train, test),
    });
    const { approx, usability, probe_gen, enc_gen, agg_risk } = report;
    expect(approx).toBe(report.risks.sup_train_train);
    expect(approx! + usability + probe_gen + enc_gen).toBeCloseTo(agg_risk, 12);
    expect(agg_risk).toBe(report.risks.train_test);
    expect(report).toMatchObject({ n_sub: 36, seed: 7, probe: "logistic" });
    for (const fit of Object.values(report.reports)) expect(fit!.iterations).toBeGreaterThan(0);
  });

  it("leaves approx null without a supervised encoder, and usability holds both", async () => {
    const report = await computeRiskComponents(null, train, test, { nSub: 36 });
    expect(report.approx).toBeNull();
    expect(report.usability).toBe(report.risks.train_train);
    expect(report.usability + report.probe_gen + report.enc_gen).toBeCloseTo(report.agg_risk, 12);
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

describe("componentsOf", () => {
  it("takes the differences unclipped", () => {
    expect(componentsOf({ sup_train_train: 1, train_train: 4, cs: 10, train_test: 9 })).toEqual({
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
