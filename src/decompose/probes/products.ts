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
      const out = new Float64Array(n * k);
      for (let i = 0, o = 0; i < n; i++) for (let c = 0; c < k; c++) out[o++] = -offset[c]!;
      multiply({ a: x, aRow: d, aColumn: 1, b: w, out, rows: n, inner: d, columns: k });
      return out;
    },
    async adjoint(r, k) {
      const sums = columnSums(r, k);
      const out = new Float64Array(d * k);
      for (let j = 0, o = 0; j < d; j++) for (let c = 0; c < k; c++) out[o++] = -mean[j]! * sums[c]!;
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

/** `out += A B`, where A is read through strides (so that its transpose is the same array) and B, `out` are row-major. */
interface Multiply {
  a: Float32Array | Float64Array;
  aRow: number;
  aColumn: number;
  b: Float64Array;
  out: Float64Array;
  rows: number;
  inner: number;
  columns: number;
}

/** Rows of B that stay in the cache while all rows of A pass over them. */
const BLOCK = 64;

export function multiply({ a, aRow, aColumn, b, out, rows, inner, columns }: Multiply): void {
  for (let start = 0; start < inner; start += BLOCK) {
    const end = Math.min(inner, start + BLOCK);
    let i = 0;
    for (; i + 2 <= rows; i += 2) {
      let l = start;
      for (; l + 4 <= end; l += 4)
        tile(a, i * aRow + l * aColumn, aRow, aColumn, b, l * columns, out, i * columns, columns);
      for (; l < end; l++) {
        axpy(a[i * aRow + l * aColumn]!, b, l * columns, out, i * columns, columns);
        axpy(a[(i + 1) * aRow + l * aColumn]!, b, l * columns, out, (i + 1) * columns, columns);
      }
    }
    if (i < rows)
      for (let l = start; l < end; l++) axpy(a[i * aRow + l * aColumn]!, b, l * columns, out, i * columns, columns);
  }
}

/** Two rows of `out` take four rows of B each: eight products for six loads. */
function tile(
  a: Float32Array | Float64Array,
  at: number,
  aRow: number,
  aColumn: number,
  b: Float64Array,
  from: number,
  out: Float64Array,
  to: number,
  columns: number,
): void {
  const p0 = a[at]!;
  const p1 = a[at + aColumn]!;
  const p2 = a[at + 2 * aColumn]!;
  const p3 = a[at + 3 * aColumn]!;
  const q0 = a[at + aRow]!;
  const q1 = a[at + aRow + aColumn]!;
  const q2 = a[at + aRow + 2 * aColumn]!;
  const q3 = a[at + aRow + 3 * aColumn]!;
  const b1 = from + columns;
  const b2 = b1 + columns;
  const b3 = b2 + columns;
  const to1 = to + columns;
  for (let c = 0; c < columns; c++) {
    const v0 = b[from + c]!;
    const v1 = b[b1 + c]!;
    const v2 = b[b2 + c]!;
    const v3 = b[b3 + c]!;
    out[to + c]! += p0 * v0 + p1 * v1 + (p2 * v2 + p3 * v3);
    out[to1 + c]! += q0 * v0 + q1 * v1 + (q2 * v2 + q3 * v3);
  }
}

function axpy(factor: number, b: Float64Array, from: number, out: Float64Array, to: number, columns: number): void {
  for (let c = 0; c < columns; c++) out[to + c]! += factor * b[from + c]!;
}
