import { rng } from "../../core/rng.ts";
import { multiply } from "../kernels/multiply.ts";
import { orthonormalize, symmetricEigen } from "./eigen.ts";
import type { Features, Products } from "./products.ts";

/** Leading eigenpairs of the Gram matrix of the centred features. */
export interface Spectrum {
  /** `[d, size]` row-major, orthonormal columns. */
  vectors: Float64Array;
  /** `[d, size]` transposed: `[size, d]`. */
  transposed: Float64Array;
  values: Float64Array;
  size: number;
  /** What stands for each eigenvalue that is not listed: their mean. */
  rest: number;
}

/** Eigenpairs that are looked for. Up to this many dimensions the spectrum is complete. */
const SIZE = 96;

/**
 * Leading eigenpairs, by subspace iteration from a seeded start when there are more dimensions than eigenpairs. They
 * only shape the path of the fit, never its end: two products are enough.
 */
export async function leadingSpectrum(products: Products, { n, d, squares }: Features): Promise<Spectrum> {
  const size = Math.min(n, d, SIZE);
  let q = startBasis(d, size);
  if (size < d) {
    q = await products.adjoint(await products.forward(q, size), size);
    orthonormalize(q, d, size);
  }
  const gramQ = await products.adjoint(await products.forward(q, size), size);
  const small = new Float64Array(size * size);
  multiply({ a: q, aRow: 1, aColumn: size, b: gramQ, out: small, rows: size, inner: d, columns: size });
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < i; j++) {
      small[i * size + j] = small[j * size + i] = (small[i * size + j]! + small[j * size + i]!) / 2;
    }
  }
  const { values, vectors: rotation } = symmetricEigen(small, size);
  const vectors = new Float64Array(d * size);
  multiply({ a: q, aRow: size, aColumn: 1, b: rotation, out: vectors, rows: d, inner: size, columns: size });
  const others = Math.min(n, d) - size;
  const left = squares - values.reduce((sum, value) => sum + value, 0);
  const rest = others > 0 ? Math.max(0, left) / others : 0;
  return { vectors, transposed: transpose(vectors, d, size), values: values.map((v) => Math.max(0, v)), size, rest };
}

function startBasis(d: number, size: number): Float64Array {
  const q = new Float64Array(d * size);
  if (size === d) {
    for (let j = 0; j < d; j++) q[j * d + j] = 1;
  } else {
    const { normal } = rng(0, "subspace");
    for (let i = 0; i < q.length; i++) q[i] = normal();
    orthonormalize(q, d, size);
  }
  return q;
}

function transpose(a: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(a.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = a[i * columns + j]!;
  return out;
}

/**
 * Solves with the block diagonal of the Hessian, where the curvature of class c is taken as the same on every row:
 * `weight[c] / n * Gram + I` for its weights and `weight[c]` for its intercept.
 * @param r weights `[d, k]`, then intercepts `[k]`.
 */
export function precondition(r: Float64Array, weight: Float64Array, spectrum: Spectrum, n: number): Float64Array {
  const { vectors, transposed, values, size, rest } = spectrum;
  const k = weight.length;
  const d = r.length / k - 1;
  const flat = Float64Array.from(weight, (w) => 1 / (1 + (w / n) * rest));
  const along = new Float64Array(size * k);
  multiply({ a: transposed, aRow: d, aColumn: 1, b: r, out: along, rows: size, inner: d, columns: k });
  for (let e = 0, at = 0; e < size; e++) {
    for (let c = 0; c < k; c++, at++) along[at]! *= 1 / (1 + (weight[c]! / n) * values[e]!) - flat[c]!;
  }
  const out = new Float64Array(r.length);
  for (let at = 0; at < d * k; at += k) for (let c = 0; c < k; c++) out[at + c] = r[at + c]! * flat[c]!;
  multiply({ a: vectors, aRow: size, aColumn: 1, b: along, out, rows: d, inner: size, columns: k });
  for (let c = 0; c < k; c++) out[d * k + c] = r[d * k + c]! / weight[c]!;
  return out;
}
