import { add, dot } from "./vectors.ts";

/**
 * Orthonormal columns that span those of `q` `[rows, columns]`: Gram-Schmidt, twice for full precision. A column within the
 * span of the earlier ones becomes zero.
 */
export function orthonormalize(q: Float64Array, rows: number, columns: number): Float64Array {
  const t = transpose(q, rows, columns);
  for (let c = 0; c < columns; c++) {
    const own = t.subarray(c * rows, (c + 1) * rows);
    for (let pass = 0; pass < 2; pass++) {
      const before = Math.sqrt(dot(own, own));
      for (let e = 0; e < c; e++) {
        const other = t.subarray(e * rows, (e + 1) * rows);
        add(own, -dot(other, own), other);
      }
      const length = Math.sqrt(dot(own, own));
      // What is within the span of the earlier ones adds nothing: it is dropped, not blown up from rounding errors.
      const scale = length > 1e-10 * before ? 1 / length : 0;
      for (let i = 0; i < rows; i++) own[i]! *= scale;
    }
  }
  return transpose(t, columns, rows);
}

export function transpose(a: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(a.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = a[i * columns + j]!;
  return out;
}
