import type { Job } from "../../core/events.ts";
import { allRows, eachBlock } from "../blocks.ts";
import { multiply } from "../kernels/multiply.ts";
import type { FeatureSet, Probe } from "../types.ts";
import { cholesky, solveCholesky } from "./cholesky.ts";
import { type LinearModel, predictLinear, transposed } from "./linear.ts";

export interface RidgeFit extends LinearModel {
  /** Sum of squared errors plus penalty. */
  objective: number;
  /** Largest absolute value of the objective's gradient. */
  gradientNorm: number;
  /** Steps of refinement after the closed form. */
  iterations: number;
}

/** Multiplications for a Gram matrix from which the engine makes it, in float32. */
const LARGE = 1e9;
/** Residual of the normal equations, relative to their right side, that is good enough. */
const TOLERANCE = 1e-10;
const MAX_REFINEMENTS = 30;

/**
 * Least squares on one-hot targets in closed form: a fast guide to what a linear probe can do.
 * @param options.alpha weight of the penalty, see {@link ridgeRegression}. Default 1, as scikit-learn's.
 */
export function ridge(options: { alpha?: number } = {}): Probe {
  const { alpha = 1 } = options;
  return {
    name: "ridge",
    async fit(train, job) {
      const fit = await ridgeRegression(train, { alpha, ...job });
      const { objective: loss, gradientNorm, iterations } = fit;
      return {
        predict: (set, later) => predictLinear(fit, set, later),
        report: { loss, gradientNorm, iterations },
        dispose() {},
      };
    },
  };
}

/**
 * Minimises `|X W' + b - Y|^2 + alpha |W|^2` over weights and intercepts, Y one-hot and the intercepts without penalty:
 * scikit-learn's Ridge on one-hot targets, and the predictions of its RidgeClassifier. Solved by Cholesky's method in
 * min(n, d) dimensions. The features are read block by block; only where there are fewer rows than features are they held.
 * The Gram matrix of large problems is made in float32 on the engine, and conjugate gradients with float64 products,
 * preconditioned by its factor, take the solution to a residual of 1e-10.
 * @throws TypeError when alpha is not above 0.
 */
export async function ridgeRegression(train: FeatureSet, options: { alpha?: number } & Job = {}): Promise<RidgeFit> {
  const { alpha = 1, signal } = options;
  if (!(alpha > 0 && alpha < Infinity)) throw new TypeError(`ridge: alpha must be a number > 0, not ${alpha}`);
  const moments = await classMoments(train, { signal });
  const solve = train.n < train.dim ? solveByRows : solveByColumns;
  const { weights, iterations } = await solve(train, moments, alpha, { signal });
  return { ...(await finish(train, moments, weights, alpha, { signal })), iterations };
}

interface Moments {
  /** `[d]`. */
  mean: Float64Array;
  /** Rows of each class, `[k]`. */
  counts: Float64Array;
  /** Transposed centred features times Y: `[d, k]`. */
  cross: Float64Array;
}

/** Two passes, so that a large common offset costs no digits. */
async function classMoments(train: FeatureSet, job: Pick<Job, "signal">): Promise<Moments> {
  const { n, dim: d, labels } = train;
  const k = train.classes.length;
  const mean = new Float64Array(d);
  await eachBlock(train, job, (rows) => {
    for (let at = 0; at < rows.length; at += d) for (let j = 0; j < d; j++) mean[j]! += rows[at + j]! / n;
  });
  const counts = new Float64Array(k);
  const sums = new Float64Array(k * d);
  await eachBlock(train, job, (rows, start) => {
    for (let i = 0, at = 0; at < rows.length; i++, at += d) {
      const label = labels[start + i]!;
      counts[label]!++;
      for (let j = 0, to = label * d; j < d; j++) sums[to + j]! += rows[at + j]! - mean[j]!;
    }
  });
  return { mean, counts, cross: transposed(sums, k, d) };
}

interface Solution {
  /** `[d, k]`. */
  weights: Float64Array;
  iterations: number;
}

