import { multiply } from "../kernels/multiply.ts";

/**
 * The two products of a linear model with its centred features Z (`[n, d]`, each column minus its mean). This is all a
 * fit does with the features, so where they run (float64 here, float32 on an engine) is a choice of its own.
 */
export interface Products {
  /** Z W of `w` `[d, k]` row-major: `[n, k]`. */
  forward(w: Float64Array, k: number): Promise<Float64Array>;
  /** Transposed Z times `r` `[n, k]` row-major: `[d, k]`. */
  adjoint(r: Float64Array, k: number): Promise<Float64Array>;
  /** Unit roundoff of the arithmetic. */
  readonly epsilon: number;
  dispose(): void;
}

/** Features as they came, and what centring them needs. */
export interface Features {
  /** `[n, d]` row-major, not centred. */
  readonly x: Float32Array | Float64Array;
  readonly n: number;
  readonly d: number;
  /** Mean of each column, `[d]`. */
  readonly mean: Float64Array;
  /** Sum of squares of the centred features. */
  readonly squares: number;
}

/** Column means in two passes, so that a large common offset costs no digits. */
export function describe(x: Float32Array | Float64Array, n: number, d: number): Features {
  const mean = new Float64Array(d);
  for (let at = 0; at < n * d; at += d) for (let j = 0; j < d; j++) mean[j]! += x[at + j]!;
  for (let j = 0; j < d; j++) mean[j]! /= n;
  const rest = new Float64Array(d);
  let squares = 0;
  for (let at = 0; at < n * d; at += d) {
    for (let j = 0; j < d; j++) {
      const z = x[at + j]! - mean[j]!;
      rest[j]! += z;
      squares += z * z;
    }
  }
  for (let j = 0; j < d; j++) mean[j]! += rest[j]! / n;
  return { x, n, d, mean, squares };
}

/** Products in float64 on one core, straight from the features: no copy of them is made. */
export function exactProducts({ x, n, d, mean }: Features): Products {
  return {
    async forward(w, k) {
      const offset = new Float64Array(k);
      multiply({ a: mean, aRow: d, aColumn: 1, b: w, out: offset, rows: 1, inner: d, columns: k });
      const out = repeated(
        offset.map((value) => -value),
        n,
      );
      multiply({ a: x, aRow: d, aColumn: 1, b: w, out, rows: n, inner: d, columns: k });
      return out;
    },
    async adjoint(r, k) {
      const sums = columnSums(r, k);
      const out = outer(
        mean,
        sums.map((value) => -value),
      );
      multiply({ a: x, aRow: 1, aColumn: d, b: r, out, rows: d, inner: n, columns: k });
      return out;
    },
    epsilon: 2 ** -53,
    dispose() {},
  };
}

/** Sum over the rows of `r` `[n, k]`: `[k]`. */
export function columnSums(r: Float64Array, k: number): Float64Array {
  const sums = new Float64Array(k);
  for (let at = 0; at < r.length; at += k) for (let c = 0; c < k; c++) sums[c]! += r[at + c]!;
  return sums;
}

/** `rows` rows that are all `row`. */
function repeated(row: Float64Array, rows: number): Float64Array {
  const k = row.length;
  const out = new Float64Array(rows * k);
  for (let at = 0; at < out.length; at += k) for (let c = 0; c < k; c++) out[at + c] = row[c]!;
  return out;
}

/** Every product of one of `a` with one of `b`: `[a.length, b.length]`. */
function outer(a: Float64Array, b: Float64Array): Float64Array {
  const k = b.length;
  const out = new Float64Array(a.length * k);
  for (let j = 0, at = 0; j < a.length; j++, at += k) for (let c = 0; c < k; c++) out[at + c] = a[j]! * b[c]!;
  return out;
}
