import { describe, expect, it } from "vitest";
import { inMemory } from "../../../src/decompose/features.ts";
import { PROBE_NAMES, resolveProbe, trainEvalProbe } from "../../../src/decompose/probe.ts";
import { knn } from "../../../src/decompose/probes/knn.ts";
import { argmax, predictLinear, scoresInFloat64, transposed } from "../../../src/decompose/probes/linear.ts";
import { logisticPath, logisticRegression } from "../../../src/decompose/probes/logistic.ts";
import { kthLargest, nearestNeighbours } from "../../../src/decompose/probes/neighbours.ts";
import { ridgeRegression } from "../../../src/decompose/probes/ridge.ts";
import { computeRiskComponents } from "../../../src/decompose/risk.ts";
import type { FeatureSet } from "../../../src/decompose/types.ts";
import { type GeneratedProblem, isTest, problemOf, rowsOf } from "./problems.ts";

const setOf = ({ x, y, d, k }: GeneratedProblem): FeatureSet =>
  inMemory(x, y, { dim: d, classes: Array.from({ length: k }, (_, c) => `class ${c}`) });
const tall = problemOf({ seed: 7, n: 420, d: 12, K: 4, sep: 0.6 });
const train = setOf(rowsOf(tall, (i) => !isTest(i)));
const test = setOf(rowsOf(tall, isTest));

describe("named probes", () => {
  it.each(PROBE_NAMES)("%s beats chance, and a rerun is the same to the bit", async (probe) => {
    const [first, second] = [
      await trainEvalProbe(train, test, { probe }),
      await trainEvalProbe(train, test, { probe }),
    ];
    expect(first.accuracy).toBeGreaterThan(50);
    expect(second).toEqual(first);
    expect(resolveProbe(probe).name).toBe(probe);
  });

  it.each(PROBE_NAMES)("%s decomposes a risk", async (probe) => {
    const { approx, usability, probe_gen, enc_gen, agg_risk } = await computeRiskComponents(null, train, test, {
      probe,
    });
    expect(approx).toBeNull();
    expect(usability + probe_gen + enc_gen).toBeCloseTo(agg_risk, 10);
  });

  it("names the probes there are when there is none of a name", () => {
    expect(() => resolveProbe("svm" as "knn")).toThrow(/no probe "svm".*logistic, sgd, knn, ridge, mlp/);
  });
});

describe("logisticPath", () => {
  it("gives the optimum of each C, in ascending order, with its place in the list", async () => {
    const { x, y, n, d, k } = tall;
    const C = [1, 0.01, 1, 30];
    const order: number[] = [];
    for await (const fit of logisticPath({ x, y, n, d, k, C })) {
      order.push(fit.index);
      expect(fit.C).toBe(C[fit.index]);
      const alone = await logisticRegression({ x, y, n, d, k, C: fit.C });
      expect(Math.abs(fit.objective / alone.objective - 1)).toBeLessThan(1e-13);
      const size = Math.hypot(...alone.coef);
      expect(Math.hypot(...fit.coef.map((w, at) => w - alone.coef[at]!))).toBeLessThan(4e-8 * size);
      expect(fit.distance).toBeLessThanOrEqual(1e-8);
    }
    expect(order).toEqual([1, 0, 2, 3]);
  });

  it("takes fewer steps than fits from zero", async () => {
    const { x, y, n, d, k } = tall;
    let warm = 0;
    let cold = 0;
    const C = Array.from({ length: 12 }, (_, i) => 10 ** (-3 + i / 3));
    for await (const { hessianProducts } of logisticPath({ x, y, n, d, k, C })) warm += hessianProducts;
    for (const one of C) cold += (await logisticRegression({ x, y, n, d, k, C: one })).hessianProducts;
    expect(warm).toBeLessThan(0.8 * cold);
  });

  it("on the engine ends at the same optima", async () => {
    const { x, y, n, d, k } = tall;
    const C = [0.01, 1];
    for await (const fit of logisticPath({ x, y, n, d, k, C, products: "engine" })) {
      const alone = await logisticRegression({ x, y, n, d, k, C: fit.C, products: "float64" });
      expect(Math.abs(fit.objective / alone.objective - 1)).toBeLessThan(1e-12);
    }
  });

  it("refuses a C that is not above 0 before any work", async () => {
    const { x, y, n, d, k } = tall;
    await expect(logisticPath({ x, y, n, d, k, C: [1, 0] }).next()).rejects.toThrow(/C must be a number > 0, not 0/);
  });
});

