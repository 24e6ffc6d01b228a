import type { Engine } from "../../engine/engine.ts";
import { multiply } from "../kernels/multiply.ts";
import { argmax, type LinearModel, transposed } from "./linear.ts";
import type { Parameters } from "./optimizers.ts";
import { columnSums } from "./products.ts";
import { crossEntropy, residuals, softmax } from "./softmax.ts";

/**
 * A linear or one-hidden-layer probe with the numbers that are fitted. Batch norm stands in front of the first layer:
 * `scores = W' z + b` with `z = gain * (x - mean) / sd + shift`, or with a hidden layer
 * `scores = V' relu(W' z + b) + c`.
 */
export interface Network {
  readonly d: number;
  readonly k: number;
  /** Units of the hidden layer; 0 for a linear probe. */
  readonly hidden: number;
  readonly batchNorm: BatchNorm | null;
  /** W `[d, m]` row-major and b `[m]`, m = hidden or k; then V `[hidden, k]` and c `[k]` if there is a hidden layer. */
  readonly layers: { weight: Float64Array; bias: Float64Array }[];
}

/** PyTorch's BatchNorm1d: eps 1e-5, running values with momentum 0.1 and the unbiased variance. */
export interface BatchNorm {
  gain: Float64Array;
  shift: Float64Array;
  runningMean: Float64Array;
  runningVar: Float64Array;
}

const EPSILON = 1e-5;
const MOMENTUM = 0.1;

/** @param draw gives the weights of layer 0 and 1 in the order of their arrays; biases are zero. */
export function newNetwork(
  { d, k, hidden, batchNorm }: { d: number; k: number; hidden: number; batchNorm: boolean },
  draw: (layer: number, inputs: number) => number,
): Network {
  const sizes = hidden > 0 ? [[d, hidden] as const, [hidden, k] as const] : [[d, k] as const];
  const layers = sizes.map(([inputs, outputs], layer) => ({
    weight: Float64Array.from({ length: inputs * outputs }, () => draw(layer, inputs)),
    bias: new Float64Array(outputs),
  }));
  const norm = {
    gain: new Float64Array(d).fill(1),
    shift: new Float64Array(d),
    runningMean: new Float64Array(d),
    runningVar: new Float64Array(d).fill(1),
  };
  return { d, k, hidden, layers, batchNorm: batchNorm ? norm : null };
}

/** All that an optimizer changes. */
export function parametersOf({ layers, batchNorm }: Network): Parameters {
  const norm = batchNorm === null ? [] : [batchNorm.gain, batchNorm.shift];
  return [...layers.flatMap(({ weight, bias }) => [weight, bias]), ...norm];
}

/** Where the products with a batch run: `x` `[n, d]` times `[d, m]`, and its transpose times `[n, m]`. */
export interface BatchProducts {
  forward(w: Float64Array, m: number): Promise<Float64Array>;
  adjoint(g: Float64Array, m: number): Promise<Float64Array>;
  dispose(): void;
}

/** Loads a batch for products. */
export type Multiplier = (x: Float64Array, n: number, d: number) => BatchProducts;

export const inFloat64: Multiplier = (x, n, d) => ({
  async forward(w, m) {
    const out = new Float64Array(n * m);
    multiply({ a: x, aRow: d, aColumn: 1, b: w, out, rows: n, inner: d, columns: m });
    return out;
  },
  async adjoint(g, m) {
    const out = new Float64Array(d * m);
    multiply({ a: x, aRow: 1, aColumn: d, b: g, out, rows: d, inner: n, columns: m });
    return out;
  },
  dispose() {},
});

/** Products in float32 on tensors of the engine. */
export function onEngine({ tf, run }: Engine): Multiplier {
  return (x, n, d) => {
    const z = run(() => tf.tensor2d(Float32Array.from(x), [n, d]));
    const times = async (a: Float64Array, rows: number, m: number, adjoint: boolean) => {
      // Transposed first: a matMul that transposes by itself is many times slower on wasm.
      const product = run(() => tf.matMul(adjoint ? tf.transpose(z) : z, tf.tensor2d(Float32Array.from(a), [rows, m])));
      try {
        return Float64Array.from(await product.data());
      } finally {
        product.dispose();
      }
    };
    return {
      forward: (w, m) => times(w, d, m, false),
      adjoint: (g, m) => times(g, n, m, true),
      dispose: () => z.dispose(),
    };
  };
}

/**
 * Mean cross-entropy of a batch and its gradient in the order of {@link parametersOf}; batch norm takes the statistics of
 * the batch, and its running ones move.
 * @param batch.x `[n, d]`; n must be 2 or more with batch norm.
 */
