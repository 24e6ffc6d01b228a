import { mean } from "../statistics/describe.ts";
import { fisherUpper } from "../statistics/distributions.ts";
import { type Fit, leastSquares } from "../statistics/least-squares.ts";
import { num, OUTCOMES, type Outcome, type Row, type Study } from "../study.ts";
import { cellOf, columnsOf, designOf, headOf, type Term, usable } from "./design.ts";
import type { Numbers } from "./numbers.ts";

/** Terms of our additive attribution: what the paper's boosted trees were given, in a model that has one answer. */
export const ADDITIVE_TERMS: readonly Term[] = [
  "pretraining_data",
  "ssl_mode",
  "np.log(epochs)",
  "np.log(batch_size)",
  "np.log(nviews)",
  "n_augmentations",
  "projection",
  "np.log(n_parameters)",
  "family",
  "np.log(z_dim)",
  "np.log(patch_size)",
  "optimizer",
];

/** How much a term matters for an outcome. */
export interface Importance {
  /** (SSE without - SSE with) / SSE without */
  partial_r2: number;
  delta_r2: number;
  df: number;
  F: number;
  p: number;
  mean_abs_effect: number;
}

export interface Attribution {
  fit: Fit;
  coefficients: Record<string, number>;
  importance: Record<Term, Importance>;
  /** Term -> model -> effect on its error, in percent, against the mean of the fitted rows; negative is better. */
  effects: Record<Term, Record<string, number>>;
}

/**
 * One OLS of an outcome on all terms. The effect of a term for a model is the sum over the term's columns of
 * coefficient * (x - mean of x): effects sum to the prediction less its mean, exactly, as SHAP values do.
 */
export function attribute(all: readonly Row[], outcome: Outcome): Attribution {
  const rows = fittedRows(all, outcome);
  const y = rows.map((row) => num(row, OUTCOMES[outcome])!);
  const design = designOf(rows, ADDITIVE_TERMS);
  const fit = leastSquares(design, y);
  const coefficients = Object.fromEntries([...design.keys()].map((name, j) => [name, fit.solution[j]!]));
  const effects: Attribution["effects"] = {};
  const importance: Attribution["importance"] = {};
  for (const term of ADDITIVE_TERMS) {
    const columns = columnsOf(rows, term);
    const values = rows.map((_, i) =>
      columns.reduce((sum, [name, x]) => sum + coefficients[name]! * (x[i]! - mean(x)), 0),
    );
    effects[term] = Object.fromEntries(rows.map((row, i) => [row.name, values[i]!]));
    const without = leastSquares(
      designOf(
        rows,
        ADDITIVE_TERMS.filter((other) => other !== term),
      ),
      y,
    );
    importance[term] = { ...tested(fit, without), mean_abs_effect: mean(values.map(Math.abs)) };
  }
  return { fit, coefficients, importance, effects };
}

/** Kind of the projection head, where none counts as the identity. */
export const projectionOf = (row: Row): string => (headOf(row) === "Na" ? "identity" : headOf(row));

const fittedRows = (all: readonly Row[], outcome: Outcome): Row[] =>
  usable(all.map((row): Row => ({ ...row, projection: projectionOf(row) })), OUTCOMES[outcome], ADDITIVE_TERMS); // biome-ignore format: one line

/**
 * Effect of a term on the error of a model that was not fitted, by the coefficients and means of those that were.
 * @returns null where the model lacks the value, or has a category that none of them has.
 */
export function effectOn(
  row: Row,
  term: Term,
  outcome: Outcome,
  all: readonly Row[],
  coefficients: Readonly<Record<string, number>>,
): number | null {
  // Without a word on the objective nothing is known of its head either.
  const value = term === "projection" && row.ssl_mode === null && headOf(row) === "Na" ? null : cellOf({ ...row, projection: projectionOf(row) }, term); // biome-ignore format: one line
  if (value === null) return null;
  const rows = fittedRows(all, outcome);
  if (typeof value === "string" && !rows.some((other) => cellOf(other, term) === value)) return null;
  return columnsOf(rows, term).reduce((sum, [name, x]) => {
    const own = typeof value === "number" ? value : Number(name === `${term}[T.${value}]`);
    return sum + coefficients[name]! * (own - mean(x));
  }, 0);
}

function tested(full: Fit, without: Fit): Omit<Importance, "mean_abs_effect"> {
  const df = full.rank - without.rank;
  const F = (without.sse - full.sse) / df / (full.sse / full.df_resid);
  return {
    partial_r2: (without.sse - full.sse) / without.sse,
    delta_r2: full.r2 - without.r2,
    df,
    F,
    p: fisherUpper(F, df, full.df_resid),
  };
}

const ordered = (importance: Record<Term, Importance>): Term[] =>
  Object.keys(importance).sort((a, b) => importance[b]!.mean_abs_effect - importance[a]!.mean_abs_effect);

export function additive({ all }: Study): Numbers {
  const outcomes = Object.keys(OUTCOMES) as Outcome[];
  return Object.fromEntries(
    outcomes.flatMap((outcome) => {
      const { fit, coefficients, importance, effects } = attribute(all, outcome);
      const { n, df_resid, columns, r2 } = fit;
      return [
        [
          `ours.importance.${outcome}`,
          { n, df_resid, columns, r2, terms: importance, order_by_mean_abs_effect: ordered(importance) },
        ],
        [`ours.coefficients.${outcome}`, coefficients],
        ...Object.entries(effects).map(([term, models]) => [`ours.effect.${outcome}.${term}`, models]),
      ];
    }),
  );
}
