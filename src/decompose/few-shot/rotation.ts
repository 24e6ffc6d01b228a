import { multiply } from "../kernels/multiply.ts";
import { orthonormalize, transpose } from "../probes/basis.ts";

/** Rows in other coordinates, and the way back of weights for them. */
export interface Rotation {
  /** `[n, d]` row-major. */
  x: Float64Array;
  d: number;
  /** Weights for the features as they were, `[k, ...]`, of those for these, `[k, d]`. */
  back(coef: Float64Array): Float64Array;
}

/**
 * The rows `[n, d]` in as few dimensions as there are rows, where that is half of them at most: the coordinates along an orthonormal basis of
 * their span. Optimal weights lie in that span and keep their length, so a fit with L2 penalty is the same, at n / d of the work.
 */
export function rotated(x: Float64Array, n: number, d: number): Rotation {
  // The basis takes 2 n^2 d multiplications: beyond, it costs what the fits save.
  if (2 * n > d) return { x, d, back: (coef) => coef };
  const basis = orthonormalize(transpose(x, n, d), d, n);
  const along = new Float64Array(n * n);
  multiply({ a: x, aRow: d, aColumn: 1, b: basis, out: along, rows: n, inner: d, columns: n });
  const across = transpose(basis, d, n);
  const back = (coef: Float64Array) => {
    const rows = coef.length / n;
    const out = new Float64Array(rows * d);
    multiply({ a: coef, aRow: n, aColumn: 1, b: across, out, rows, inner: n, columns: d });
    return out;
  };
  return { x: along, d: n, back };
}
