import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Engine } from "../../engine/engine.ts";
import type { Features, Products } from "./products.ts";

/**
 * Products in float32 on tensors of an engine. The features lie there twice, as they are and transposed: a matMul that
 * transposes by itself is 26 times slower on wasm. All numbers are scaled to magnitude 1 on their way, so that no range
 * of features or parameters overflows.
 */
export function engineProducts({ tf, run }: Engine, { x, n, d, mean, squares }: Features): Products {
  const scale = Math.sqrt(squares / (n * d)) || 1;
  const centred = new Float32Array(n * d);
  for (let at = 0; at < n * d; at += d) for (let j = 0; j < d; j++) centred[at + j] = (x[at + j]! - mean[j]!) / scale;
  const z = run(() => tf.tensor2d(centred, [n, d]));
  const zTransposed = run(() => tf.transpose(z));
  const times = async (matrix: Tensor2D, b: Float64Array, k: number): Promise<Float64Array> => {
    let top = 0;
    for (let i = 0; i < b.length; i++) top = Math.max(top, Math.abs(b[i]!));
    if (top === 0) return new Float64Array(matrix.shape[0] * k);
    const product = run(() => tf.matMul(matrix, tf.tensor2d(scaled(b, 1 / top, Float32Array), [b.length / k, k])));
    try {
      return scaled(await product.data(), top * scale, Float64Array);
    } finally {
      product.dispose();
    }
  };
  return {
    forward: (w, k) => times(z, w, k),
    adjoint: (r, k) => times(zTransposed, r, k),
    epsilon: 2 ** -24,
    dispose() {
      z.dispose();
      zTransposed.dispose();
    },
  };
}

/** A plain loop: `TypedArray.from` with a function takes 20 times as long and feeds the garbage collector. */
function scaled<T extends Float32Array | Float64Array>(
  from: ArrayLike<number>,
  factor: number,
  to: new (length: number) => T,
): T {
  const out = new to(from.length);
  for (let i = 0; i < out.length; i++) out[i] = from[i]! * factor;
  return out;
}
