import { mean } from "./describe.ts";
import { studentQuantile, studentTwoSided } from "./distributions.ts";

/** One coefficient. Aliased with other columns it has no unique value: then `estimable` is false and the rest absent. */
export type Coefficient =
  | { coef: number; se: number; t: number; p: number; lo: number; hi: number; estimable?: undefined }
  | { estimable: false };

export interface Fit {
  n: number;
  df_resid: number;
  columns: number;
  rank: number;
  r2: number;
  /** sqrt(SSE / n) */
  rmse: number;
  sse: number;
  terms: Record<string, Coefficient>;
  /** A solution, one number a column; 0 where an aliased column was left out. */
  solution: number[];
}

/** Columns whose part that is new after those before is smaller than this, relative to their length, are aliased. */
const RANK_CUT = 1e-9;

/**
 * Ordinary least squares by Householder QR with column pivoting on columns scaled to length 1: normal equations would
 * lose year against the intercept. p-values are two-sided t with n - rank degrees of freedom, `lo` and `hi` 95 % limits.
 * @param columns the design, intercept included: name -> one number a row.
 */
export function leastSquares(columns: ReadonlyMap<string, readonly number[]>, y: readonly number[]): Fit {
  const names = [...columns.keys()];
  const n = y.length;
  const scale = names.map((name) => Math.hypot(...columns.get(name)!) || 1);
  const a = names.map((name, j) => Float64Array.from(columns.get(name)!, (value) => value / scale[j]!));
  const b = Float64Array.from(y);
  const { order, rank } = factorize(a, b);
  const inverse = invertUpper(a, order, rank);
  const z = inverse.map((row) => row.reduce((sum, value, k) => sum + value * b[k]!, 0));
  const sse = b.subarray(rank).reduce((sum, value) => sum + value * value, 0);
  const df = n - rank;
  const sigma2 = sse / df;
  const m = mean(y);
  const sst = y.reduce((sum, value) => sum + (value - m) ** 2, 0);
  const limit = df > 0 ? studentQuantile(0.05, df) : Number.NaN;
  const solution = new Array<number>(names.length).fill(0);
  const terms: Record<string, Coefficient> = Object.fromEntries(names.map((name) => [name, { estimable: false }]));
  for (let i = 0; i < rank; i++) {
    const j = order[i]!;
    const coef = z[i]! / scale[j]!;
    solution[j] = coef;
    if (!isEstimable(a, order, rank, inverse[i]!)) continue;
    const se = Math.sqrt(sigma2 * inverse[i]!.reduce((sum, value) => sum + value * value, 0)) / scale[j]!;
    const t = coef / se;
    terms[names[j]!] = { coef, se, t, p: studentTwoSided(t, df), lo: coef - limit * se, hi: coef + limit * se };
  }
  return {
    n,
    df_resid: df,
    columns: names.length,
    rank,
    r2: 1 - sse / sst,
    rmse: Math.sqrt(sse / n),
    sse,
    terms,
    solution,
  };
}

/** Leaves R in the columns of `a` (in pivoted order) and Q'b in `b`. */
function factorize(a: Float64Array[], b: Float64Array): { order: number[]; rank: number } {
  const order = a.map((_, j) => j);
  const n = b.length;
  let rank = 0;
  while (rank < Math.min(a.length, n)) {
    const rest = order.slice(rank).map((j) => a[j]!.subarray(rank).reduce((sum, value) => sum + value * value, 0));
    const best = rest.indexOf(Math.max(...rest));
    if (Math.sqrt(rest[best]!) <= RANK_CUT) break;
    [order[rank], order[rank + best]] = [order[rank + best]!, order[rank]!];
    const v = a[order[rank]!]!.slice(rank);
    const norm = Math.hypot(...v);
    const alpha = v[0]! > 0 ? -norm : norm;
    v[0]! -= alpha;
    const length2 = v.reduce((sum, value) => sum + value * value, 0);
    if (length2 > 0) {
      for (const column of [...order.slice(rank).map((j) => a[j]!), b]) {
        let dot = 0;
        for (let i = 0; i < v.length; i++) dot += v[i]! * column[rank + i]!;
        const factor = (2 * dot) / length2;
        for (let i = 0; i < v.length; i++) column[rank + i]! -= factor * v[i]!;
      }
    }
    rank++;
  }
  return { order, rank };
}

/** Rows of the inverse of R's leading square. */
function invertUpper(a: readonly Float64Array[], order: readonly number[], rank: number): number[][] {
  const r = (i: number, j: number) => a[order[j]!]![i]!;
  const inverse = Array.from({ length: rank }, () => new Array<number>(rank).fill(0));
  for (let j = 0; j < rank; j++) {
    inverse[j]![j] = 1 / r(j, j);
    for (let i = j - 1; i >= 0; i--) {
      let sum = 0;
      for (let k = i + 1; k <= j; k++) sum += r(i, k) * inverse[k]![j]!;
      inverse[i]![j] = -sum / r(i, i);
    }
  }
  return inverse;
}

/** A coefficient is unique when no combination of columns that gives zero uses its column. */
function isEstimable(
  a: readonly Float64Array[],
  order: readonly number[],
  rank: number,
  row: readonly number[],
): boolean {
  return order.slice(rank).every((j) => {
    const use = row.reduce((sum, value, k) => sum + value * a[j]![k]!, 0);
    return Math.abs(use) < 1e-6;
  });
}
