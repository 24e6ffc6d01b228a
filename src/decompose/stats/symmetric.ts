/** Eigenvalues, largest first, and the leading orthonormal eigenvectors of a symmetric matrix. */
export interface Eigen {
  values: Float64Array;
  /** Eigenvector `e` is row `e`: `[kept, size]` row-major. Empty when none were asked for. */
  vectors: Float64Array;
}

/**
 * Eigenvalues of a symmetric matrix by Householder's tridiagonal form and implicit QL steps (Golub and Van Loan, 8.3), and
 * the eigenvectors of those that `keep` says. About 4/3 size^3 operations without vectors.
 * @param a `[size, size]` row-major, of which the upper triangle is read; overwritten.
 * @param keep how many leading eigenvectors are wanted, told the sorted eigenvalues.
 */
export function symmetricEigen(a: Float64Array, size: number, keep?: (values: Float64Array) => number): Eigen {
  const { diagonal, beside, betas } = tridiagonalize(a, size);
  const rotations = keep === undefined ? undefined : identity(size);
  implicitQL(diagonal, beside, rotations);
  const order = Array.from(diagonal.keys()).sort((i, j) => diagonal[j]! - diagonal[i]!);
  const values = Float64Array.from(order, (i) => diagonal[i]!);
  if (rotations === undefined) return { values, vectors: new Float64Array(0) };
  const kept = keep!(values);
  const vectors = new Float64Array(kept * size);
  for (let e = 0; e < kept; e++) {
    const vector = vectors.subarray(e * size, (e + 1) * size);
    vector.set(rotations.subarray(order[e]! * size, (order[e]! + 1) * size));
    reflectBack(a, betas, vector);
  }
  return { values, vectors };
}

function identity(size: number): Float64Array {
  const out = new Float64Array(size * size);
  for (let i = 0; i < size; i++) out[i * size + i] = 1;
  return out;
}

/** Reflectors `I - beta v v'` take the matrix to tridiagonal form; each v is left in its row, right of the diagonal. */
function tridiagonalize(a: Float64Array, size: number) {
  const diagonal = new Float64Array(size);
  const beside = new Float64Array(size);
  const betas = new Float64Array(size);
  const p = new Float64Array(size);
  for (let k = 0; k < size; k++) {
    diagonal[k] = a[k * size + k]!;
    if (k + 1 >= size) break;
    const v = a.subarray(k * size, (k + 1) * size);
    let top = 0;
    for (let j = k + 1; j < size; j++) top = Math.max(top, Math.abs(v[j]!));
    if (top === 0) continue;
    // Scaled, so that no square under- or overflows.
    let norm = 0;
    for (let j = k + 1; j < size; j++) norm += (v[j]! / top) ** 2;
    const alpha = -Math.sign(v[k + 1]! || 1) * top * Math.sqrt(norm);
    beside[k] = alpha;
    let squares = 0;
    v[k + 1]! -= alpha;
    for (let j = k + 1; j < size; j++) {
      v[j]! /= top;
      squares += v[j]! ** 2;
    }
    betas[k] = 2 / squares;
    reflectBothSides(a, size, k, betas[k]!, p);
  }
  return { diagonal, beside, betas };
}

/** `A - v w' - w v'` on the upper triangle below row k, with `w = p - (beta / 2)(p.v) v` and `p = beta A v`. */
function reflectBothSides(a: Float64Array, size: number, k: number, beta: number, p: Float64Array): void {
  const v = a.subarray(k * size, (k + 1) * size);
  p.fill(0);
  for (let i = k + 1; i < size; i++) {
    const row = i * size;
    const vi = v[i]!;
    let sum = a[row + i]! * vi;
    for (let j = i + 1; j < size; j++) {
      const x = a[row + j]!;
      sum += x * v[j]!;
      p[j]! += x * vi;
    }
    p[i]! += sum;
  }
  let along = 0;
  for (let j = k + 1; j < size; j++) {
    p[j]! *= beta;
    along += p[j]! * v[j]!;
  }
  along *= beta / 2;
  for (let j = k + 1; j < size; j++) p[j]! -= along * v[j]!;
  for (let i = k + 1; i < size; i++) {
    const row = i * size;
    const vi = v[i]!;
    const wi = p[i]!;
    for (let j = i; j < size; j++) a[row + j]! -= vi * p[j]! + wi * v[j]!;
  }
}

/** From an eigenvector of the tridiagonal form to one of the matrix. */
function reflectBack(a: Float64Array, betas: Float64Array, x: Float64Array): void {
  const size = x.length;
  for (let k = size - 2; k >= 0; k--) {
    if (betas[k] === 0) continue;
    const row = k * size;
    let sum = 0;
    for (let j = k + 1; j < size; j++) sum += a[row + j]! * x[j]!;
    sum *= betas[k]!;
    for (let j = k + 1; j < size; j++) x[j]! -= sum * a[row + j]!;
  }
}

const MAX_SWEEPS = 60;

/**
 * Diagonalises a symmetric tridiagonal matrix in place.
 * @param beside element i stands between rows i and i + 1; destroyed.
 * @param rows gathers the rotations: row e becomes the eigenvector of value e.
 */
function implicitQL(diagonal: Float64Array, beside: Float64Array, rows?: Float64Array): void {
  const size = diagonal.length;
  for (let l = 0; l < size; l++) {
    for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
      let m = l;
      for (; m < size - 1; m++) {
        const near = Math.abs(diagonal[m]!) + Math.abs(diagonal[m + 1]!);
        if (Math.abs(beside[m]!) <= Number.EPSILON * near) break;
      }
      if (m === l) break;
      sweepUp(diagonal, beside, l, m, rows);
    }
  }
}

/** One implicit QL step with Wilkinson's shift on rows l..m. */
function sweepUp(diagonal: Float64Array, beside: Float64Array, l: number, m: number, rows?: Float64Array): void {
  const spread = (diagonal[l + 1]! - diagonal[l]!) / (2 * beside[l]!);
  const r0 = Math.hypot(spread, 1);
  let g = diagonal[m]! - diagonal[l]! + beside[l]! / (spread + (spread < 0 ? -r0 : r0));
  let [s, c, p] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const f = s * beside[i]!;
    const b = c * beside[i]!;
    const r = Math.hypot(f, g);
    beside[i + 1] = r;
    if (r === 0) {
      diagonal[i + 1]! -= p;
      beside[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = diagonal[i + 1]! - p;
    const t = (diagonal[i]! - g) * s + 2 * c * b;
    p = s * t;
    diagonal[i + 1] = g + p;
    g = c * t - b;
    if (rows !== undefined) rotateRows(rows, diagonal.length, i, s, c);
  }
  diagonal[l]! -= p;
  beside[l] = g;
  beside[m] = 0;
}

function rotateRows(rows: Float64Array, size: number, i: number, s: number, c: number): void {
  const low = i * size;
  const high = low + size;
  for (let j = 0; j < size; j++) {
    const u = rows[low + j]!;
    const v = rows[high + j]!;
    rows[high + j] = s * u + c * v;
    rows[low + j] = c * u - s * v;
  }
}
