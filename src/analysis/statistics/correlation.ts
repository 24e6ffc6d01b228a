import { mean } from "./describe.ts";
import { normalTwoSided, studentTwoSided } from "./distributions.ts";

/** Three correlations of pairs and their two-sided p-values. */
export interface Correlation {
  n: number;
  kendall: number;
  kendall_p: number;
  spearman: number;
  spearman_p: number;
  pearson: number;
  pearson_p: number;
}

/** Pairs with a missing side are dropped. Kendall's p is the asymptotic one; the others are by Student's distribution. */
export function correlate(x: readonly (number | null)[], y: readonly (number | null)[]): Correlation {
  const kept = x.flatMap((value, i) => (value === null || y[i] === null ? [] : [[value, y[i]!] as const]));
  const [a, b] = [kept.map(([value]) => value), kept.map(([, value]) => value)];
  const n = kept.length;
  const tau = kendallTau(a, b);
  const [r, rho] = [pearson(a, b), pearson(ranks(a), ranks(b))];
  return {
    n,
    kendall: tau.tau,
    kendall_p: tau.p,
    spearman: rho,
    spearman_p: correlationP(rho, n),
    pearson: r,
    pearson_p: correlationP(r, n),
  };
}

/** Kendall's tau-b and its asymptotic p with the correction for ties (as scipy's `kendalltau`, method asymptotic). */
export function kendallTau(x: readonly number[], y: readonly number[]): { tau: number; p: number } {
  const n = x.length;
  let difference = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) difference += Math.sign(x[i]! - x[j]!) * Math.sign(y[i]! - y[j]!);
  }
  const [tx, ty] = [ties(x), ties(y)];
  const pairs = (n * (n - 1)) / 2;
  const tau = difference / Math.sqrt(pairs - tx.pairs) / Math.sqrt(pairs - ty.pairs);
  const m = n * (n - 1);
  const spread =
    (m * (2 * n + 5) - tx.cubic - ty.cubic) / 18 +
    (2 * tx.pairs * ty.pairs) / m +
    (tx.triples * ty.triples) / (9 * m * (n - 2));
  return { tau, p: normalTwoSided(difference / Math.sqrt(spread)) };
}

function ties(x: readonly number[]): { pairs: number; triples: number; cubic: number } {
  const counts = new Map<number, number>();
  for (const value of x) counts.set(value, (counts.get(value) ?? 0) + 1);
  let [pairs, triples, cubic] = [0, 0, 0];
  for (const t of counts.values()) {
    pairs += (t * (t - 1)) / 2;
    triples += t * (t - 1) * (t - 2);
    cubic += t * (t - 1) * (2 * t + 5);
  }
  return { pairs, triples, cubic };
}

export function pearson(x: readonly number[], y: readonly number[]): number {
  const [mx, my] = [mean(x), mean(y)];
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [x[i]! - mx, y[i]! - my];
    xx += a * a;
    yy += b * b;
    xy += a * b;
  }
  return xy / Math.sqrt(xx) / Math.sqrt(yy);
}

const correlationP = (r: number, n: number): number => studentTwoSided(r * Math.sqrt((n - 2) / (1 - r * r)), n - 2);

/** Ranks from 1; ties share the mean of theirs. */
export function ranks(x: readonly number[]): number[] {
  const order = x.map((_, i) => i).sort((i, j) => x[i]! - x[j]!);
  const out = new Array<number>(x.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && x[order[end]!] === x[order[start]!]) end++;
    for (let k = start; k < end; k++) out[order[k]!] = (start + end + 1) / 2;
    start = end;
  }
  return out;
}