/** (Z'Z + alpha) W = Z'Y. */
async function solveByColumns(train: FeatureSet, { mean, cross }: Moments, alpha: number, job: Pick<Job, "signal">) {
  const d = train.dim;
  const k = train.classes.length;
  const gram = train.n * d * d > LARGE ? gramOnEngine : gramInFloat64;
  const factor = factored(await gram(train, mean, job), d, alpha);
  const weights = cross.slice();
  solveCholesky(factor, weights, d);
  const apply = async (w: Float64Array) => {
    const out = w.map((value) => alpha * value);
    await eachBlock(train, job, (rows) => {
      const scores = centredScores(rows, mean, w, k);
      addAdjoint(rows, mean, scores, out, k);
    });
    return out;
  };
  return refine(apply, factor, cross, weights, d);
}

/** W = Z' A with (Z Z' + alpha) A = Y centred. */
async function solveByRows(train: FeatureSet, { mean }: Moments, alpha: number, job: Pick<Job, "signal">) {
  const { n, dim: d, labels } = train;
  const k = train.classes.length;
  const z = Float64Array.from(await allRows(train, job), (value, at) => value - mean[at % d]!);
  const gram = new Float64Array(n * n);
  multiply({ a: z, aRow: d, aColumn: 1, b: transposed(z, n, d), out: gram, rows: n, inner: d, columns: n });
  const a = new Float64Array(n * k);
  labels.forEach((label, i) => {
    a[i * k + label] = 1;
  });
  centreColumns(a, k);
  solveCholesky(factored(gram, n, alpha), a, n);
  const weights = new Float64Array(d * k);
  multiply({ a: z, aRow: 1, aColumn: d, b: a, out: weights, rows: d, inner: n, columns: k });
  return { weights, iterations: 0 };
}

/** The factor of `gram + alpha`, with more on the diagonal where rounding made it indefinite. */
function factored(gram: Float64Array, size: number, alpha: number): Float64Array {
  let trace = 0;
  for (let i = 0; i < size; i++) trace += gram[i * size + i]!;
  for (let ridge = alpha; ; ridge = Math.max(10 * ridge, (1e-12 * trace) / size)) {
    const factor = gram.slice();
    for (let i = 0; i < size; i++) factor[i * size + i]! += ridge;
    if (cholesky(factor, size)) return factor;
  }
}

/** Conjugate gradients for all columns at once, each with its own steps. */
async function refine(
  apply: (w: Float64Array) => Promise<Float64Array>,
  factor: Float64Array,
  right: Float64Array,
  weights: Float64Array,
  size: number,
): Promise<Solution> {
  const k = right.length / size;
  const residual = await apply(weights);
  for (let at = 0; at < residual.length; at++) residual[at] = right[at]! - residual[at]!;
  const goal = TOLERANCE * Math.sqrt(total(columnDots(right, right, k)));
  let direction: Float64Array | undefined;
  let before: Float64Array = new Float64Array(k);
  let iterations = 0;
  for (; iterations < MAX_REFINEMENTS && Math.sqrt(total(columnDots(residual, residual, k))) > goal; iterations++) {
    const z = residual.slice();
    solveCholesky(factor, z, size);
    const now = columnDots(residual, z, k);
    const previous = direction;
    direction = z.map((value, at) => value + (previous ? ratio(now, before, at % k) * previous[at]! : 0));
    before = now;
    const product = await apply(direction);
    const bend = columnDots(direction, product, k);
    for (let at = 0; at < weights.length; at++) {
      const step = ratio(now, bend, at % k);
      weights[at]! += step * direction[at]!;
      residual[at]! -= step * product[at]!;
    }
  }
  return { weights, iterations };
}

const ratio = (a: Float64Array, b: Float64Array, c: number) => (b[c]! > 0 ? a[c]! / b[c]! : 0);
const total = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);

function columnDots(a: Float64Array, b: Float64Array, k: number): Float64Array {
  const out = new Float64Array(k);
  for (let at = 0; at < a.length; at++) out[at % k]! += a[at]! * b[at]!;
  return out;
}

function centreColumns(a: Float64Array, k: number): void {
  const means = new Float64Array(k);
  for (let at = 0; at < a.length; at++) means[at % k]! += (a[at]! * k) / a.length;
  for (let at = 0; at < a.length; at++) a[at]! -= means[at % k]!;
}

