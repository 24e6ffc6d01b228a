/** Four sums at a time: one would wait for each addition. */
export function dot(a: Float64Array, b: Float64Array): number {
  const end = a.length - (a.length % 4);
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let i = 0; i < end; i += 4) {
    s0 += a[i]! * b[i]!;
    s1 += a[i + 1]! * b[i + 1]!;
    s2 += a[i + 2]! * b[i + 2]!;
    s3 += a[i + 3]! * b[i + 3]!;
  }
  for (let i = end; i < a.length; i++) s0 += a[i]! * b[i]!;
  return s0 + s1 + (s2 + s3);
}

export function length(a: Float64Array): number {
  return Math.sqrt(dot(a, a));
}

/** `a += factor * b`. */
export function add(a: Float64Array, factor: number, b: Float64Array): void {
  for (let i = 0; i < a.length; i++) a[i]! += factor * b[i]!;
}

/** Subtracts from each row of `a` `[rows, k]` its mean over the classes. */
export function centreClasses(a: Float64Array, k: number): void {
  for (let at = 0; at < a.length; at += k) {
    let mean = 0;
    for (let c = 0; c < k; c++) mean += a[at + c]! / k;
    for (let c = 0; c < k; c++) a[at + c]! -= mean;
  }
}
