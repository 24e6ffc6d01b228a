import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Engine } from "../../engine/engine.ts";
import { addGram, eachPair, timesRows } from "./kernels.ts";

/** The three products that cost time. Values are of magnitude 1 or so: whoever calls scales them. */
export interface Products {
  /** Eigenvalues of a Gram matrix up to this share of the largest may be nothing but rounding. */
  noise(size: number): number;
  /** Adds `X' X` of `x` `[rows, d]` to the upper triangle of `out` `[d, d]`. */
  gram(out: Float64Array, x: Float64Array, rows: number, d: number): Promise<void>;
  /** Rows of `x` `[n, d]` times rows of `v` `[r, d]`: `[n, r]`. */
  project(x: Float64Array, n: number, v: Float64Array, r: number, d: number): Promise<ArrayLike<number>>;
  /** Sum of `f` of the scalar products of all pairs of rows of `u` `[n, d]`. */
  pairs(u: Float64Array, n: number, d: number, f: (product: number, i: number, j: number) => number): Promise<number>;
}

/** In float64 on one core. */
export const exact: Products = {
  noise: (size) => size * Number.EPSILON,
  async gram(out, x, rows, d) {
    addGram(out, x, rows, d);
  },
  async project(x, n, v, r, d) {
    return timesRows(x, n, v, r, d);
  },
  async pairs(u, n, d, f) {
    let total = 0;
    for (let from = 0; from < n; from += ROWS_AT_ONCE) {
      let sum = 0;
      eachPair(u, d, { from, to: Math.min(n, from + ROWS_AT_ONCE), end: n }, (product, i, j) => {
        sum += f(product, i, j);
      });
      total += sum;
      await breathe();
    }
    return total;
  },
};

const ROWS_AT_ONCE = 64;

/** Column panels of a Gram matrix: its lower blocks are not computed, 5/8 of the work remains. */
const PANELS = 4;
const PAIR_ROWS = 1024;

/**
 * In float32 on tensors of an engine, summed up in float64 over blocks. The relative error of a sum of squares of `rows`
 * values is some 1e-6 at most.
 */
export function onEngine({ tf, run }: Engine): Products {
  const take = async (make: () => Tensor2D): Promise<Float32Array> => {
    const tensor = run(make);
    try {
      return (await tensor.data()) as Float32Array;
    } finally {
      tensor.dispose();
    }
  };
  return {
    noise: () => 2 ** -22,
    async gram(out, x, rows, d) {
      const [a, transposed] = run(() => {
        const whole = tf.tensor2d(Float32Array.from(x.subarray(0, rows * d)), [rows, d]);
        return [whole, tf.transpose(whole)] as [Tensor2D, Tensor2D];
      });
      try {
        const width = Math.ceil(d / PANELS);
        for (let first = 0; first < d; first += width) {
          const height = Math.min(width, d - first);
          const panel = await take(() =>
            // Matmul that transposes by itself is many times slower on wasm.
            tf.matMul(tf.slice(transposed, [first, 0], [height, rows]), tf.slice(a, [0, first], [rows, d - first])),
          );
          const columns = d - first;
          for (let i = 0; i < height; i++) {
            const to = (first + i) * d + first;
            for (let j = i; j < columns; j++) out[to + j]! += panel[i * columns + j]!;
          }
        }
      } finally {
        a.dispose();
        transposed.dispose();
      }
    },
    project: (x, n, v, r, d) =>
      take(() =>
        tf.matMul(
          tf.tensor2d(Float32Array.from(x.subarray(0, n * d)), [n, d]),
          tf.transpose(tf.tensor2d(Float32Array.from(v.subarray(0, r * d)), [r, d])),
        ),
      ),
    async pairs(u, n, d, f) {
      const block = (from: number) => {
        const rows = Math.min(PAIR_ROWS, n - from);
        return {
          from,
          rows,
          tensor: tf.tensor2d(Float32Array.from(u.subarray(from * d, (from + rows) * d)), [rows, d]),
        };
      };
      let total = 0;
      for (let first = 0; first < n; first += PAIR_ROWS) {
        for (let second = first; second < n; second += PAIR_ROWS) {
          const [rows, columns] = [Math.min(PAIR_ROWS, n - first), Math.min(PAIR_ROWS, n - second)];
          const products = await take(() => tf.matMul(block(first).tensor, tf.transpose(block(second).tensor)));
          for (let i = 0; i < rows; i++) {
            for (let j = first === second ? i + 1 : 0; j < columns; j++) {
              total += f(products[i * columns + j]!, first + i, second + j);
            }
          }
        }
      }
      return total;
    },
  };
}

/** Lets timers and an abort in. */
export const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));
