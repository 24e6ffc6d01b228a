/** Probabilities of `scores` `[n, k]`: a new `[n, k]`. */
export function softmax(scores: Float64Array, k: number): Float64Array {
  const out = new Float64Array(scores.length);
  for (let at = 0; at < scores.length; at += k) {
    let top = -Infinity;
    for (let c = 0; c < k; c++) if (scores[at + c]! > top) top = scores[at + c]!;
    let sum = 0;
    for (let c = 0; c < k; c++) sum += out[at + c] = Math.exp(scores[at + c]! - top);
    for (let c = 0; c < k; c++) out[at + c]! /= sum;
  }
  return out;
}

/** Sum over the rows of the cross-entropy (natural logarithm) of `scores` `[n, k]` with labels `y`. */
export function crossEntropy(scores: Float64Array, y: Int32Array, k: number): number {
  let total = 0;
  for (let i = 0, at = 0; i < y.length; i++, at += k) {
    const own = scores[at + y[i]!]!;
    let others = 0;
    let top = 0;
    for (let c = 0; c < k; c++) top = Math.max(top, scores[at + c]! - own);
    for (let c = 0; c < k; c++) if (c !== y[i]) others += Math.exp(scores[at + c]! - own - top);
    // log1p keeps the digits of a loss near zero.
    total += top === 0 ? Math.log1p(others) : top + Math.log(others + Math.exp(-top));
  }
  return total;
}

/**
 * `probabilities - onehot(y)`, `[n, k]`. The own class is minus the sum of the others, which keeps its digits when the
 * row is fitted almost perfectly.
 */
export function residuals(probabilities: Float64Array, y: Int32Array, k: number): Float64Array {
  const out = probabilities.slice();
  for (let i = 0, at = 0; i < y.length; i++, at += k) {
    let others = 0;
    for (let c = 0; c < k; c++) if (c !== y[i]) others += out[at + c]!;
    out[at + y[i]!] = -others;
  }
  return out;
}

/** Sum over the rows of P * (1 - P): `[k]`. */
export function classCurvature(probabilities: Float64Array, k: number): Float64Array {
  const out = new Float64Array(k);
  for (let at = 0; at < probabilities.length; at += k) {
    for (let c = 0; c < k; c++) out[c]! += probabilities[at + c]! * (1 - probabilities[at + c]!);
  }
  return out;
}
