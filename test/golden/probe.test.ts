import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { digitsFeatures } from "../../src/decompose/digits.ts";
import { inMemory } from "../../src/decompose/features.ts";
import { logisticRegression } from "../../src/decompose/probes/logistic.ts";
import { logistic } from "../../src/decompose/probes/logistic-probe.ts";
import { computeRiskComponents } from "../../src/decompose/risk.ts";
import type { FeatureSet } from "../../src/decompose/types.ts";
import { type GeneratedProblem, isTest, problemOf, type Recipe, rowsOf } from "../unit/decompose/problems.ts";

interface Optimum {
  C: number;
  objective: number;
  correct_train: number;
  correct_test: number;
  min_margin_train: number;
  min_margin_test: number;
  coef_l2: number;
  coef_max_abs: number;
  coef_first10: number[];
  intercept: number[];
  sklearn_binary?: { C: number; objective: number; coef: number[]; intercept: number };
}

interface Decomposition {
  problem: string;
  C: number;
  n_sub: number;
  sub_indices: number[];
  supervised: unknown;
  risks: Record<string, { errors: number; n_eval: number; risk: number; min_margin: number; objective: number }>;
  components: Record<string, unknown>;
}

interface Golden {
  problems: Record<
    string,
    { params?: Recipe | null; feature_sum?: number; feature_sumsq?: number; results: Optimum[] }
  >;
  decomposition: Decomposition[];
}

const bundled = new URL("../fixtures/probe/optima.json", import.meta.url);
const shared = new URL(
  "reference/probe-golden.json",
  process.env.SSL_HUB_SHARED ? `file://${process.env.SSL_HUB_SHARED}/` : new URL("../../../shared/", import.meta.url),
);
const read = (url: URL): Golden => JSON.parse(readFileSync(fileURLToPath(url), "utf8"));

describe("probe optima, bundled selection", () => checks(read(bundled)));

describe.skipIf(!existsSync(shared))("probe optima, all of ../shared (skipped when absent)", () => {
  checks(existsSync(shared) ? read(shared) : { problems: {}, decomposition: [] });
});

function checks(golden: Golden) {
  for (const [name, { params, results, feature_sum, feature_sumsq }] of Object.entries(golden.problems)) {
    describe(name, () => {
      if (params) {
        it("is generated as it should be", () => {
          const { x } = problemOf(params);
          expect(x.reduce((sum, v) => sum + v, 0)).toBeCloseTo(feature_sum!, 6);
          expect(x.reduce((sum, v) => sum + v * v, 0)).toBeCloseTo(feature_sumsq!, 6);
        });
      }
      for (const result of results) it(`C = ${result.C}`, () => checkOptimum(name, golden, result));
    });
  }
  for (const entry of golden.decomposition) {
    it(`decomposition of ${entry.problem}`, () => checkDecomposition(golden, entry));
  }
}

async function load(name: string, golden: Golden, supervised = false): Promise<GeneratedProblem> {
  const recipe = golden.problems[name]!.params;
  if (!recipe) {
    const set = await digitsFeatures();
    return { x: await set.rows(0, set.n), y: set.labels, n: set.n, d: set.dim, k: set.classes.length };
  }
  const problem = problemOf(recipe);
  if (!supervised) return problem;
  // The supervised encoder of the decompositions: the same labels and class means, twice as far apart, fresh noise.
  const better = { ...recipe, seed: recipe.seed + 1000, meanSeed: recipe.seed, sep: 2 * recipe.sep };
  return problemOf(better, problem.y);
}

async function checkOptimum(name: string, golden: Golden, g: Optimum) {
  const problem = await load(name, golden);
  const train = rowsOf(problem, (i) => !isTest(i));
  const test = rowsOf(problem, isTest);
  const fit = await logisticRegression({ ...train, C: g.C });
  const coefTolerance = 1e-5 * g.coef_l2;
  // Tolerances are the reference's: objective 1e-9 relative; coef 1e-5 of its norm; intercept 1e-4.
  expect(Math.abs(fit.objective / g.objective - 1)).toBeLessThan(1e-9);
  near(fit.coef.subarray(0, 10), g.coef_first10.slice(0, fit.coef.length), coefTolerance);
  near([Math.hypot(...fit.coef)], [g.coef_l2], coefTolerance);
  near([fit.coef.reduce((max, w) => Math.max(max, Math.abs(w)), 0)], [g.coef_max_abs], coefTolerance);
  const mean = g.intercept.reduce((sum, b) => sum + b, 0) / g.intercept.length;
  near(
    fit.intercept,
    g.intercept.map((b) => b - mean),
    1e-4,
  );
  // Counts are exact where no row is closer to the border than 1e-4.
  const slack = (margin: number) => (margin > 1e-4 ? 0 : 1);
  near([correct(fit, train)], [g.correct_train], slack(g.min_margin_train));
  near([correct(fit, test)], [g.correct_test], slack(g.min_margin_test));
  if (g.sklearn_binary) await checkBinary(train, g.sklearn_binary);
}

