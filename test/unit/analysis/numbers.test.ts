import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { attribute } from "../../../src/analysis/numbers/additive.ts";
import { computeNumbers } from "../../../src/analysis/numbers/all.ts";
import { boundedFit } from "../../../src/analysis/statistics/bounded-fit.ts";
import { kendallTau } from "../../../src/analysis/statistics/correlation.ts";
import { density } from "../../../src/analysis/statistics/density.ts";
import {
  fisherUpper,
  normalTwoSided,
  studentQuantile,
  studentTwoSided,
} from "../../../src/analysis/statistics/distributions.ts";
import { leastSquares } from "../../../src/analysis/statistics/least-squares.ts";
import { makeStudy } from "../../../src/analysis/study.ts";

/** Written by scripts/make_analysis_fixture.py: scipy's and numpy's values. */
const fixture = JSON.parse(readFileSync(new URL("../../fixtures/analysis.json", import.meta.url), "utf8"));
const study = makeStudy();
const numbers = computeNumbers(study);

/** |a - b| <= 1e-9 |b|, or 1e-13 near zero. */
function close(a: unknown, b: number, relative = 1e-9): void {
  expect(typeof a).toBe("number");
  expect(Math.abs((a as number) - b)).toBeLessThanOrEqual(relative * Math.abs(b) + 1e-13 * Math.min(1, relative * 1e9));
}

describe("distributions equal scipy's to 1e-9 relative, far into the tails", () => {
  test.each(fixture.distributions.student as number[][])("P(|T| >= %d), %d degrees of freedom", (t, df, p) => {
    close(studentTwoSided(t!, df!) / p!, 1);
  });
  test.each(fixture.distributions.fisher as number[][])("P(F >= %d), %d and %d", (f, a, b, p) => {
    close(fisherUpper(f!, a!, b!) / p!, 1);
  });
  test.each(fixture.distributions.normal as number[][])("P(|Z| >= %d)", (z, p) => {
    close(normalTwoSided(z!) / p!, 1);
  });
  test("the quantile is the inverse of the tail", () => {
    for (const df of [1, 9, 121]) close(studentTwoSided(studentQuantile(0.05, df), df), 0.05);
  });
});

describe("numbers equal an independent recomputation", () => {
  test.each(Object.keys(fixture.correlations))("%s", (key) => {
    for (const [field, value] of Object.entries(fixture.correlations[key])) {
      close((numbers[key] as Record<string, number>)[field], value as number);
    }
  });

  test.each(Object.keys(fixture.effects))("%s", (key) => {
    const { n, rank, terms } = fixture.effects[key];
    const ours = numbers[key] as { n: number; rank: number; terms: Record<string, Record<string, number>> };
    expect([ours.n, ours.rank]).toEqual([n, rank]);
    for (const [term, value] of Object.entries(terms as Record<string, { coef: number; t: number; p: number }>)) {
      for (const field of ["coef", "t", "p"] as const) close(ours.terms[term]![field], value[field], 1e-6);
    }
  });

  test("quantiles", () => {
    for (const [column, values] of Object.entries(fixture.quantiles as Record<string, number[]>)) {
      const ours = numbers[`describe.${column}`] as Record<string, number> | undefined;
      if (ours === undefined) continue;
      for (const [i, field] of ["min", "q25", "median", "q75", "max"].entries()) close(ours[field], values[i]!);
    }
  });
});

test("Kendall's tau and p where most values are tied", () => {
  const { x, y, tau, p } = fixture.ties as { x: number[]; y: number[]; tau: number; p: number };
  const ours = kendallTau(x, y);
  close(ours.tau, tau);
  close(ours.p, p);
});

describe("attribution", () => {
  test("effects of all terms sum to the prediction less its mean", () => {
    const { fit, effects } = attribute(study.all, "probe_gen");
    const names = Object.keys(effects.family!);
    const sums = names.map((name) => Object.values(effects).reduce((sum, models) => sum + models[name]!, 0));
    close(sums.reduce((a, b) => a + b, 0) + 1, 1);
    const explained = sums.reduce((sum, value) => sum + value * value, 0);
    close(explained / (explained + fit.sse), fit.r2);
  });
});

describe("least squares", () => {
  test("aliased columns are told, and the others are as without them", () => {
    const x = [1, 2, 3, 4, 5, 6];
    const y = [1.1, 1.9, 3.2, 3.9, 5.1, 5.8];
    const one = x.map(() => 1);
    const plain = leastSquares(new Map([["Intercept", one], ["x", x]]), y); // biome-ignore format: one line
    const z = [0, 1, 0, 1, 0, 0];
    const wide = new Map([["Intercept", one], ["x", x], ["z", z], ["twice z", z.map((v) => 2 * v)]]); // biome-ignore format: one line
    const aliased = leastSquares(wide, y);
    expect([aliased.columns, aliased.rank]).toEqual([4, 3]);
    expect(aliased.terms.z).toEqual({ estimable: false });
    expect(aliased.terms["twice z"]).toEqual({ estimable: false });
    const only = leastSquares(new Map([["Intercept", one], ["x", x], ["z", z]]), y); // biome-ignore format: one line
    close((aliased.terms.x as { coef: number }).coef, (only.terms.x as { coef: number }).coef);
    close((plain.terms.x as { coef: number }).coef, 0.9657142857142857);
  });

  test("a bounded fit stops at its bound and finds the rest", () => {
    const points = [1, 2, 3, 4];
    const model = ([a, b]: readonly number[], r: Float64Array, j: Float64Array) => {
      for (const [i, x] of points.entries()) {
        r[i] = a! + b! * x - (5 + 2 * x);
        j.set([1, x], 2 * i);
      }
    };
    const free = boundedFit(model, 4, [{ start: 0, low: -10, high: 10 }, { start: 0, low: -10, high: 10 }]); // biome-ignore format: one line
    close(free.parameters[0], 5, 1e-6);
    const held = boundedFit(model, 4, [{ start: 0, low: -10, high: 3 }, { start: 0, low: -10, high: 10 }]); // biome-ignore format: one line
    expect(held.parameters[0]).toBe(3);
    close(held.parameters[1], 2 + (2 * 10) / 30, 1e-6);
  });
});

test("errata: dropped rows are in no number", () => {
  const dropped = makeStudy({ errata: "drop" });
  expect(dropped.all.length).toBeLessThan(study.all.length);
});

test("densities equal scipy's gaussian_kde, of each value once and four times", () => {
  const x = [14.9, 22.5, 27.6, 33.6, 64.5];
  const once = [0.01960505521312, 0.01394817986168, 0.0002150523402169];
  const fourfold = [0.02434164090928, 0.01245029175109, 9.232239340195e-6];
  for (const [i, value] of density(x, [20, 40, 100]).entries()) close(value, once[i]!);
  for (const [i, value] of density(x, [20, 40, 100], 4).entries()) close(value, fourfold[i]!);
});
