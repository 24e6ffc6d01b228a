import type { Job } from "../../core/events.ts";
import type { FeatureSet } from "../types.ts";
import type { Moments } from "./moments.ts";
import type { Products } from "./products.ts";
import { symmetricEigen } from "./symmetric.ts";

/** Numerical rank of a matrix by a threshold on its eigenvalues (or singular values). */
export interface Rank {
  rank: number;
  /** Values above it count: the larger of 1e-4 and a hundredth of the largest value. */
  tol: number;
  /** Distance of the value nearest to `tol`, relative to it: how far the rank is from changing. */
  gap: number;
}

/** @param values absolute values, all there are. */
export function rankOf(values: ArrayLike<number>): Rank {
  let top = 0;
  for (let i = 0; i < values.length; i++) top = Math.max(top, values[i]!);
  const tol = Math.max(1e-4, 0.01 * top);
  let [rank, gap] = [0, Infinity];
  for (let i = 0; i < values.length; i++) {
    if (values[i]! > tol) rank++;
    gap = Math.min(gap, Math.abs(values[i]! - tol) / tol);
  }
  return { rank, tol, gap };
}

export interface Spectra {
  /** Shares of the largest eigenvalue of the correlation, and of the largest singular value, that may be rounding. */
  noise: { correlation: number; singular: number };
  /** Absolute eigenvalues of the Pearson correlation of the columns that vary, largest first. */
  correlation: Float64Array;
  /** Singular values of the features, not centred, largest first; `min(n, d)` of them. */
  singular: Float64Array;
  constantColumns: number;
}

/** Scatter `sum of (x - mean)(x - mean)'` with columns scaled by `scale`, gathered block by block; upper triangle. */
export class Scatter {
  readonly sums: Float64Array;
  readonly scale: Float64Array;
  readonly #moments: Moments;
  readonly #products: Products;
  readonly noise: (size: number) => number;

  constructor(moments: Moments, products: Products) {
    const { d, range } = moments;
    this.sums = new Float64Array(d * d);
    // Columns of magnitude 1, so that float32 neither over- nor underflows.
    this.scale = range.map((width) => (width > 0 ? 1 / width : 0));
    this.#moments = moments;
    this.#products = products;
    this.noise = products.noise;
  }

  async add(x: Float32Array, rows: number): Promise<void> {
    const { d, mean } = this.#moments;
    const centred = new Float64Array(rows * d);
    for (let at = 0; at < rows * d; at += d) {
      for (let j = 0; j < d; j++) centred[at + j] = (x[at + j]! - mean[j]!) * this.scale[j]!;
    }
    await this.#products.gram(this.sums, centred, rows, d);
  }
}

/** From the scatter: for n >= d. */
export function spectraOfScatter({ sums, scale, noise }: Scatter, { n, d, mean }: Moments): Spectra {
  const varies = Array.from(scale.keys()).filter((j) => scale[j]! > 0);
  const size = varies.length;
  const correlation = new Float64Array(size * size);
  const deviation = varies.map((j) => Math.sqrt(sums[j * d + j]!));
  for (let a = 0; a < size; a++) {
    for (let b = a; b < size; b++) {
      correlation[a * size + b] = sums[varies[a]! * d + varies[b]!]! / (deviation[a]! * deviation[b]!);
    }
  }
  const correlationValues = absolute(symmetricEigen(correlation, size).values);
  // Not centred: the scatter and the mean's share of it.
  const gram = sums;
  for (let i = 0; i < d; i++) {
    const back = scale[i]! > 0 ? 1 / scale[i]! : 0;
    for (let j = i; j < d; j++) {
      gram[i * d + j] = gram[i * d + j]! * back * (scale[j]! > 0 ? 1 / scale[j]! : 0) + n * mean[i]! * mean[j]!;
    }
  }
  const singular = roots(symmetricEigen(gram, d).values, Math.min(n, d));
  return { correlation: correlationValues, singular, constantColumns: d - size, noise: shares(noise(d)) };
}

/** For n < d: from products of rows, whose eigenvalues are the same but for zeros. All rows are read at once. */
export async function spectraOfRows(set: FeatureSet, moments: Moments, products: Products, job: Job): Promise<Spectra> {
  const { n, d, mean, range } = moments;
  job.signal?.throwIfAborted();
  const x = await set.rows(0, n);
  const deviation = new Float64Array(d);
  for (let at = 0; at < n * d; at += d) for (let j = 0; j < d; j++) deviation[j]! += (x[at + j]! - mean[j]!) ** 2;
  const factor = deviation.map((sum, j) => (range[j]! > 0 ? 1 / Math.sqrt(sum) : 0));
  const largest = x.reduce((top, value) => Math.max(top, Math.abs(value)), 0) || 1;
  const rowGram = async (value: (at: number, j: number) => number) => {
    const gram = new Float64Array(n * n);
    // Columns of the features as rows: their Gram matrix is that of the rows.
    const width = Math.max(1, Math.trunc((1 << 22) / n));
    for (let first = 0; first < d; first += width) {
      job.signal?.throwIfAborted();
      const columns = Math.min(width, d - first);
      const turned = new Float64Array(columns * n);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < columns; j++) turned[j * n + i] = value(i * d + first + j, first + j);
      }
      await products.gram(gram, turned, columns, n);
    }
    return symmetricEigen(gram, n).values;
  };
  const constantColumns = range.reduce((count, width) => count + (width > 0 ? 0 : 1), 0);
  const centred = absolute(await rowGram((at, j) => (x[at]! - mean[j]!) * factor[j]!));
  const correlation = new Float64Array(d - constantColumns);
  correlation.set(centred.subarray(0, Math.min(n, correlation.length)));
  const singular = roots(await rowGram((at) => x[at]! / largest), n).map((value) => value * largest);
  return { correlation, singular, constantColumns, noise: shares(products.noise(n)) };
}

const shares = (noise: number) => ({ correlation: noise, singular: Math.sqrt(noise) });

const absolute = (values: Float64Array) => values.map(Math.abs).sort().reverse();

/** Square roots of the first `count` eigenvalues; what is within float64's rounding errors is zero. */
function roots(values: Float64Array, count: number): Float64Array {
  const noise = values.length * Number.EPSILON * (values[0] ?? 0);
  return values.slice(0, count).map((value) => (value > noise ? Math.sqrt(value) : 0));
}

/**
 * Exponential of the entropy of the values' shares: the effective rank (Roy and Vetterli, 2007). Values up to `noise` of the
 * largest count as zero: as a root of a rounding error one alone weighs 1e-8.
 */
export function entropyRank(values: Float64Array, noise: number): number {
  const least = noise * (values[0] ?? 0);
  const real = values.filter((value) => value > least);
  const total = real.reduce((sum, value) => sum + value, 0);
  let entropy = 0;
  for (const value of real) entropy -= (value / total) * Math.log(value / total);
  return total > 0 ? Math.exp(entropy) : 0;
}

/** `(sum)^2 / sum of squares`. */
export function participationRatio(values: Float64Array): number {
  const total = values.reduce((sum, value) => sum + value, 0);
  const squares = values.reduce((sum, value) => sum + value * value, 0);
  return total > 0 ? (total * total) / squares : 0;
}
