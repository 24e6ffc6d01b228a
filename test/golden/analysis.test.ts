import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { computeNumbers } from "../../src/analysis/numbers/all.ts";
import { makeStudy } from "../../src/analysis/study.ts";
import { hasShared, shared } from "../support/shared.ts";

type Tolerance = "exact" | null | Record<string, unknown>;
const quantities: Record<string, { value: unknown; tol: Tolerance }> = hasShared
  ? JSON.parse(readFileSync(shared("reference/analysis-golden.json"), "utf8")).quantities
  : {};

/** What has no value of its own: `t` and `p` of coefficients that are rounding noise around zero (R2 is 1). */
const NOISE = /^controlled\.(projection|epochs)\.ols(_upstream_duplicated_rows)?\.approx\/terms\/.*\/[tp]$/;
/** Needs errors that neither the table nor the history holds. */
const ABSENT = ["raw.cmpl_test_minus_train_test"];

function differences(a: unknown, b: unknown, tol: Exclude<Tolerance, null>, path: string): string[] {
  if (NOISE.test(path)) return [];
  if (typeof b === "object" && b !== null) {
    const inner = Object.keys(b).flatMap((key) =>
      differences((a as Record<string, unknown>)?.[key], (b as Record<string, unknown>)[key], tol, `${path}/${key}`),
    );
    const length = Array.isArray(b) && (a as unknown[])?.length !== b.length;
    return length ? [`${path}: length ${(a as unknown[])?.length}, not ${b.length}`] : inner;
  }
  return agrees(a, b, tol, path.split("/").at(-1)!) ? [] : [`${path}: ${a}, not ${b}`];
}

function agrees(a: unknown, b: unknown, tol: Exclude<Tolerance, null>, field: string): boolean {
  if (b === null) return a === null || a === undefined || !Number.isFinite(a);
  if (typeof b !== "number" || tol === "exact") return a === b;
  if (typeof a !== "number") return false;
  if (typeof tol[field] === "string") return a <= b * 1.0005;
  const { rel = 0, abs = 0 } = (tol[field] ?? tol) as { rel?: number; abs?: number };
  return Math.abs(a - b) <= abs + rel * Math.abs(b);
}

describe.skipIf(!hasShared)("the paper's analysis (skipped without the developers' goldens)", () => {
  const numbers = computeNumbers(makeStudy());
  const keys = Object.keys(quantities).filter((key) => quantities[key]!.tol !== null && !ABSENT.includes(key));

  test.each(keys)("%s", (key) => {
    const { value, tol } = quantities[key]!;
    expect(numbers).toHaveProperty([key]);
    const sorted = key === "ranking.full" ? swapTies : (x: unknown) => x;
    expect(differences(sorted(numbers[key]), sorted(value), tol!, key)).toEqual([]);
  });
});

/** Two representations of one encoder have the same error: either may come first. */
function swapTies(ranking: unknown): unknown {
  const tied = ["openclip_vith14_extractb", "openclip_vith14_extractpred"];
  return (ranking as string[]).map((name) => (tied.includes(name) ? "tied" : name));
}