/** scikit-learn's binary form is this problem at half the C; its coefficients are the difference of the two rows. */
async function checkBinary(train: GeneratedProblem, g: NonNullable<Optimum["sklearn_binary"]>) {
  const { coef, intercept, objective } = await logisticRegression({ ...train, C: g.C / 2 });
  const difference = Array.from(coef.subarray(train.d), (w, j) => w - coef[j]!);
  near(difference, g.coef, 1e-5 * Math.hypot(...g.coef));
  near([intercept[1]! - intercept[0]!], [g.intercept], 1e-4);
  expect(Math.abs((2 * objective) / g.objective - 1)).toBeLessThan(1e-9);
}

async function checkDecomposition(golden: Golden, g: Decomposition) {
  const probe = logistic({ C: g.C });
  const problem = await load(g.problem, golden);
  const train = featuresOf(rowsOf(problem, (i) => !isTest(i)));
  const test = featuresOf(rowsOf(problem, isTest));
  const modelSup = g.supervised
    ? featuresOf(rowsOf(await load(g.problem, golden, true), (i) => !isTest(i)))
    : undefined;
  // The reference names the rows of its subset by their number in the whole problem.
  const trainRows = Array.from({ length: problem.n }, (_, i) => i).filter((i) => !isTest(i));
  const chosen = new Set(g.sub_indices);
  const subset = Int32Array.from(trainRows.flatMap((row, i) => (chosen.has(row) ? [i] : [])));
  expect(subset.length).toBe(g.n_sub);
  const result = await computeRiskComponents(null, train, test, { modelSup, probe, nSub: subset, union: true });
  const named = {
    train_train: result.risks.train_train,
    "train-cmplmnt_train-sub": result.risks.cs,
    train_test: result.risks.train_test,
    sup_train_train: result.risks.sup_train_train,
    ...unionRisk(g, result.risks.union_test!),
  };
  for (const [name, percent] of Object.entries(named)) {
    const risk = g.risks[name];
    if (risk === undefined) expect(percent).toBeNull();
    else expect(Math.round((percent! * risk.n_eval) / 100)).toBe(risk.errors);
  }
  const want = g.components.default ? g.components : { default: g.components };
  const clipped = await computeRiskComponents(null, train, test, { modelSup, probe, nSub: subset, clip: "upstream" });
  const paths = { default: result, alternative: result.alternative, clipped };
  for (const [path, found] of Object.entries(paths)) {
    const wanted = want[path as keyof typeof want] as Record<string, number | null> | undefined;
    for (const [name, value] of Object.entries(wanted ?? {})) {
      const component = found![name as "approx"];
      if (value === null) expect(component).toBeNull();
      else expect(component, `${path} ${name}`).toBeCloseTo(value, 10);
    }
  }
}

/** The reference's name of the union's risk, where it has it. */
function unionRisk({ risks }: Decomposition, percent: number): Record<string, number> {
  const name = Object.keys(risks).find((key) => key.startsWith("union"));
  return name === undefined ? {} : { [name]: percent };
}

function featuresOf({ x, y, d, k }: GeneratedProblem): FeatureSet {
  return inMemory(x, y, { dim: d, classes: Array.from({ length: k }, (_, c) => `class ${c}`) });
}

function correct({ coef, intercept }: { coef: Float64Array; intercept: Float64Array }, p: GeneratedProblem): number {
  let count = 0;
  for (let i = 0; i < p.n; i++) {
    const scores = Array.from(intercept, (b, c) => {
      let score = b;
      for (let j = 0; j < p.d; j++) score += coef[c * p.d + j]! * p.x[i * p.d + j]!;
      return score;
    });
    if (scores.indexOf(Math.max(...scores)) === p.y[i]) count++;
  }
  return count;
}

function near(found: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number) {
  expect(found.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) expect(Math.abs(found[i]! - wanted[i]!)).toBeLessThanOrEqual(tolerance);
}
