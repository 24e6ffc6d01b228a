import { describe, expect, it } from "vitest";
import { inMemory } from "../../../src/decompose/features.ts";
import { type LogisticFit, logisticRegression } from "../../../src/decompose/probes/logistic.ts";
import { logistic } from "../../../src/decompose/probes/logistic-probe.ts";
import { type GeneratedProblem, problemOf } from "./problems.ts";

/** Objective and gradient straight from their definition, one row at a time: shares nothing with the solver. */
function evaluate(
  { x, y, n, d, k }: GeneratedProblem,
  C: number,
  coef: ArrayLike<number>,
  intercept: ArrayLike<number>,
) {
  const gradient = Float64Array.from(coef);
  const gradientIntercept = new Float64Array(k);
  let objective = 0;
  for (let a = 0; a < k * d; a++) objective += 0.5 * coef[a]! ** 2;
  for (let i = 0; i < n; i++) {
    const scores = Array.from({ length: k }, (_, c) => {
      let score = intercept[c]!;
      for (let j = 0; j < d; j++) score += coef[c * d + j]! * x[i * d + j]!;
      return score;
    });
    const odds = scores.map((score, c) => (c === y[i] ? 0 : Math.exp(score - scores[y[i]!]!)));
    const others = odds.reduce((total, value) => total + value, 0);
    objective += C * Math.log1p(others);
    odds.forEach((value, c) => {
      const residual = (C * (c === y[i] ? -others : value)) / (1 + others);
      gradientIntercept[c]! += residual;
      for (let j = 0; j < d; j++) gradient[c * d + j]! += residual * x[i * d + j]!;
    });
  }
  return { objective, gradient, gradientIntercept };
}

const norm = (values: ArrayLike<number>) => Math.hypot(...Array.from(values));

/**
 * The optimum is where the gradient vanishes. The solver promises 1e-8 |W| for W with centred features; the test's own
 * rounding is larger.
 */
function expectOptimum(problem: GeneratedProblem, C: number, fit: LogisticFit) {
  const { objective, gradient, gradientIntercept } = evaluate(problem, C, fit.coef, fit.intercept);
  const { n, d } = problem;
  const means = Array.from({ length: d }, (_, j) => {
    let mean = 0;
    for (let i = 0; i < n; i++) mean += problem.x[i * d + j]! / n;
    return mean;
  });
  const centred = gradient.map((g, at) => g - means[at % d]! * gradientIntercept[Math.trunc(at / d)]!);
  const largest = [...gradient, ...gradientIntercept].reduce((max, g) => Math.max(max, Math.abs(g)), 0);
  expect(Math.abs(largest - fit.gradientNorm)).toBeLessThanOrEqual(1e-11 * C * n * (1 + norm(means)));
  expect(norm(centred)).toBeLessThanOrEqual(1e-6 * norm(fit.coef) + 1e-12 * C * problem.n);
  expect(norm(gradientIntercept)).toBeLessThanOrEqual(1e-7 * C * problem.n);
  expect(Math.abs(fit.objective / objective - 1)).toBeLessThan(1e-11);
  expect(Math.abs(fit.intercept.reduce((sum, b) => sum + b, 0))).toBeLessThan(1e-9 * (1 + norm(fit.intercept)));
}

const scaled = (problem: GeneratedProblem, change: (value: number, column: number) => number): GeneratedProblem => ({
  ...problem,
  x: problem.x.map((value, at) => change(value, at % problem.d)),
});

const base = problemOf({ seed: 1, n: 120, d: 6, K: 3, sep: 0.6 });

