import { aligned, type Float64Kernels, float64Kernels, growTo } from "./float64.ts";
import type { Multiply } from "./multiply.ts";

/**
 * Float64 arrays in one memory of WebAssembly, and the arithmetic on them. All arguments are arrays of this workspace. It is
 * given up like any object: no array of it may be used longer.
 */
export interface Workspace {
  /** @throws RangeError beyond the numbers that the workspace was made for. */
  array(length: number): Float64Array;
  labels(y: Int32Array): Int32Array;
  holds(...arrays: Float64Array[]): boolean;
  dot(a: Float64Array, b: Float64Array): number;
  /** `a = alpha a + beta b`. */
  combine(alpha: number, a: Float64Array, beta: number, b: Float64Array): void;
  /** The sum of the rows of `a`, as long as `sum` each. */
  sumRows(a: Float64Array, sum: Float64Array): void;
  /** Probabilities `p` of scores `[rows, k]`. */
  softmax(scores: Float64Array, p: Float64Array, k: number): void;
  /** Derivative of the sum of cross-entropies at `scores + along * change` by `along`. */
  slope(scores: Float64Array, change: Float64Array, along: number, y: Int32Array): number;
  /** Rows of `t`, `k` long, become `p * (t - sum(p * t))`. */
  curve(p: Float64Array, t: Float64Array, k: number): void;
  /** Lays a matrix out for products with many others: gives `out += A B`. */
  packed(a: Omit<Multiply, "b" | "out" | "columns">): (b: Float64Array, out: Float64Array, columns: number) => void;
}

/** Numbers that {@link Workspace.packed} takes, besides a copy of A for the time of the call. */
export const packedLength = (rows: number, inner: number): number => (rows + 4) * inner;

/**
 * @param o.numbers of all arrays together; `arrays`: how many.
 * @param o.columns most columns of a product with a packed matrix.
 * @throws HubError `MEMORY`, `ENGINE`.
 */
export function workspace({
  numbers,
  arrays,
  columns,
}: {
  numbers: number;
  arrays: number;
  columns: number;
}): Workspace {
  const kernels = float64Kernels();
  const scratch = aligned(kernels.heapBase());
  const start = aligned(scratch + kernels.scratchBytes(columns));
  growTo(kernels.memory, start + 8 * numbers + 64 * arrays);
  return workspaceOn(kernels, scratch, start);
}

function workspaceOn(kernels: Float64Kernels, scratch: number, start: number): Workspace {
  let top = start;
  const { buffer } = kernels.memory;
  const array = (length: number) => {
    const out = new Float64Array(buffer, top, length);
    top = aligned(top + 8 * length);
    return out;
  };
  return {
    array,
    labels: (y) => {
      const out = new Int32Array(buffer, array(Math.ceil(y.length / 2)).byteOffset, y.length);
      out.set(y);
      return out;
    },
    softmax: (scores, p, k) => kernels.softmax(scores.byteOffset, p.byteOffset, p.length / k, k),
    slope: (scores, change, along, y) =>
      kernels.slope(scores.byteOffset, change.byteOffset, along, y.byteOffset, y.length, scores.length / y.length),
    holds: (...arrays) => arrays.every((one) => one.buffer === buffer),
    dot: (a, b) => kernels.dot(a.byteOffset, b.byteOffset, a.length),
    combine: (alpha, a, beta, b) => kernels.combine(alpha, a.byteOffset, beta, b.byteOffset, a.length),
    sumRows: (a, sum) => kernels.sumRows(a.byteOffset, sum.byteOffset, a.length / sum.length, sum.length),
    curve: (p, t, k) => kernels.curve(p.byteOffset, t.byteOffset, t.length / k, k),
    packed: ({ a, aRow, aColumn, rows, inner }) => {
      const to = array(Math.ceil(kernels.packedBytes(rows, inner) / 8)).byteOffset;
      const wide = a instanceof Float64Array;
      const from = top;
      const View = wide ? Float64Array : Float32Array;
      new View(buffer, from, a.length).set(a);
      kernels.pack(from, Number(wide), aRow, aColumn, rows, inner, to);
      return (b, out, columns) =>
        kernels.multiplyPacked(to, b.byteOffset, out.byteOffset, rows, inner, columns, scratch);
    },
  };
}
