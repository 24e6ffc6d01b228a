import { HubError } from "../core/errors.ts";
import { rng } from "../core/rng.ts";
import type { FeatureSet } from "./types.ts";

/** Row numbers of a split, both ascending. */
export interface SplitIndices {
  /** S, the stratified part of size n. */
  subset: Int32Array;
  /** All other rows. */
  complement: Int32Array;
}

/**
 * Splits rows into a class-stratified part of `n` rows and the rest. Each class gives its share, rounded by largest
 * remainder (ties to the lower class); every class of two rows or more is kept in both parts when `n` allows. A class of
 * one row goes to the rest. Our own draw: the same seed gives the same rows everywhere, but not scikit-learn's rows.
 * @param labels class number of each row.
 * @throws HubError `DATA` when `n` is not in 1..rows-1.
 */
export function splitIndices(labels: Int32Array, n: number, seed = 123): SplitIndices {
  if (!Number.isInteger(n) || n < 1 || n >= labels.length) {
    const found = `${n} is not a whole number from 1 to ${labels.length - 1}`;
    throw new HubError("DATA", `Cannot split ${labels.length} rows: the subset's size ${found}. Choose another size.`, {
      details: { n, rows: labels.length },
    });
  }
  const classes = new Map<number, number[]>();
  labels.forEach((label, row) => {
    const rows = classes.get(label);
    if (rows === undefined) classes.set(label, [row]);
    else rows.push(row);
  });
  const order = [...classes.keys()].sort((a, b) => a - b);
  const counts = apportion(
    order.map((label) => classes.get(label)!.length),
    n,
  );
  const draw = rng(seed, "split");
  const subset = order.flatMap((label, c) => {
    const rows = classes.get(label)!;
    return Array.from(draw.permutation(rows.length).subarray(0, counts[c]), (i) => rows[i]!);
  });
  return splitAt(Int32Array.from(subset), labels.length);
}

/**
 * The split of rows 0..n-1 with these rows as the subset.
 * @throws HubError `DATA` when a row is named twice, is not there, or none is left.
 */
export function splitAt(rows: Int32Array, n: number): SplitIndices {
  const chosen = new Uint8Array(n);
  for (const row of rows) {
    if (chosen[row] !== 0) {
      const found = row >= 0 && row < n ? `row ${row} is named twice` : `there is no row ${row}`;
      throw new HubError("DATA", `Cannot split ${n} rows: ${found}. Name each row of 0..${n - 1} once at most.`, {
        details: { row, rows: n },
      });
    }
    chosen[row] = 1;
  }
  if (rows.length === 0 || rows.length === n) {
    const found = `the subset has ${rows.length} rows, nothing is left for one of the parts`;
    throw new HubError("DATA", `Cannot split ${n} rows: ${found}. Choose other rows.`, { details: { rows: n } });
  }
  const all = Int32Array.from(chosen.keys());
  return { subset: all.filter((row) => chosen[row] === 1), complement: all.filter((row) => chosen[row] === 0) };
}

/** Features of a split as views, see {@link splitIndices}. */
export function dataSplit(data: FeatureSet, n: number, seed = 123): { subset: FeatureSet; complement: FeatureSet } {
  const { subset, complement } = splitIndices(data.labels, n, seed);
  return { subset: data.subset(subset), complement: data.subset(complement) };
}

/** How many of each class, `n` in all. */
function apportion(sizes: readonly number[], n: number): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const quotas = sizes.map((size) => (n * size) / total);
  // Each class in both parts; where that is too much to ask, only what the sizes allow.
  let low = sizes.map((size) => (size > 1 ? 1 : 0));
  let high = sizes.map((size) => Math.max(0, size - 1));
  if (sum(low) > n) low = sizes.map(() => 0);
  if (sum(high) < n) high = [...sizes];
  const counts = quotas.map((quota, c) => Math.min(high[c]!, Math.max(low[c]!, Math.floor(quota))));
  for (let left = n - sum(counts); left !== 0; left -= Math.sign(left)) {
    const step = Math.sign(left);
    const lack = (c: number) => step * (quotas[c]! - counts[c]!);
    const open = [...counts.keys()].filter((c) => (step > 0 ? counts[c]! < high[c]! : counts[c]! > low[c]!));
    const neediest = open.reduce((best, c) => (lack(c) > lack(best) ? c : best));
    counts[neediest]! += step;
  }
  return counts;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
