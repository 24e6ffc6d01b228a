/**
 * Generated classification problems of known optimum: 32-bit integer hashing, so that any language makes the same
 * numbers. The recipe is in docs of the reference values; `problemOf` gives features `[n * d]` and labels `[n]`.
 */
export interface Recipe {
  seed: number;
  n: number;
  d: number;
  K: number;
  /** Spread of the class means against unit noise. */
  sep: number;
  /** Shares of the classes; without them row i is of class i mod K. */
  weights?: readonly number[];
  /** The seed of the class means, when it is not `seed`. */
  meanSeed?: number;
  /** "collinear": only the first `r` columns are independent, the last two are constant. */
  kind?: string;
  r?: number;
}

export interface GeneratedProblem {
  x: Float32Array;
  y: Int32Array;
  n: number;
  d: number;
  k: number;
}

function fmix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export function hash(seed: number, stream: number, i: number): number {
  const key = fmix(fmix((seed + 0x9e3779b9) | 0) ^ Math.imul(stream, 0x85ebca6b));
  return fmix((key + Math.imul(i, 0x9e3779b9)) | 0);
}

export function uniform(seed: number, stream: number, i: number): number {
  return hash(seed, stream, i) / 2 ** 32;
}

/** Sum of twelve uniforms minus six: nearly normal, and exact in doubles. */
export function norm12(seed: number, stream: number, i: number): number {
  let sum = -6;
  for (let k = 0; k < 12; k++) sum += uniform(seed, stream, 12 * i + k);
  return sum;
}

function labelsOf({ seed, n, K, weights }: Recipe): Int32Array {
  if (weights === undefined) return Int32Array.from({ length: n }, (_, i) => i % K);
  const total = weights.reduce((sum, w) => sum + w, 0);
  return Int32Array.from({ length: n }, (_, i) => {
    let left = Math.floor(uniform(seed, 1, i) * total);
    return weights.findIndex((w) => {
      left -= w;
      return left < 0;
    });
  });
}

/** @param y labels that are not the recipe's own. */
export function problemOf(recipe: Recipe, y = labelsOf(recipe)): GeneratedProblem {
  const { seed, n, d, K, sep, meanSeed = seed } = recipe;
  const width = recipe.kind === "collinear" ? recipe.r! : d;
  const value = (i: number, j: number) => sep * norm12(meanSeed, 2, y[i]! * width + j) + norm12(seed, 3, i * width + j);
  const x = new Float32Array(n * d);
  for (let i = 0; i < n; i++) {
    if (recipe.kind === "collinear") {
      const free = Array.from({ length: width }, (_, j) => Math.floor(value(i, j) * 1024 + 0.5) / 1024);
      for (let j = 0; j < width; j++) x[i * d + j] = free[j]!;
      for (let j = width; j < d - 2; j++) x[i * d + j] = free[j % width]! + 0.5 * free[(3 * j + 1) % width]!;
      x[i * d + d - 2] = 1;
    } else {
      for (let j = 0; j < d; j++) x[i * d + j] = value(i, j);
    }
  }
  return { x, y, n, d, k: K };
}

/** The rows of `problem` for which `keep(i)`. */
export function rowsOf(problem: GeneratedProblem, keep: (i: number) => boolean): GeneratedProblem {
  const { x, y, d, k } = problem;
  const rows = Array.from(y.keys()).filter(keep);
  const out = new Float32Array(rows.length * d);
  rows.forEach((row, i) => {
    out.set(x.subarray(row * d, (row + 1) * d), i * d);
  });
  return { x: out, y: Int32Array.from(rows, (row) => y[row]!), n: rows.length, d, k };
}

export const isTest = (i: number) => i % 7 === 3;
