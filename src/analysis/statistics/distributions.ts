/** Tail probabilities in float64, relative accuracy about 1e-12 down to the smallest doubles. */

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** ln Gamma(x) for x > 0, by Lanczos' series. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const z = x - 1;
  const t = z + LANCZOS.length - 1.5;
  const series = LANCZOS.reduce((sum, c, i) => sum + (i === 0 ? c : c / (z + i)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(series);
}

/** The regularized incomplete beta function I_x(a, b), by its continued fraction. */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (!(x > 0)) return x === 0 ? 0 : Number.NaN;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  const factor = (i: number): number => {
    const m = i >> 1;
    if (i % 2 === 0) return (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    return (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
  };
  return front / continuedFraction(factor);
}

/** 1 + c1/(1 + c2/(1 + ...)), by Lentz's method. */
function continuedFraction(factor: (i: number) => number): number {
  const tiny = 1e-300;
  let [value, c, d] = [1, 1, 0];
  for (let i = 1; i < 10_000; i++) {
    const term = factor(i);
    d = 1 / (1 + term * d || tiny);
    c = 1 + term / c || tiny;
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) return value;
  }
  return value;
}

/** P(|T| >= |t|) of Student's distribution. */
export const studentTwoSided = (t: number, df: number): number =>
  Number.isFinite(t) ? incompleteBeta(df / (df + t * t), df / 2, 0.5) : Number.isNaN(t) ? Number.NaN : 0;

/** The t with P(|T| >= t) = p, for 0 < p < 1. */
export function studentQuantile(p: number, df: number): number {
  let [low, high] = [0, 1];
  while (studentTwoSided(high, df) > p) high *= 2;
  for (let i = 0; i < 200 && high - low > 1e-15 * high; i++) {
    const middle = (low + high) / 2;
    if (studentTwoSided(middle, df) > p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(F >= f) of Fisher's distribution. */
export const fisherUpper = (f: number, df1: number, df2: number): number =>
  incompleteBeta(df2 / (df2 + df1 * f), df2 / 2, df1 / 2);

/** P(|Z| >= |z|) of the normal distribution: erfc(|z| / sqrt 2). */
export function normalTwoSided(z: number): number {
  const x = (z * z) / 2;
  if (x > 1.5) return Math.exp(-x - logGamma(0.5)) * Math.sqrt(x) * upperGammaFraction(x);
  let term = 1 / 0.5;
  let sum = term;
  for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
    term *= x / (0.5 + n);
    sum += term;
  }
  return 1 - sum * Math.exp(-x + 0.5 * Math.log(x || 1e-300) - logGamma(0.5));
}

/** Gamma(1/2, x) e^x x^(-1/2), by the continued fraction of the upper incomplete gamma function. */
function upperGammaFraction(x: number): number {
  let b = x + 0.5;
  let c = 1e300;
  let d = 1 / b;
  let value = d;
  for (let i = 1; i < 10_000; i++) {
    const a = -i * (i - 0.5);
    b += 2;
    d = 1 / (a * d + b);
    c = b + a / c;
    value *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return value;
}
