export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
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
