import { rng } from "../../core/rng.ts";
import { multiply } from "../kernels/multiply.ts";
import { packedLength, type Workspace } from "../kernels/workspace.ts";
import { symmetricEigen } from "../stats/symmetric.ts";
import { orthonormalize, transpose } from "./basis.ts";
import type { Features, Products } from "./products.ts";

/** Leading eigenpairs of the Gram matrix of the centred features. */
export interface Spectrum {
  /** `[d, size]` row-major, orthonormal columns. */
  vectors: Float64Array;
  values: Float64Array;
  size: number;
  /** What stands for each eigenvalue that is not listed: their mean. */
  rest: number;
}

/** Eigenpairs that are looked for: as many as pay for themselves, within these bounds. */
const [LEAST, MOST] = [48, 96];

export const spectrumSize = ({ n, d }: Features, k: number): number =>
  Math.min(n, d, Math.max(LEAST, Math.min(MOST, 8 * k)));

/**
 * Leading eigenpairs, by subspace iteration from a seeded start when there are more dimensions than eigenpairs. They
 * only shape the path of the fit, never its end: two products are enough.
 */
export async function leadingSpectrum(
  products: Products,
  { n, d, squares }: Features,
  size: number,
): Promise<Spectrum> {
  let q = startBasis(d, size);
  if (size < d) q = orthonormalize(await products.adjoint(await products.forward(q, size), size), d, size);
  const gramQ = await products.adjoint(await products.forward(q, size), size);
  const small = new Float64Array(size * size);
  multiply({ a: q, aRow: 1, aColumn: size, b: gramQ, out: small, rows: size, inner: d, columns: size });
  const { values, vectors: rotation } = symmetricEigen(small, size, () => size);
  const vectors = new Float64Array(d * size);
  const b = transpose(rotation, size, size);
  multiply({ a: q, aRow: size, aColumn: 1, b, out: vectors, rows: d, inner: size, columns: size });
  const others = Math.min(n, d) - size;
  const left = squares - values.reduce((sum, value) => sum + value, 0);
  const rest = others > 0 ? Math.max(0, left) / others : 0;
  return { vectors, values: values.map((v) => Math.max(0, v)), size, rest };
}

function startBasis(d: number, size: number): Float64Array {
  const q = new Float64Array(d * size);
  if (size === d) {
    for (let j = 0; j < d; j++) q[j * d + j] = 1;
    return q;
  }
  const { normal } = rng(0, "subspace");
  for (let i = 0; i < q.length; i++) q[i] = normal();
  return orthonormalize(q, d, size);
}

/**
 * Solves with the block diagonal of the Hessian, where the curvature of class c is taken as the same on every row:
 * `weight[c] / n * Gram + I` for its weights and `weight[c]` for its intercept. Right side and result are weights `[d, k]`,
 * then intercepts `[k]`, of the workspace.
 */
export type Solver = (r: Float64Array, weight: Float64Array, out: Float64Array) => void;

/** Numbers of a workspace that {@link solverFor} takes. */
export const solverNumbers = (d: number, k: number, size: number): number =>
  packedLength(d, size) + packedLength(size, d) + d * size + size * k;

export function solverFor(
  space: Workspace,
  { vectors, values, size, rest }: Spectrum,
  { n, d, k }: { n: number; d: number; k: number },
): Solver {
  const along = space.array(size * k);
  const onto = space.packed({ a: vectors, aRow: 1, aColumn: size, rows: size, inner: d });
  const back = space.packed({ a: vectors, aRow: size, aColumn: 1, rows: d, inner: size });
  return (r, weight, out) => {
    const flat = Float64Array.from(weight, (w) => 1 / (1 + (w / n) * rest));
    along.fill(0);
    onto(r, along, k);
    for (let e = 0, at = 0; e < size; e++) {
      for (let c = 0; c < k; c++, at++) along[at]! *= 1 / (1 + (weight[c]! / n) * values[e]!) - flat[c]!;
    }
    for (let at = 0; at < d * k; at += k) for (let c = 0; c < k; c++) out[at + c] = r[at + c]! * flat[c]!;
    back(along, out, k);
    for (let c = 0; c < k; c++) out[d * k + c] = r[d * k + c]! / weight[c]!;
  };
}
