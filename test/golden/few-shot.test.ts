import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { digitsFeatures } from "../../src/decompose/digits.ts";
import { inMemory } from "../../src/decompose/features.ts";
import { fitFewShot } from "../../src/decompose/few-shot/search.ts";
import type { LinearModel } from "../../src/decompose/probes/linear.ts";
import type { FeatureSet } from "../../src/decompose/types.ts";
import { shared } from "../support/shared.ts";
import { isTest, problemOf, type Recipe } from "../unit/decompose/problems.ts";

interface Case {
  problem: string;
  k: number;
  train_indices: number[];
  val_indices: number[];
  C_list: number[];
  candidates: {
    val_errors: number;
    test_errors: number;
    objective: number;
    test_log_loss: number;
    /** Rows that rounding decides; the developers' file says how near the nearest is instead. */
    val_near?: number;
    test_near?: number;
    min_margin_val?: number;
    min_margin_test?: number;
  }[];
  best_index: number;
  test_errors: number;
}

interface Golden {
  problems: Record<string, { params?: Recipe | null }>;
  few_shot: Case[];
}

const read = (path: string): Golden => JSON.parse(readFileSync(path, "utf8"));
const bundled = fileURLToPath(new URL("../fixtures/probe/few-shot.json", import.meta.url));
const full = shared("reference/probe-golden.json");

describe("few-shot fits, bundled selection of scikit-learn's", () => checks(read(bundled)));

describe.skipIf(!existsSync(full))("few-shot fits, all of ../shared (skipped when absent)", () => {
  checks(existsSync(full) ? read(full) : { problems: {}, few_shot: [] });
});

function checks(golden: Golden) {
  for (const g of golden.few_shot) {
    it(`${g.problem}, ${g.k} a class`, async () => {
      const all = await load(golden.problems[g.problem]!.params);
      const [train, val] = [g.train_indices, g.val_indices].map((rows) => all.subset(Int32Array.from(rows)));
      const test = all.subset(Int32Array.from(all.labels.keys()).filter(isTest));
      const fit = await fitFewShot(train!, val!, { C: g.C_list });
      expect(fit.candidates.map(({ C }) => C)).toEqual(g.C_list);
      for (const [i, wanted] of g.candidates.entries()) {
        const { objective, validation_errors } = fit.candidates[i]!;
        // The reference's tolerances: 1e-9 of the objective, counts exact but for rows that rounding decides.
        expect(Math.abs(objective / wanted.objective - 1)).toBeLessThan(1e-9);
        const slack = wanted.val_near ?? Number(wanted.min_margin_val! <= 1e-4);
        expect(Math.abs(validation_errors - wanted.val_errors)).toBeLessThanOrEqual(slack);
      }
      expect(fit.C).toBe(g.C_list[g.best_index]);
      const best = g.candidates[g.best_index]!;
      expect(best.test_near ?? 0).toBe(0);
      const predictions = await fit.predict(test);
      expect(predictions.filter((label, i) => label !== test.labels[i]).length).toBe(g.test_errors);
      const loss = await logLoss(fit, test);
      expect(Math.abs(loss / best.test_log_loss - 1)).toBeLessThan(1e-6);
    });
  }
}

async function load(recipe: Recipe | null | undefined): Promise<FeatureSet> {
  if (!recipe) return digitsFeatures();
  const { x, y, d, k } = problemOf(recipe);
  return inMemory(x, y, { dim: d, classes: Array.from({ length: k }, (_, c) => `class ${c}`) });
}

async function logLoss({ coef, intercept }: LinearModel, set: FeatureSet): Promise<number> {
  const rows = await set.rows(0, set.n);
  let sum = 0;
  for (let i = 0; i < set.n; i++) {
    const scores = Array.from(intercept, (b, c) => {
      let score = b;
      for (let j = 0; j < set.dim; j++) score += coef[c * set.dim + j]! * rows[i * set.dim + j]!;
      return score;
    });
    const top = Math.max(...scores);
    sum += top + Math.log(scores.reduce((total, s) => total + Math.exp(s - top), 0)) - scores[set.labels[i]!]!;
  }
  return sum / set.n;
}
