import { describe, expect, test } from "vitest";
import { computeNumbers, type NumbersPart } from "../../../src/analysis/numbers/all.ts";
import { makeStudy, studyOf } from "../../../src/analysis/study.ts";
import { rng } from "../../../src/core/rng.ts";

/** Sums in another order differ in their last digits; lists are compared as sets, for equals may stand in either order. */
function comparable(value: unknown): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? Number(value.toPrecision(6)) + 0 : null;
  if (Array.isArray(value)) return value.map((item) => JSON.stringify(comparable(item))).sort();
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, comparable(inner)]).sort()); // biome-ignore format: one line
}

/** Values without meaning: what is left of a zero, of fits that are exact, and models of equal rank. */
const UNSTABLE =
  /^controlled\..*\.(approx|enc_gen)$|^rank\.(delta_all|top10_movers)$|^best5\.|^controlled\..*\.groups$/;

const study = makeStudy();
const parts: NumbersPart[] = ["overview", "radars", "trends", "rankings", "bestModels", "correlations", "groups", "official", "controlledEffects", "controlledPairs", "additive"]; // biome-ignore format: one line

describe("the order of the table's rows means nothing", () => {
  test.each(parts)("%s", (part) => {
    const before = computeNumbers(study, [part]);
    for (const seed of [1, 2]) {
      const order = Array.from(rng(seed).permutation(study.all.length), (at) => study.all[at]!);
      const after = computeNumbers(studyOf(order), [part]);
      for (const key of Object.keys(before)) {
        if (!UNSTABLE.test(key)) expect(comparable(after[key]), key).toEqual(comparable(before[key]));
      }
    }
  });
});