describe("knn", () => {
  it("finds the neighbours of float64 over several blocks, ties to the lower row", async () => {
    const problem = problemOf({ seed: 3, n: 9000, d: 5, K: 3, sep: 0.5 });
    // Rows that are there twice, far apart.
    problem.x.copyWithin(8000 * 5, 0, 500 * 5);
    const queries = rowsOf(problem, (i) => i % 900 === 7);
    const found = await nearestNeighbours(setOf(problem), setOf(queries), { k: 7 });
    for (let q = 0; q < queries.n; q++) {
      const a = Array.from(queries.x.subarray(q * 5, q * 5 + 5));
      const all = Array.from({ length: problem.n }, (_, row) => {
        const b = Array.from(problem.x.subarray(row * 5, row * 5 + 5));
        const dot = a.reduce((sum, v, j) => sum + v * b[j]!, 0);
        const length = (v: number[]) => Math.sqrt(v.reduce((sum, u) => sum + u * u, 0));
        return { row, similarity: dot / (length(a) * length(b)) };
      }).sort((u, v) => v.similarity - u.similarity || u.row - v.row);
      expect(Array.from(found.indices.subarray(q * 7, q * 7 + 7))).toEqual(all.slice(0, 7).map(({ row }) => row));
    }
  });

  it("lets all rows vote where there are fewer than k, and knows rows of zeros", async () => {
    const few = inMemory(Float32Array.of(0, 0, 1, 0, 0, 1), Int32Array.of(0, 1, 1), { dim: 2, classes: ["a", "b"] });
    const probe = await knn({ k: 200, temperature: 0.1 }).fit(few, { seed: 0 });
    const p = await probe.probabilities!(
      inMemory(Float32Array.of(2, 0), Int32Array.of(0), { dim: 2, classes: ["a", "b"] }),
    );
    expect(p[1]).toBeCloseTo((Math.exp(10) + 1) / (Math.exp(10) + 2), 14);
  });

  it("selects the k-th largest as sorting does", () => {
    const values = Float32Array.from({ length: 301 }, (_, i) => (i * 7919) % 83);
    const sorted = values.slice().sort().reverse();
    for (const k of [1, 2, 50, 300, 301]) expect(kthLargest(values, k)).toBe(sorted[k - 1]);
  });

  it("refuses options that mean nothing", () => {
    expect(() => knn({ k: 0 })).toThrow(/k must be a whole number >= 1/);
    expect(() => knn({ temperature: 0 })).toThrow(/temperature must be a number > 0/);
  });
});

/** Gradient of `|X W' + b - Y|^2 + alpha |W|^2`, from the definition. */
function ridgeGradient(
  { x, y, n, d, k }: GeneratedProblem,
  alpha: number,
  coef: Float64Array,
  intercept: Float64Array,
) {
  const gradient = coef.map((w) => 2 * alpha * w);
  const offsets = new Float64Array(k);
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < k; c++) {
      let error = intercept[c]! - (y[i] === c ? 1 : 0);
      for (let j = 0; j < d; j++) error += coef[c * d + j]! * x[i * d + j]!;
      offsets[c]! += 2 * error;
      for (let j = 0; j < d; j++) gradient[c * d + j]! += 2 * error * x[i * d + j]!;
    }
  }
  return Math.max(...[...gradient, ...offsets].map(Math.abs));
}

describe("ridge", () => {
  it.each([
    ["more rows than features", tall],
    ["more features than rows", problemOf({ seed: 8, n: 40, d: 70, K: 3, sep: 0.4 })],
    ["features far from zero", { ...tall, x: tall.x.map((v) => v + 1000) }],
  ])("%s: the gradient vanishes", async (_, problem) => {
    const { coef, intercept, gradientNorm } = await ridgeRegression(setOf(problem), { alpha: 0.5 });
    const largest = problem.x.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
    expect(ridgeGradient(problem, 0.5, coef, intercept)).toBeLessThan(1e-9 * problem.n * largest);
    expect(gradientNorm).toBeLessThan(1e-9 * problem.n);
  });

  it("refines what the engine made in float32 to the same solution", async () => {
    const large = problemOf({ seed: 9, n: 1100, d: 1000, K: 2, sep: 0.2 });
    const { gradientNorm, iterations } = await ridgeRegression(setOf(large), { alpha: 0.1 });
    expect(iterations).toBeGreaterThan(0);
    expect(gradientNorm).toBeLessThan(1e-6);
  });
});

describe("predictLinear", () => {
  it("predicts as float64 does when the engine multiplies", async () => {
    const wide = problemOf({ seed: 10, n: 600, d: 900, K: 100, sep: 0.05 });
    const coef = Float64Array.from({ length: 100 * 900 }, (_, at) => Math.sin(at * at));
    // Two classes that differ in the tenth digit: float32 alone cannot tell them apart.
    for (let j = 0; j < 900; j++) {
      coef[j]! *= 10;
      coef[900 + j] = coef[j]! + 1e-9 * Math.sin(j);
    }
    const intercept = Float64Array.from({ length: 100 }, (_, c) => c / 1000);
    intercept[1] = intercept[0]!;
    const exact = argmax(scoresInFloat64(wide.x, transposed(coef, 100, 900), intercept), 100);
    expect(new Set(exact).has(0) && new Set(exact).has(1)).toBe(true);
    expect(await predictLinear({ coef, intercept }, setOf(wide))).toEqual(exact);
  });
});