async function gramInFloat64(train: FeatureSet, mean: Float64Array, job: Pick<Job, "signal">): Promise<Float64Array> {
  const d = train.dim;
  const gram = new Float64Array(d * d);
  await eachBlock(train, job, (rows) => {
    const z = Float64Array.from(rows, (value, at) => value - mean[at % d]!);
    multiply({ a: z, aRow: 1, aColumn: d, b: z, out: gram, rows: d, inner: rows.length / d, columns: d });
  });
  return gram;
}

async function gramOnEngine(train: FeatureSet, mean: Float64Array, job: Pick<Job, "signal">): Promise<Float64Array> {
  const { engine } = await import("../../engine/engine.ts");
  const { tf, run } = await engine();
  const d = train.dim;
  const gram = new Float64Array(d * d);
  await eachBlock(train, job, async (rows) => {
    const centred = new Float32Array(rows.length);
    for (let at = 0; at < rows.length; at += d) for (let j = 0; j < d; j++) centred[at + j] = rows[at + j]! - mean[j]!;
    const product = run(() => {
      const z = tf.tensor2d(centred, [rows.length / d, d]);
      return tf.matMul(tf.transpose(z), z);
    });
    const part = await product.data();
    product.dispose();
    for (let at = 0; at < gram.length; at++) gram[at]! += part[at]!;
  });
  return gram;
}

/** Centred rows times `w` `[d, k]`. */
function centredScores(rows: Float32Array, mean: Float64Array, w: Float64Array, k: number): Float64Array {
  const d = mean.length;
  const count = rows.length / d;
  const offset = new Float64Array(k);
  multiply({ a: mean, aRow: d, aColumn: 1, b: w, out: offset, rows: 1, inner: d, columns: k });
  const scores = new Float64Array(count * k);
  for (let at = 0; at < scores.length; at++) scores[at] = -offset[at % k]!;
  multiply({ a: rows, aRow: d, aColumn: 1, b: w, out: scores, rows: count, inner: d, columns: k });
  return scores;
}

/** `out += ` transposed centred rows times `r` `[count, k]`. */
function addAdjoint(rows: Float32Array, mean: Float64Array, r: Float64Array, out: Float64Array, k: number): void {
  const d = mean.length;
  const sums = new Float64Array(k);
  for (let at = 0; at < r.length; at++) sums[at % k]! += r[at]!;
  for (let at = 0; at < out.length; at++) out[at]! -= mean[Math.trunc(at / k)]! * sums[at % k]!;
  multiply({ a: rows, aRow: 1, aColumn: d, b: r, out, rows: d, inner: rows.length / d, columns: k });
}

/** Intercepts, objective and gradient of the weights, in one more pass. */
async function finish(
  train: FeatureSet,
  { mean, counts }: Moments,
  weights: Float64Array,
  alpha: number,
  job: Pick<Job, "signal">,
): Promise<Omit<RidgeFit, "iterations">> {
  const { n, dim: d, labels } = train;
  const k = counts.length;
  const gradient = weights.map((w) => alpha * w);
  let objective = alpha * weights.reduce((sum, w) => sum + w * w, 0);
  await eachBlock(train, job, (rows, start) => {
    const errors = centredScores(rows, mean, weights, k);
    for (let at = 0; at < errors.length; at++) {
      const c = at % k;
      errors[at]! += counts[c]! / n - (labels[start + Math.trunc(at / k)] === c ? 1 : 0);
      objective += errors[at]! ** 2;
    }
    addAdjoint(rows, mean, errors, gradient, k);
  });
  const intercept = counts.map((count, c) => {
    // A class without rows has target 0 everywhere, which could win: it is never predicted.
    if (count === 0) return -Infinity;
    let offset = 0;
    for (let j = 0; j < d; j++) offset += weights[j * k + c]! * mean[j]!;
    return count / n - offset;
  });
  const gradientNorm = gradient.reduce((largest, g) => Math.max(largest, Math.abs(2 * g)), 0);
  return { coef: transposed(weights, d, k), intercept, objective, gradientNorm };
}