const problems: Record<string, GeneratedProblem> = {
  plain: base,
  "fewer rows than features": problemOf({ seed: 2, n: 40, d: 150, K: 4, sep: 0.4 }),
  "more features than eigenpairs": problemOf({ seed: 3, n: 260, d: 130, K: 3, sep: 0.2 }),
  "one feature": problemOf({ seed: 4, n: 50, d: 1, K: 3, sep: 1 }),
  "two classes": problemOf({ seed: 5, n: 80, d: 5, K: 2, sep: 0.5 }),
  separable: problemOf({ seed: 6, n: 90, d: 8, K: 3, sep: 4 }),
  "collinear and constant columns": problemOf({ seed: 7, n: 90, d: 14, K: 3, sep: 0.6, kind: "collinear", r: 5 }),
  "a rare class": problemOf({ seed: 8, n: 300, d: 4, K: 3, sep: 0.7, weights: [97, 2, 1] }),
  "columns of very different scale": scaled(base, (value, column) => value * 10 ** (column - 3)),
  "a large common offset": scaled(base, (value) => value + 300),
};

describe("logisticRegression", () => {
  for (const [name, problem] of Object.entries(problems)) {
    it.each([1e-4, 1, 1e4])(`is at the optimum: ${name}, C = %s`, async (C) => {
      const fit = await logisticRegression({ ...problem, C });
      expectOptimum(problem, C, fit);
      expect(fit.distance).toBeLessThan(1e-7);
    });
  }

  it("has the finite differences of its objective as gradient at the optimum", async () => {
    const C = 0.3;
    const { coef, intercept } = await logisticRegression({ ...base, C });
    const at = (c: ArrayLike<number>) => evaluate(base, C, c, intercept).objective;
    for (const entry of [0, 7, 17]) {
      const moved = (by: number) => coef.map((w, i) => (i === entry ? w + by : w));
      const h = 1e-4;
      expect(Math.abs((at(moved(h)) - at(moved(-h))) / (2 * h))).toBeLessThan(1e-7);
      // Curvature is at least 1, so a move of h costs at least h^2 / 2.
      expect(at(moved(h)) - at(coef)).toBeGreaterThan(0.49 * h * h);
    }
  });

  it("ends in the same place with float32 products and a float64 finish", async () => {
    for (const name of ["plain", "separable", "a large common offset", "fewer rows than features"]) {
      const problem = problems[name]!;
      const exact = await logisticRegression({ ...problem, C: 1, products: "float64" });
      const mixed = await logisticRegression({ ...problem, C: 1, products: "engine" });
      expectOptimum(problem, 1, mixed);
      // 1e-5 of the norm is the reference's tolerance for coefficients; both ends are at the default 1e-8.
      expect(norm(mixed.coef.map((w, i) => w - exact.coef[i]!))).toBeLessThan(1e-7 * norm(exact.coef));
    }
  });

  it("keeps the digits of float64 features, on the engine too", async () => {
    const x = Float64Array.from(base.x, (value) => value / 7);
    const exact = await logisticRegression({ ...base, x, C: 1 });
    const mixed = await logisticRegression({ ...base, x, C: 1, products: "engine" });
    const rounded = await logisticRegression({ ...base, x: Float32Array.from(x), C: 1 });
    // x / 7 at C = 1 is x at C = 1 / 49, with weights 7 times as large.
    const whole = await logisticRegression({ ...base, C: 1 / 49 });
    const off = ({ objective }: typeof whole) => Math.abs(objective / (49 * whole.objective) - 1);
    expect(off(exact)).toBeLessThan(1e-13);
    expect(off(mixed)).toBeLessThan(1e-13);
    expect(off(rounded)).toBeGreaterThan(1e-11);
  });

  it("leaves no tensor behind", async () => {
    const { engine } = await import("../../../src/engine/engine.ts");
    const { tf } = await engine();
    const before = tf.memory().numTensors;
    await logisticRegression({ ...base, C: 1, products: "engine" });
    const aborted = logisticRegression({
      ...base,
      C: 1,
      products: "engine",
      signal: AbortSignal.abort(new Error("stop")),
    });
    await expect(aborted).rejects.toThrow("stop");
    expect(tf.memory().numTensors).toBe(before);
  });

  it("gives a class without rows the limit: weights 0, intercept -Infinity", async () => {
    const fit = await logisticRegression({ ...base, y: base.y.map((c) => (c === 2 ? 3 : c)), k: 5, C: 1 });
    const whole = await logisticRegression({ ...base, C: 1 });
    expect(fit.intercept[2]).toBe(-Infinity);
    expect(fit.intercept[4]).toBe(-Infinity);
    expect(norm(fit.coef.subarray(12, 18))).toBe(0);
    expect(fit.objective).toBeCloseTo(whole.objective, 9);
    expect(norm(fit.coef.subarray(18, 24).map((w, j) => w - whole.coef[12 + j]!))).toBeLessThan(1e-8);
  });

  it("handles one class and features without information", async () => {
    const one = await logisticRegression({ x: Float32Array.of(1, 2), y: new Int32Array(2), n: 2, d: 1, k: 1, C: 1 });
    expect([one.coef[0], one.intercept[0], one.objective]).toEqual([0, 0, 0]);
    const constant = { x: new Float32Array(6).fill(7), y: Int32Array.of(0, 0, 1), n: 3, d: 2, k: 2 };
    const fit = await logisticRegression({ ...constant, C: 10 });
    expect(norm(fit.coef)).toBeLessThan(1e-9);
    expect(fit.intercept[0]! - fit.intercept[1]!).toBeCloseTo(Math.log(2), 9);
  });

  it("tells its steps and stops when asked", async () => {
    const steps: number[] = [];
    const fit = await logisticRegression({
      ...base,
      C: 1,
      onProgress: (event) => {
        if (event.stage === "fit") steps.push(event.done);
      },
    });
    expect(steps).toEqual(Array.from({ length: fit.iterations }, (_, i) => i + 1));
    const control = new AbortController();
    const stopped = logisticRegression({
      ...base,
      C: 1,
      signal: control.signal,
      onProgress: () => control.abort(new Error("enough")),
    });
    await expect(stopped).rejects.toThrow("enough");
  });

  it("refuses what it cannot fit", async () => {
    const good = { ...base, C: 1 };
    const types = [
      { C: 0 },
      { C: Number.NaN },
      { n: 7 },
      { d: 0 },
      { k: 1.5 },
      { y: new Int32Array(3) },
      { x: [] as never },
    ];
    for (const bad of types) await expect(logisticRegression({ ...good, ...bad })).rejects.toThrow(TypeError);
    await expect(logisticRegression({ ...good, k: 2 })).rejects.toMatchObject({ code: "DATA" });
    const x = base.x.slice();
    x[13] = Number.NaN;
    await expect(logisticRegression({ ...good, x })).rejects.toMatchObject({
      code: "DATA",
      details: { row: 2, column: 1 },
    });
  });
});

describe("logistic probe", () => {
  it("predicts the class of the largest score, the lowest on ties", async () => {
    const classes = ["a", "b", "c"];
    const set = inMemory(base.x, base.y, { dim: base.d, classes });
    const fitted = await logistic({ C: 0.5 }).fit(set, { seed: 0 });
    const { coef, intercept, objective, iterations } = await logisticRegression({ ...base, C: 0.5 });
    expect(fitted.report).toMatchObject({ loss: objective, iterations });
    const predictions = await fitted.predict(set);
    for (let i = 0; i < base.n; i++) {
      const row = base.x.subarray(i * base.d, (i + 1) * base.d);
      const scores = Array.from(intercept, (b, c) => row.reduce((s, v, j) => s + v * coef[c * base.d + j]!, b));
      expect(predictions[i]).toBe(scores.indexOf(Math.max(...scores)));
    }
    // Features without information: every class has the same score.
    const flat = inMemory(new Float32Array(6), Int32Array.of(0, 1, 2, 0, 1, 2), { dim: 1, classes });
    expect([...(await (await logistic().fit(flat, { seed: 0 })).predict(flat))]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
