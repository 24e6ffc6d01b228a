import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Engine } from "../../engine/engine.ts";
import type { Features, Products } from "./products.ts";

/**
 * Products in float32 on tensors of an engine. The features lie there twice, as they are and transposed: a matMul that
 * transposes by itself is 26 times slower on wasm. All numbers are scaled to magnitude 1 on their way, so that no range
 * of features or parameters overflows.
 */
export function engineProducts({ tf, run }: Engine, { x, n, d, mean, squares }: Features): Products {
  const size = Math.sqrt(squares / (n * d)) || 1;
  const centred = new Float32Array(n * d);
  for (let at = 0; at < n * d; at += d) for (let j = 0; j < d; j++) centred[at + j] = (x[at + j]! - mean[j]!) / size;
  const z = run(() => tf.tensor2d(centred, [n, d]));
  const zTransposed = run(() => tf.transpose(z));
  // One for each length: new memory for every product would cost more than filling it.
  const buffers = new Map<number, Float32Array>();
  const bufferOf = (length: number): Float32Array => {
    const buffer = buffers.get(length) ?? new Float32Array(length);
    buffers.set(length, buffer);
    return buffer;
  };
  const times = async (matrix: Tensor2D, b: Float64Array, k: number, out: Float64Array, row?: Float64Array) => {
    const top = largest(b) || 1;
    const factor = bufferOf(b.length);
    narrow(b, 1 / top, factor);
    const product = run(() => tf.matMul(matrix, tf.tensor2d(factor, [b.length / k, k])));
    try {
      widen((await product.data()) as Float32Array, top * size, row?.length ? row : new Float64Array(k), out);
    } finally {
      product.dispose();
    }
    return out;
  };
  return {
    forward: (w, k, out = new Float64Array(n * k)) => times(z, w.subarray(0, d * k), k, out, w.subarray(d * k)),
    adjoint: (r, k, out = new Float64Array(d * k)) => times(zTransposed, r, k, out),
    epsilon: 2 ** -24,
    dispose() {
      z.dispose();
      zTransposed.dispose();
    },
  };
}

function largest(values: Float64Array): number {
  let top = 0;
  for (let i = 0; i < values.length; i++) top = Math.max(top, Math.abs(values[i]!));
  return top;
}

/** `out = factor * from`. A plain loop: `TypedArray.from` with a function takes 20 times as long. */
function narrow(from: Float64Array, factor: number, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = from[i]! * factor;
}

/** `out = factor * from`, and `row` added to every row. */
function widen(from: Float32Array, factor: number, row: Float64Array, out: Float64Array): void {
  const k = row.length;
  for (let at = 0; at < out.length; at += k) for (let c = 0; c < k; c++) out[at + c] = from[at + c]! * factor + row[c]!;
}
