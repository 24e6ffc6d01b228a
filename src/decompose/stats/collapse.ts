import { addGram } from "./kernels.ts";
import { inverseLength, type Moments } from "./moments.ts";
import type { Products } from "./products.ts";
import { rankOf } from "./spectra.ts";
import { symmetricEigen } from "./symmetric.ts";

/** Leading directions of the class means: what the pseudo-inverse of their covariance keeps. */
export interface Between {
  /** Orthonormal, one a row: `[kept, d]`. */
  directions: Float64Array;
  /** Eigenvalues of the covariance of class means (divided by K - 1) along them. */
  values: Float64Array;
  kept: number;
  gap: number;
  /** Mean over classes of the squared distance of the class mean to the mean of class means. */
  inter_var: number;
}

/** Eigenvectors of the covariance of the class means, from the smaller of its two Gram matrices. */
export function betweenClasses({ k, d, classMean }: Moments): Between {
  const centre = new Float64Array(d);
  for (let at = 0; at < k * d; at += d) for (let j = 0; j < d; j++) centre[j]! += classMean[at + j]! / k;
  const deviations = classMean.map((value, at) => value - centre[at % d]!);
  const inter_var = deviations.reduce((sum, value) => sum + value * value, 0) / k;
  if (k < 2) return { directions: new Float64Array(0), values: new Float64Array(0), kept: 0, gap: Infinity, inter_var };
  const tall = k >= d;
  const size = tall ? d : k;
  const rows = tall ? deviations : transposed(deviations, k, d);
  const gram = new Float64Array(size * size);
  addGram(gram, rows, tall ? k : d, size);
  for (let at = 0; at < gram.length; at++) gram[at]! /= k - 1;
  const { values, vectors } = symmetricEigen(gram, size, (all) => rankOf(all).rank);
  const all = new Float64Array(d);
  all.set(values.map(Math.abs).subarray(0, Math.min(size, d)));
  const { rank: kept, gap } = rankOf(all);
  const directions = tall ? vectors : fromRowSpace(vectors, deviations, kept, k, d);
  return { directions, values: values.slice(0, kept), kept, gap, inter_var };
}

/** Left singular vectors `[kept, k]` of the transposed deviations to right ones `[kept, d]`. */
function fromRowSpace(vectors: Float64Array, deviations: Float64Array, kept: number, k: number, d: number) {
  const out = new Float64Array(kept * d);
  for (let e = 0; e < kept; e++) {
    const row = out.subarray(e * d, (e + 1) * d);
    for (let c = 0; c < k; c++) {
      const share = vectors[e * k + c]!;
      for (let j = 0; j < d; j++) row[j]! += share * deviations[c * d + j]!;
    }
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    for (let j = 0; j < d; j++) row[j]! /= length;
  }
  return out;
}

function transposed(a: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(a.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = a[i * columns + j]!;
  return out;
}

/** Spread of rows within their classes, gathered block by block. */
export class Within {
  readonly #moments: Moments;
  readonly #between: Between;
  readonly #products: Products;
  /** Sums of squares about the class mean, of rows and of rows of length 1, `[k]`. */
  readonly #spread: Float64Array;
  readonly #directionSpread: Float64Array;
  /** Square roots of the weight of a row of each class in the mean of class covariances. */
  readonly #weight: Float64Array;
  readonly #scale: number;
  #nc1 = 0;

  constructor(moments: Moments, between: Between, products: Products) {
    const { k, counts, range } = moments;
    this.#moments = moments;
    this.#between = between;
    this.#products = products;
    this.#spread = new Float64Array(k);
    this.#directionSpread = new Float64Array(k);
    const classes = counts.reduce((sum, count) => sum + (count > 1 ? 1 : 0), 0);
    this.#weight = counts.map((count) => (count > 1 ? 1 / Math.sqrt(classes * (count - 1)) : 0));
    this.#scale = range.reduce((top, width) => Math.max(top, width), 0) || 1;
  }

  async add(x: Float32Array, start: number, rows: number): Promise<void> {
    const { d, y, classMean, classDirection } = this.#moments;
    const { directions, kept, values } = this.#between;
    const rest = new Float64Array(rows * d);
    for (let i = 0; i < rows; i++) {
      const c = y[start + i]!;
      const [at, to] = [i * d, c * d];
      const scale = inverseLength(x, at, d)!;
      let [spread, turned] = [0, 0];
      for (let j = 0; j < d; j++) {
        const value = x[at + j]!;
        const away = value - classMean[to + j]!;
        const off = value * scale - classDirection[to + j]!;
        spread += away * away;
        turned += off * off;
        rest[at + j] = away / this.#scale;
      }
      this.#spread[c]! += spread;
      this.#directionSpread[c]! += turned;
    }
    if (kept === 0) return;
    const along = await this.#products.project(rest, rows, directions, kept, d);
    for (let i = 0; i < rows; i++) {
      const weight = this.#weight[y[start + i]!]!;
      for (let e = 0; e < kept; e++) this.#nc1 += (weight * along[i * kept + e]! * this.#scale) ** 2 / values[e]!;
    }
  }

  result(): { intra_var: number; alignment: number; nc1: number } {
    const { k, counts } = this.#moments;
    const mean = (sums: Float64Array) => sums.reduce((total, sum, c) => total + sum / counts[c]!, 0) / k;
    // Without two classes there is no covariance of means, without a class of two rows none within classes.
    const defined = k > 1 && counts.some((count) => count > 1);
    return {
      intra_var: mean(this.#spread),
      alignment: 2 * mean(this.#directionSpread),
      nc1: defined ? this.#nc1 : Number.NaN,
    };
  }
}