export async function lossAndGradients(
  net: Network,
  { x, y }: { x: Float32Array; y: Int32Array },
  multiplier: Multiplier,
): Promise<{ loss: number; gradients: Float64Array[] }> {
  const { d, k, layers, batchNorm } = net;
  const n = y.length;
  const [first, second] = layers as [Network["layers"][0], Network["layers"][0]?];
  const m = first.bias.length;
  const z = batchNorm === null ? Float64Array.from(x) : standardize(batchNorm, x, d);
  const products = multiplier(z, n, d);
  try {
    // The gain goes into the weights and the shift into the bias, so that z needs no copy.
    const { weight, bias } = batchNorm === null ? first : absorbed(batchNorm, first, d);
    const inner = await products.forward(weight, m);
    addBias(inner, bias);
    const active = second === undefined ? inner : inner.map((value) => Math.max(0, value));
    const scores = second === undefined ? inner : dense(active, second, n);
    const g = residuals(softmax(scores, k), y, k).map((value) => value / n);
    const gradients: Float64Array[] = [];
    let outer = g;
    if (second !== undefined) {
      const toWeight = new Float64Array(m * k);
      multiply({ a: active, aRow: 1, aColumn: m, b: g, out: toWeight, rows: m, inner: n, columns: k });
      gradients.push(toWeight, columnSums(g, k));
      outer = new Float64Array(n * m);
      const back = transposed(second.weight, m, k);
      multiply({ a: g, aRow: k, aColumn: 1, b: back, out: outer, rows: n, inner: k, columns: m });
      for (let at = 0; at < outer.length; at++) if (inner[at]! <= 0) outer[at] = 0;
    }
    const raw = await products.adjoint(outer, m);
    const sums = columnSums(outer, m);
    const norm = batchNorm === null ? [] : normGradients(batchNorm, first.weight, raw, sums);
    gradients.unshift(raw, sums);
    gradients.push(...norm);
    return { loss: crossEntropy(scores, y, k) / n, gradients };
  } finally {
    products.dispose();
  }
}

/** `(x - mean) / sd` of the batch; moves the running values. */
function standardize(norm: BatchNorm, x: Float32Array, d: number): Float64Array {
  const n = x.length / d;
  const mean = new Float64Array(d);
  const variance = new Float64Array(d);
  for (let at = 0; at < x.length; at += d) for (let j = 0; j < d; j++) mean[j]! += x[at + j]! / n;
  for (let at = 0; at < x.length; at += d) for (let j = 0; j < d; j++) variance[j]! += (x[at + j]! - mean[j]!) ** 2 / n;
  const scale = variance.map((v) => 1 / Math.sqrt(v + EPSILON));
  for (let j = 0; j < d; j++) {
    norm.runningMean[j]! += MOMENTUM * (mean[j]! - norm.runningMean[j]!);
    norm.runningVar[j]! += MOMENTUM * ((variance[j]! * n) / (n - 1) - norm.runningVar[j]!);
  }
  const z = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += d) for (let j = 0; j < d; j++) z[at + j] = (x[at + j]! - mean[j]!) * scale[j]!;
  return z;
}

/** The first layer with gain and shift in it. */
function absorbed({ gain, shift }: Pick<BatchNorm, "gain" | "shift">, first: Network["layers"][0], d: number) {
  const m = first.bias.length;
  const weight = first.weight.map((w, at) => w * gain[Math.trunc(at / m)]!);
  const bias = first.bias.slice();
  for (let j = 0; j < d; j++) for (let c = 0; c < m; c++) bias[c]! += shift[j]! * first.weight[j * m + c]!;
  return { weight, bias };
}

/** Gradients of gain and shift; turns `raw`, that of the weights before the norm's part, into that of the weights. */
function normGradients({ gain, shift }: BatchNorm, weight: Float64Array, raw: Float64Array, sums: Float64Array) {
  const m = sums.length;
  const toGain = new Float64Array(gain.length);
  const toShift = new Float64Array(gain.length);
  for (let j = 0, at = 0; j < gain.length; j++) {
    for (let c = 0; c < m; c++, at++) {
      toGain[j]! += weight[at]! * raw[at]!;
      toShift[j]! += weight[at]! * sums[c]!;
      raw[at] = gain[j]! * raw[at]! + shift[j]! * sums[c]!;
    }
  }
  return [toGain, toShift];
}

/** The first layer as evaluation uses it: batch norm with its running statistics becomes part of it. */
function evaluated({ batchNorm, layers, d }: Network): Network["layers"][0] {
  const first = layers[0]!;
  if (batchNorm === null) return first;
  const { gain, shift, runningMean, runningVar } = batchNorm;
  const scale = gain.map((g, j) => g / Math.sqrt(runningVar[j]! + EPSILON));
  return absorbed({ gain: scale, shift: shift.map((s, j) => s - scale[j]! * runningMean[j]!) }, first, d);
}

/** A network without hidden layer as one linear model. */
export function linearOf(net: Network): LinearModel {
  const { weight, bias } = evaluated(net);
  return { coef: transposed(weight, net.d, net.k), intercept: bias };
}

/** Scores `[n, k]` of rows `x` `[n, d]` as evaluation takes them. */
export async function evaluate(net: Network, x: Float32Array, multiplier: Multiplier): Promise<Float64Array> {
  const n = x.length / net.d;
  const { weight, bias } = evaluated(net);
  const products = multiplier(Float64Array.from(x), n, net.d);
  try {
    const inner = await products.forward(weight, bias.length);
    addBias(inner, bias);
    const second = net.layers[1];
    if (second === undefined) return inner;
    return dense(
      inner.map((value) => Math.max(0, value)),
      second,
      n,
    );
  } finally {
    products.dispose();
  }
}

/** The class of the largest score. */
export async function classesOf(net: Network, x: Float32Array, multiplier: Multiplier): Promise<Int32Array> {
  return argmax(await evaluate(net, x, multiplier), net.k);
}

function dense(a: Float64Array, { weight, bias }: Network["layers"][0], n: number): Float64Array {
  const inner = a.length / n;
  const out = new Float64Array(n * bias.length);
  multiply({ a, aRow: inner, aColumn: 1, b: weight, out, rows: n, inner, columns: bias.length });
  addBias(out, bias);
  return out;
}

function addBias(scores: Float64Array, bias: Float64Array): void {
  for (let at = 0; at < scores.length; at += bias.length) {
    for (let c = 0; c < bias.length; c++) scores[at + c]! += bias[c]!;
  }
}
