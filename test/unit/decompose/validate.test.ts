import { describe, expect, it } from "vitest";
import { inMemory } from "../../../src/decompose/features.ts";
import { trainEvalProbe } from "../../../src/decompose/probe.ts";
import { computeRiskComponents } from "../../../src/decompose/risk.ts";
import type { FeatureSet, Probe } from "../../../src/decompose/types.ts";

const set = (labels: number[], o: { classes?: string[]; dim?: number; value?: number } = {}): FeatureSet => {
  const { classes = ["ant", "bee", "cat"], dim = 2, value = 1 } = o;
  return inMemory(new Float32Array(labels.length * dim).fill(value), Int32Array.from(labels), { dim, classes });
};

/** Fails the test when a fit is begun. */
const never: Probe = {
  name: "never",
  fit() {
    throw new Error("a fit was begun before the data was checked");
  },
};

const good = set([0, 1, 2, 0, 1, 2, 0, 1, 2]);

const faults: [string, FeatureSet, FeatureSet, RegExp][] = [
  ["no rows", set([]), good, /train has no rows/],
  ["another feature length", good, set([0, 1, 2], { dim: 3 }), /train has 2 features in a row, test has 3/],
  ["other classes", good, set([0, 1], { classes: ["ant", "bee", "dog"] }), /only in train: cat; only in test: dog/],
  ["another order of classes", good, set([0, 1], { classes: ["bee", "ant", "cat"] }), /their order differs/],
  ["a label without class", set([0, 1, 3]), good, /label 3 of row 2 of train/],
  ["one class only", set([1, 1, 1]), set([1]), /train holds one class only \(bee\)/],
  ["a class of test that train lacks", set([0, 1, 0, 1]), good, /no row of 1 classes of test: cat/],
  ["NaN", set([0, 1, 2], { value: Number.NaN }), good, /feature 0 of row 0 of train is NaN/],
  ["infinity in test", good, set([0, 1, 2], { value: Number.POSITIVE_INFINITY }), /row 0 of test is Infinity/],
];

describe("data faults are told before any fit", () => {
  it.each(faults)("%s", async (_, train, test, message) => {
    const evaluation = trainEvalProbe(train, test, { probe: never });
    await expect(evaluation).rejects.toMatchObject({ code: "DATA", message: expect.stringMatching(message) });
  });

  const subsets: [string, FeatureSet, number | "minimal" | "paper" | Int32Array, RegExp][] = [
    ["as many rows as train", good, 9, /nSub 9 is 9.*1 to 8 for 9 training rows\. Choose nSub: 1/],
    ["no row", good, 0, /nSub 0/],
    ["the preset for large data", good, "minimal", /nSub minimal is 10000.*Choose nSub: 1/],
    ["too few for all classes", good, 2, /the subset has no row of 1 classes of train: cat.*larger nSub/],
    ["too many for all classes", set([0, 0, 0, 0, 0, 1, 1, 2, 2]), 8, /the rest of train has no row of .*smaller nSub/],
    ["a class of one row", set([0, 0, 0, 1, 1, 1, 2]), 3, /the subset has no row of 1 classes of train: cat/],
    ["rows that are not there", good, Int32Array.of(12), /there is no row 12/],
  ];
  it.each(subsets)("subset: %s", async (_, train, nSub, message) => {
    const report = computeRiskComponents(null, train, good, { nSub, probe: never });
    await expect(report).rejects.toMatchObject({ code: "DATA", message: expect.stringMatching(message) });
  });

  it("features of the supervised encoder", async () => {
    const bad = set([0, 1, 2], { value: Number.NaN });
    const broken = computeRiskComponents(null, good, good, { nSub: 3, probe: never, modelSup: bad });
    await expect(broken).rejects.toMatchObject({
      code: "DATA",
      message: expect.stringMatching(/train of modelSup is NaN/),
    });
    const other = set([0, 1], { classes: ["x", "y"] });
    const differing = computeRiskComponents(null, good, good, { nSub: 3, probe: never, modelSup: other });
    await expect(differing).rejects.toMatchObject({
      code: "DATA",
      message: expect.stringMatching(/classes of train and/),
    });
  });

  it("wrong arguments are TypeErrors", async () => {
    await expect(trainEvalProbe(good, good, { probe: "knnn" as never })).rejects.toThrow(TypeError);
    await expect(computeRiskComponents(null, good, good, { nSub: "half" as never })).rejects.toThrow(TypeError);
  });
});
