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
  const times = async (matrix: Tensor2D, b: Float64Array, k: number, out: Float64Array): Promise<Float64Array> => {
    let top = 0;
    for (let i = 0; i < b.length; i++) top = Math.max(top, Math.abs(b[i]!));
    if (top === 0) return out.fill(0);
    const factor = new Float32Array(b.length);
    scale(b, 1 / top, factor);
    const product = run(() => tf.matMul(matrix, tf.tensor2d(factor, [b.length / k, k])));
    try {
      scale(await product.data(), top * size, out);
    } finally {
      product.dispose();
    }
    return out;
  };
  return {
    async forward(w, k, out = new Float64Array(n * k)) {
      await times(z, w.subarray(0, d * k), k, out);
      if (w.length > d * k) addRow(out, w.subarray(d * k));
      return out;
    },
    adjoint: (r, k, out = new Float64Array(d * k)) => times(zTransposed, r, k, out),
    epsilon: 2 ** -24,
    dispose() {
      z.dispose();
      zTransposed.dispose();
    },
  };
}

/** `to = factor * from`. A plain loop: `TypedArray.from` with a function takes 20 times as long. */
function scale(from: ArrayLike<number>, factor: number, to: Float32Array | Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] = from[i]! * factor;
}

function addRow(to: Float64Array, row: Float64Array): void {
  const k = row.length;
  for (let at = 0; at < to.length; at += k) for (let c = 0; c < k; c++) to[at + c]! += row[c]!;
}
