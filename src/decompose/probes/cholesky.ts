/**
 * Lower factor L of a symmetric positive definite matrix, A = L L', in place of its lower triangle.
 * @param a `[size, size]`; only the lower triangle is read and written.
 * @returns false when it is not positive definite; `a` is then spoilt.
 */
export function cholesky(a: Float64Array, size: number): boolean {
  for (let i = 0; i < size; i++) {
    const row = a.subarray(i * size, i * size + i + 1);
    for (let j = 0; j <= i; j++) {
      const other = a.subarray(j * size, j * size + j + 1);
      const value = row[j]! - dotTo(row, other, j);
      if (j < i) row[j] = value / other[j]!;
      else if (value > 0) row[i] = Math.sqrt(value);
      else return false;
    }
  }
  return true;
}

/** Solves L L' X = B in place of `b` `[size, columns]` row-major. */
export function solveCholesky(factor: Float64Array, b: Float64Array, size: number): void {
  const columns = b.length / size;
  const take = (row: number, from: number, by: number) => {
    for (let c = 0, p = row * columns, q = from * columns; c < columns; c++) b[p + c]! -= by * b[q + c]!;
  };
  const divide = (row: number) => {
    const by = factor[row * size + row]!;
    for (let c = 0, p = row * columns; c < columns; c++) b[p + c]! /= by;
  };
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < i; j++) take(i, j, factor[i * size + j]!);
    divide(i);
  }
  for (let i = size - 1; i >= 0; i--) {
    divide(i);
    for (let j = 0; j < i; j++) take(j, i, factor[i * size + j]!);
  }
}

/** Four sums at a time: one would wait for each addition. */
function dotTo(a: Float64Array, b: Float64Array, end: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let l = 0;
  for (; l + 4 <= end; l += 4) {
    s0 += a[l]! * b[l]!;
    s1 += a[l + 1]! * b[l + 1]!;
    s2 += a[l + 2]! * b[l + 2]!;
    s3 += a[l + 3]! * b[l + 3]!;
  }
  for (; l < end; l++) s0 += a[l]! * b[l]!;
  return s0 + s1 + (s2 + s3);
}
