import { multiply } from "../kernels/multiply.ts";
import { packedLength, type Workspace } from "../kernels/workspace.ts";

/**
 * The two products of a linear model with its centred features Z (`[n, d]`, each column minus its mean). This is all a
 * fit does with the features, so where they run (float64 here, float32 on an engine) is a choice of its own.
 */
export interface Products {
  /** Z W of `w` `[d, k]` row-major: `[n, k]`. A row more in `w` is added to all of the product. */
  forward(w: Float64Array, k: number, out?: Float64Array): Promise<Float64Array>;
  /** Transposed Z times `r` `[n, k]` row-major: `[d, k]`. */
  adjoint(r: Float64Array, k: number, out?: Float64Array): Promise<Float64Array>;
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

/** Features of up to so many numbers are kept laid out for products in float64, in 16 bytes a number. */
const KEPT = 2 ** 22;

/** Numbers of a workspace that {@link exactProducts} takes. */
export const keptLength = ({ n, d }: Features): number =>
  n * d > KEPT ? 0 : packedLength(n, d) + packedLength(d, n) + Math.ceil((n * d) / 2);

/**
 * Products in float64 on one core, straight from the float32 features.
 * @param space where those of a fit are, and a copy of few features; products with arrays of it are the fastest.
 */
export function exactProducts(features: Features, space?: Workspace): Products {
  const { x, n, d, mean } = features;
  const small = space !== undefined && n * d <= KEPT;
  const forward = small ? space.packed({ a: x, aRow: d, aColumn: 1, rows: n, inner: d }) : undefined;
  const adjoint = small ? space.packed({ a: x, aRow: 1, aColumn: d, rows: d, inner: n }) : undefined;
  return {
    async forward(w, k, out = new Float64Array(n * k)) {
      const offset = new Float64Array(k);
      if (w.length > d * k) offset.set(w.subarray(d * k));
      addWeighted(offset, -1, mean, w);
      fillRows(out, offset);
      if (forward !== undefined && space!.holds(w, out)) forward(w, out, k);
      else multiply({ a: x, aRow: d, aColumn: 1, b: w, out, rows: n, inner: d, columns: k });
      return out;
    },
    async adjoint(r, k, out = new Float64Array(d * k)) {
      const sums = columnSums(r, k);
      outer(
        mean,
        sums.map((sum) => -sum),
        out,
      );
      if (adjoint !== undefined && space!.holds(r, out)) adjoint(r, out, k);
      else multiply({ a: x, aRow: 1, aColumn: d, b: r, out, rows: d, inner: n, columns: k });
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

/** Makes every row of `to` `row`. */
export function fillRows(to: Float64Array, row: Float64Array): void {
  const k = row.length;
  for (let at = 0; at < to.length; at += k) for (let c = 0; c < k; c++) to[at + c] = row[c]!;
}

/** Every product of one of `a` with one of `b`, into `to` `[a.length, b.length]`. */
function outer(a: Float64Array, b: Float64Array, to: Float64Array): void {
  const k = b.length;
  for (let j = 0, at = 0; j < a.length; j++, at += k) for (let c = 0; c < k; c++) to[at + c] = a[j]! * b[c]!;
}

/** `to += factor * transposed w times m`, for `w` `[m.length, k]`. */
function addWeighted(to: Float64Array, factor: number, m: Float64Array, w: Float64Array): void {
  const k = to.length;
  for (let j = 0, at = 0; j < m.length; j++, at += k) for (let c = 0; c < k; c++) to[c]! += factor * m[j]! * w[at + c]!;
}
