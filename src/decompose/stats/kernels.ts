/** `out += X' X` on the upper triangle of `out` `[d, d]`, for `x` `[rows, d]`; all row-major, float64. */
export function addGram(out: Float64Array, x: Float64Array, rows: number, d: number): void {
  let r = 0;
  for (; r + 4 <= rows; r += 4) addFour(out, x, r * d, d);
  for (; r < rows; r++) {
    for (let i = 0, at = r * d; i < d; i++) {
      const a = x[at + i]!;
      if (a !== 0) for (let j = i; j < d; j++) out[i * d + j]! += a * x[at + j]!;
    }
  }
}

/** Four rows at once, two rows of `out`: eight products for six loads. */
function addFour(out: Float64Array, x: Float64Array, r0: number, d: number): void {
  const [r1, r2, r3] = [r0 + d, r0 + 2 * d, r0 + 3 * d];
  for (let i = 0; i < d; i += 2) {
    const two = i + 1 < d ? 1 : 0;
    const [p0, p1, p2, p3] = [x[r0 + i]!, x[r1 + i]!, x[r2 + i]!, x[r3 + i]!];
    const [q0, q1, q2, q3] = [x[r0 + i + two]!, x[r1 + i + two]!, x[r2 + i + two]!, x[r3 + i + two]!];
    const first = i * d;
    const second = first + d;
    if (two === 0) {
      out[first + i]! += p0 * p0 + p1 * p1 + (p2 * p2 + p3 * p3);
      return;
    }
    for (let j = i; j < d; j++) {
      const v0 = x[r0 + j]!;
      const v1 = x[r1 + j]!;
      const v2 = x[r2 + j]!;
      const v3 = x[r3 + j]!;
      out[first + j]! += p0 * v0 + p1 * v1 + (p2 * v2 + p3 * v3);
      out[second + j]! += q0 * v0 + q1 * v1 + (q2 * v2 + q3 * v3);
    }
  }
}

/** Calls `use` with the scalar product of rows i < j of `u` `[n, d]` for i in `from..to-1`, and j up to `end - 1`. */
export function eachPair(
  u: Float64Array,
  d: number,
  { from, to, end }: { from: number; to: number; end: number },
  use: (product: number, i: number, j: number) => void,
): void {
  for (let i = from; i < to; i++) {
    let j = i + 1;
    for (; j + 4 <= end; j += 4) {
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      const b0 = j * d;
      const [b1, b2, b3] = [b0 + d, b0 + 2 * d, b0 + 3 * d];
      for (let c = 0, a = i * d; c < d; c++, a++) {
        const v = u[a]!;
        s0 += v * u[b0 + c]!;
        s1 += v * u[b1 + c]!;
        s2 += v * u[b2 + c]!;
        s3 += v * u[b3 + c]!;
      }
      use(s0, i, j);
      use(s1, i, j + 1);
      use(s2, i, j + 2);
      use(s3, i, j + 3);
    }
    for (; j < end; j++) {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += u[i * d + c]! * u[j * d + c]!;
      use(sum, i, j);
    }
  }
}

/** Rows of `x` `[n, d]` times rows of `v` `[r, d]`: `[n, r]`. */
export function timesRows(x: Float64Array, n: number, v: Float64Array, r: number, d: number): Float64Array {
  const out = new Float64Array(n * r);
  for (let i = 0; i < n; i++) {
    let e = 0;
    for (; e + 4 <= r; e += 4) {
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      const b0 = e * d;
      const [b1, b2, b3] = [b0 + d, b0 + 2 * d, b0 + 3 * d];
      for (let c = 0, a = i * d; c < d; c++, a++) {
        const w = x[a]!;
        s0 += w * v[b0 + c]!;
        s1 += w * v[b1 + c]!;
        s2 += w * v[b2 + c]!;
        s3 += w * v[b3 + c]!;
      }
      out.set([s0, s1, s2, s3], i * r + e);
    }
    for (; e < r; e++) {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += x[i * d + c]! * v[e * d + c]!;
      out[i * r + e] = sum;
    }
  }
  return out;
}
