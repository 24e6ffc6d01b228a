import { describe, expect, it } from "vitest";
import { workspace } from "../../../src/decompose/kernels/workspace.ts";
import { type Optimum, startFrom } from "../../../src/decompose/probes/newton.ts";
import { objectiveOf } from "../../../src/decompose/probes/problem.ts";
import { describe as describeFeatures } from "../../../src/decompose/probes/products.ts";
import { memoryArrays, memoryFor, rescale } from "../../../src/decompose/probes/recycling.ts";
import { problemOf } from "./problems.ts";

/** What a fit hands on to the fit for the next C. */
describe("a path of C", () => {
  it("takes what the last Hessian made of a direction over to another C", () => {
    // H = C A + I on the weights, C A on the intercepts.
    const [weights, length] = [4, 6];
    const A = Array.from({ length }, (_, i) => Array.from({ length }, (_, j) => 1 / (1 + i + j) + Number(i === j)));
    const times = (C: number, v: ArrayLike<number>) =>
      A.map((row, i) => C * row.reduce((sum, a, j) => sum + a * v[j]!, 0) + (i < weights ? v[i]! : 0));
    const space = workspace({ numbers: memoryArrays(length) * length, arrays: memoryArrays(length), columns: 1 });
    const memory = memoryFor(space, length);
    for (const at of [0, 1]) {
      const pair = memory.spare[at]!;
      pair.direction.set([3, -1, at, 2, 0.5, -2]);
      pair.product.set(times(0.3, pair.direction));
      memory.pairs.push(pair);
    }
    rescale(space, memory, 7 / 0.3, weights);
    for (const { direction, product, bend } of memory.pairs) {
      const expected = times(7, direction);
      expected.forEach((value, i) => {
        expect(product[i]).toBeCloseTo(value, 12);
      });
      expect(bend).toBeCloseTo(
        expected.reduce((sum, value, i) => sum + value * direction[i]!, 0),
        11,
      );
    }
  });

  const { x, y, n, d, k } = problemOf({ seed: 3, n: 60, d: 2, K: 3, sep: 1 });
  const features = describeFeatures(x, n, d);
  const problem = (C: number) => ({ features, y, k, C });
  /** An end whose weights are `size` times what tells the classes of the problem apart. */
  const end = (C: number, size: number) => {
    const theta = new Float64Array((d + 1) * k);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < d; j++) theta[j * k + y[i]!]! += (size / n) * (x[i * d + j]! - features.mean[j]!);
    const scores = new Float64Array(n * k);
    for (let i = 0; i < n; i++)
      for (let c = 0; c < k; c++)
        for (let j = 0; j < d; j++) scores[i * k + c]! += (x[i * d + j]! - features.mean[j]!) * theta[j * k + c]!;
    return { theta, scores, C } as Optimum;
  };

  it("starts on the line through the last two ends over log C, where the objective is lower there", () => {
    const [first, second] = [end(0.001, 0.1), end(0.01, 0.2)];
    const start = startFrom(problem(0.1), [first, second])!;
    const expected = end(0.1, 0.3);
    start.theta.forEach((value, i) => {
      expect(value).toBeCloseTo(expected.theta[i]!, 12);
    });
    start.scores.forEach((value, i) => {
      expect(value).toBeCloseTo(expected.scores[i]!, 12);
    });
    expect(objectiveOf(problem(0.1), start)).toBeLessThan(objectiveOf(problem(0.1), second));
  });

  it("starts at the last end, where the line leads up, and at the only one", () => {
    const [first, second] = [end(0.001, 0.1), end(0.01, 40)];
    expect(startFrom(problem(0.1), [first, second])).toBe(second);
    expect(startFrom(problem(0.01), [end(0.001, 0.1), end(0.01, 0.2)])).toMatchObject({ C: 0.01 });
    expect(startFrom(problem(0.1), [first])).toBe(first);
    expect(startFrom(problem(0.1), [])).toBeUndefined();
  });
});
