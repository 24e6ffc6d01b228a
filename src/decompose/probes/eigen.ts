/**
 * Eigenvalues and orthonormal eigenvectors of a symmetric matrix by cyclic Jacobi rotations (Golub and Van Loan, 8.5).
 * Meant for a few hundred rows at most.
 * @param a `[size, size]`, overwritten.
 * @returns `vectors` `[size, size]` row-major with one eigenvector a column, in the order of `values`.
 */
export function symmetricEigen(a: Float64Array, size: number): { values: Float64Array; vectors: Float64Array } {
  const vectors = new Float64Array(size * size);
  for (let i = 0; i < size; i++) vectors[i * size + i] = 1;
  for (let sweep = 0; sweep < 12 && offDiagonal(a, size) > 1e-20; sweep++) {
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(a, vectors, size, p, q);
  }
  return { values: Float64Array.from({ length: size }, (_, i) => a[i * size + i]!), vectors };
}

/** Squares off the diagonal as a share of all. */
function offDiagonal(a: Float64Array, size: number): number {
  let all = 0;
  let on = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) all += a[i * size + j]! ** 2;
    on += a[i * size + i]! ** 2;
  }
  return all === 0 ? 0 : (all - on) / all;
}

/** Makes `a[p, q]` zero by a rotation of the plane (p, q). */
function rotate(a: Float64Array, vectors: Float64Array, size: number, p: number, q: number): void {
  const apq = a[p * size + q]!;
  if (apq === 0) return;
  const theta = (a[q * size + q]! - a[p * size + p]!) / (2 * apq);
  const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (const m of [a, vectors]) {
    for (let i = 0, at = 0; i < size; i++, at += size) {
      const u = m[at + p]!;
      const v = m[at + q]!;
      m[at + p] = c * u - s * v;
      m[at + q] = s * u + c * v;
    }
  }
  for (let i = 0; i < size; i++) {
    const u = a[p * size + i]!;
    const v = a[q * size + i]!;
    a[p * size + i] = c * u - s * v;
    a[q * size + i] = s * u + c * v;
  }
}

/** Makes the columns of `q` `[rows, columns]` orthonormal in place: Gram-Schmidt, twice for full precision. */
export function orthonormalize(q: Float64Array, rows: number, columns: number): void {
  for (let c = 0; c < columns; c++) {
    for (let pass = 0; pass < 2; pass++) {
      const before = norm(q, rows, columns, c);
      for (let e = 0; e < c; e++) {
        let dot = 0;
        for (let at = 0; at < rows * columns; at += columns) dot += q[at + e]! * q[at + c]!;
        for (let at = 0; at < rows * columns; at += columns) q[at + c]! -= dot * q[at + e]!;
      }
      const length = norm(q, rows, columns, c);
      // A column within the span of the earlier ones adds nothing: it is dropped, not blown up from rounding errors.
      const scale = length > 1e-10 * before ? 1 / length : 0;
      for (let at = c; at < rows * columns; at += columns) q[at]! *= scale;
    }
  }
}

function norm(q: Float64Array, rows: number, columns: number, c: number): number {
  let sum = 0;
  for (let at = c; at < rows * columns; at += columns) sum += q[at]! ** 2;
  return Math.sqrt(sum);
}
