import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { digitsFeatures } from "../../src/decompose/digits.ts";
import { inMemory } from "../../src/decompose/features.ts";
import { knn } from "../../src/decompose/probes/knn.ts";
import { nearestNeighbours } from "../../src/decompose/probes/neighbours.ts";
import { shared } from "../support/shared.ts";
import { isTest, problemOf, type Recipe, rowsOf } from "../unit/decompose/problems.ts";

interface Golden {
  problems: Record<string, { params?: Recipe | null }>;
  knn: {
    problem: string;
    k: number;
    T: number;
    correct: number;
    predictions_first40: number[];
    probs_first3: number[][];
    neighbours_first3_top5: number[][];
    sims_first3_top5: number[][];
  }[];
}

const read = (path: string): Golden => JSON.parse(readFileSync(path, "utf8"));
const bundled = fileURLToPath(new URL("../fixtures/probe/knn.json", import.meta.url));
const full = shared("reference/probe-golden.json");

describe("weighted kNN, bundled selection", () => checks(read(bundled)));

describe.skipIf(!existsSync(full))("weighted kNN, all of ../shared (skipped when absent)", () => {
  checks(existsSync(full) ? read(full) : { problems: {}, knn: [] });
});

function checks(golden: Golden) {
  for (const g of golden.knn) {
    it(`${g.problem}, k ${g.k}, T ${g.T}`, async () => {
      const recipe = golden.problems[g.problem]?.params;
      const { train, test } = recipe ? generated(recipe) : await digits();
      const fitted = await knn({ k: g.k, temperature: g.T }).fit(train, { seed: 0 });
      const predictions = await fitted.predict(test);
      expect(Array.from(predictions.subarray(0, 40))).toEqual(g.predictions_first40);
      expect(predictions.filter((label, i) => label === test.labels[i]).length).toBe(g.correct);
      const probabilities = await fitted.probabilities!(test.subset(Int32Array.of(0, 1, 2)));
      g.probs_first3.flat().forEach((p, i) => {
        expect(Math.abs(probabilities[i]! - p)).toBeLessThan(1e-9);
      });
      const near = await nearestNeighbours(train, test.subset(Int32Array.of(0, 1, 2)), { k: g.k });
      g.neighbours_first3_top5.forEach((wanted, i) => {
        expect(Array.from(near.indices.subarray(i * near.k, i * near.k + wanted.length))).toEqual(wanted);
        g.sims_first3_top5[i]!.forEach((s, j) => {
          expect(near.similarities[i * near.k + j]).toBeCloseTo(s, 12);
        });
      });
    });
  }
}

const digits = async () => ({
  train: await digitsFeatures({ split: "train" }),
  test: await digitsFeatures({ split: "test" }),
});

function generated(recipe: Recipe) {
  const problem = problemOf(recipe);
  const set = (keep: (i: number) => boolean) => {
    const { x, y, d, k } = rowsOf(problem, keep);
    return inMemory(x, y, { dim: d, classes: Array.from({ length: k }, (_, c) => `class ${c}`) });
  };
  return { train: set((i) => !isTest(i)), test: set(isTest) };
}
