import type { Products } from "./products.ts";

/** Uniformity by chunks of neighbouring rows, as the paper's program takes it. */
export interface ChunkUniformity {
  /** Chunks that there are; `torch.chunk` gives ceil-sized ones, so they may be fewer than asked for. */
  chunks: number;
  chunk_size: number;
  /** Sum of the chunks' means over the number asked for, and over the number there is; logarithms. */
  divide_by_requested: number;
  divide_by_actual: number;
}

/**
 * Logarithm of the mean over pairs of `exp(-2 |u_i - u_j|^2)` (Wang and Isola, 2020).
 * @param u rows of length 1 or 0, `[n, d]`. NaN when there is no pair.
 */
export async function pairUniformity(u: Float64Array, n: number, d: number, products: Products): Promise<number> {
  return Math.log(await meanPotential(u, n, d, products));
}

/** The same with pairs inside `asked` chunks of rows only: the mean over a chunk's pairs, then over chunks. */
export async function chunkUniformity(
  u: Float64Array,
  n: number,
  d: number,
  asked: number,
  products: Products,
): Promise<ChunkUniformity> {
  const size = Math.ceil(n / asked);
  const chunks = Math.ceil(n / size);
  let sum = 0;
  for (let c = 0; c < chunks; c++) {
    const rows = Math.min(size, n - c * size);
    // A last chunk of one row has no pair.
    if (rows > 1) sum += await meanPotential(u.subarray(c * size * d, (c * size + rows) * d), rows, d, products);
  }
  return {
    chunks,
    chunk_size: size,
    divide_by_requested: Math.log(sum / asked),
    divide_by_actual: Math.log(sum / chunks),
  };
}

async function meanPotential(u: Float64Array, n: number, d: number, products: Products): Promise<number> {
  if (n < 2) return Number.NaN;
  const squares = new Float64Array(n);
  for (let i = 0; i < n; i++) for (let at = i * d; at < (i + 1) * d; at++) squares[i]! += u[at]! * u[at]!;
  const sum = await products.pairs(u, n, d, (product, i, j) =>
    Math.exp(-2 * Math.max(0, squares[i]! + squares[j]! - 2 * product)),
  );
  return sum / ((n * (n - 1)) / 2);
}
