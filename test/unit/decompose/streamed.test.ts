import { describe, expect, it } from "vitest";
import { arrays } from "../../../src/decompose/datasets/arrays.ts";
import { logisticRegression } from "../../../src/decompose/probes/logistic.ts";
import { logistic } from "../../../src/decompose/probes/logistic-probe.ts";
import { streamedLogistic } from "../../../src/decompose/probes/streamed-logistic.ts";
import type { FeatureSet } from "../../../src/decompose/types.ts";
import { problemOf } from "./problems.ts";

const problem = problemOf({ seed: 31, n: 2500, d: 12, K: 4, sep: 0.5, weights: [5, 3, 1, 1] });
const { x, y, d } = problem;
// Far from the origin and of unequal scales, as features are.
const rough = x.map((value, at) => (value + 3) * (1 + (at % d)));
const set = arrays(rough, y, { dim: d });

const relative = (a: Float64Array, b: Float64Array) =>
  Math.hypot(...a.map((value, i) => value - b[i]!)) / Math.hypot(...b);

describe("streamedLogistic", () => {
  it.each([
    ["float64", 1e-7, 1e-6],
    ["engine", 1e-4, 1e-4],
  ] as const)("reaches the optimum of logisticRegression in %s", async (products, tolerance, limit) => {
    for (const C of [0.01, 1]) {
      const wanted = await logisticRegression({ ...problem, x: rough, C });
      const found = await streamedLogistic(set, { C, products, tolerance });
      // In float32 rounding may end the fit before; what counts is how near the optimum is.
      if (products === "float64") expect(found.distance).toBeLessThanOrEqual(tolerance);
      expect(found.evaluations).toBeLessThan(80);
      expect(relative(found.coef, wanted.coef)).toBeLessThan(limit);
      expect(Math.abs(found.objective / wanted.objective - 1)).toBeLessThan(products === "engine" ? 1e-6 : 1e-10);
      expect(relative(found.intercept, wanted.intercept)).toBeLessThan(limit);
    }
  });

  it("leaves out classes that do not occur", async () => {
    const classes = ["a", "b", "none", "c", "d"];
    const labels = y.map((label) => (label < 2 ? label : label + 1));
    const found = await streamedLogistic(arrays(rough, labels, { dim: d, classes }), { C: 1, products: "float64" });
    expect(found.intercept[2]).toBe(-Infinity);
    expect([...found.coef.subarray(2 * d, 3 * d)]).toEqual(new Array(d).fill(0));
  });

  it("ends when aborted", async () => {
    const signal = AbortSignal.abort();
    await expect(streamedLogistic(set, { C: 1, signal })).rejects.toThrow(/abort/);
  });
});

describe("logistic probe", () => {
  it("streams above its memory limit, reading blocks only, and predicts alike", async () => {
    let largest = 0;
    const watched: FeatureSet = {
      ...set,
      rows: (start, end) => {
        largest = Math.max(largest, end - start);
        return set.rows(start, end);
      },
    };
    const whole = await logistic({ C: 0.1 }).fit(set, { seed: 1 });
    const streamed = await logistic({ C: 0.1, memoryLimit: 1e5 }).fit(watched, { seed: 1 });
    expect(largest).toBe(2048);
    const [a, b] = [await whole.predict(set), await streamed.predict(set)];
    expect(a.filter((label, i) => label !== b[i]).length).toBeLessThanOrEqual(1);
    expect(streamed.report.gradientNorm).toBeGreaterThan(0);
  });
});
