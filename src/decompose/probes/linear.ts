import type { Job } from "../../core/events.ts";
import type { Engine } from "../../engine/engine.ts";
import { eachBlock } from "../blocks.ts";
import { multiply } from "../kernels/multiply.ts";
import type { FeatureSet } from "../types.ts";

/** Scores of the classes: `coef x + intercept`. */
export interface LinearModel {
  /** Weights `[k * d]`, one row a class. */
  coef: Float64Array;
  /** `[k]`; -Infinity for a class that is never predicted. */
  intercept: Float64Array;
}

/** Multiplications in one matrix product from which the engine pays, its start included. */
export const LARGE = 5e7;

/** Largest error of a float32 inner product of unit vectors of `d` numbers on this engine. GPUs may multiply in TF32. */
export function innerProductError({ device }: Pick<Engine, "device">, d: number): number {
  return (d + 4) * 2 ** -24 + (device.startsWith("gpu") ? 2 ** -9 : 0);
}

/**
 * The class with the largest score for each row of `set`, the lowest on ties. Always that of float64: a large product
 * runs in float32 on the engine, and rows whose two best scores are closer than its error are done again.
 */
export async function predictLinear(model: LinearModel, set: FeatureSet, job: Job = {}): Promise<Int32Array> {
  const k = model.intercept.length;
  const { n, dim: d } = set;
  const weights = transposed(model.coef, k, d);
  const out = new Int32Array(n);
  if (n * d * k < LARGE) {
    await eachBlock(set, job, (rows, start) => out.set(exactClasses(rows, weights, model.intercept), start));
    return out;
  }
  const { engine } = await import("../../engine/engine.ts");
  const chosen = await engine();
  const { tf, run } = chosen;
  const w = run(() => tf.tensor2d(Float32Array.from(weights), [d, k]));
  const doubt = innerProductError(chosen, d) * largestNorm(model.coef, k, d);
  try {
    await eachBlock(set, job, async (rows, start) => {
      const product = run(() => tf.matMul(tf.tensor2d(rows, [rows.length / d, d]), w));
      try {
        const scores = (await product.data()) as Float32Array;
        out.set(surestClasses(rows, scores, weights, model.intercept, doubt), start);
      } finally {
        product.dispose();
      }
    });
  } finally {
    w.dispose();
  }
  return out;
}

/** Scores `[rows, k]` in float64. @param weights `[d, k]`. */
export function scoresInFloat64(rows: Float32Array, weights: Float64Array, intercept: Float64Array): Float64Array {
  const k = intercept.length;
  const d = weights.length / k;
  const count = rows.length / d;
  const scores = new Float64Array(count * k);
  multiply({ a: rows, aRow: d, aColumn: 1, b: weights, out: scores, rows: count, inner: d, columns: k });
  for (let at = 0; at < scores.length; at += k) for (let c = 0; c < k; c++) scores[at + c]! += intercept[c]!;
  return scores;
}

/** Columns of the largest value of each row of `[n, k]`, the lowest on ties. */
export function argmax(scores: ArrayLike<number>, k: number): Int32Array {
  const out = new Int32Array(scores.length / k);
  for (let i = 0, at = 0; i < out.length; i++, at += k) {
    let best = 0;
    for (let c = 1; c < k; c++) if (scores[at + c]! > scores[at + best]!) best = c;
    out[i] = best;
  }
  return out;
}

/** `[columns, rows]` of `[rows, columns]`. */
export function transposed(a: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(a.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = a[i * columns + j]!;
  return out;
}

function exactClasses(rows: Float32Array, weights: Float64Array, intercept: Float64Array): Int32Array {
  return argmax(scoresInFloat64(rows, weights, intercept), intercept.length);
}

/** @param doubt error of a score, per length of the row. */
function surestClasses(
  rows: Float32Array,
  scores: Float32Array,
  weights: Float64Array,
  intercept: Float64Array,
  doubt: number,
): Int32Array {
  const k = intercept.length;
  const d = weights.length / k;
  const out = new Int32Array(rows.length / d);
  for (let i = 0, at = 0; i < out.length; i++, at += k) {
    let [best, first, second] = [0, -Infinity, -Infinity];
    for (let c = 0; c < k; c++) {
      const score = scores[at + c]! + intercept[c]!;
      if (score > first) [best, first, second] = [c, score, first];
      else if (score > second) second = score;
    }
    const row = rows.subarray(i * d, (i + 1) * d);
    const length = Math.sqrt(row.reduce((sum, v) => sum + v * v, 0));
    out[i] = first - second > 2 * doubt * length ? best : exactClasses(row, weights, intercept)[0]!;
  }
  return out;
}

function largestNorm(coef: Float64Array, k: number, d: number): number {
  let largest = 0;
  for (let c = 0; c < k; c++) {
    let sum = 0;
    for (let j = 0; j < d; j++) sum += coef[c * d + j]! ** 2;
    largest = Math.max(largest, sum);
  }
  return Math.sqrt(largest);
}
