import type { Tensor2D } from "@tensorflow/tfjs-core";
import type { Job } from "../../core/events.ts";
import type { Engine } from "../../engine/engine.ts";
import { BLOCK_ROWS, eachBlock } from "../blocks.ts";
import type { FeatureSet } from "../types.ts";
import { innerProductError } from "./linear.ts";

/** The nearest rows of each query. */
export interface Neighbours {
  /** Neighbours of a query: what was asked for, or all rows where there are fewer. */
  k: number;
  /** Row numbers `[n * k]`, nearest first, the lower row on ties. */
  indices: Int32Array;
  /** Cosine similarities `[n * k]`, of float64. A row of zeros has similarity 0 to all. */
  similarities: Float64Array;
}

/** Bytes of queries that are compared in one pass over the training rows. */
const QUERY_BYTES = 2 ** 27;
/** Queries in one product. */
const TILE_ROWS = 512;

/**
 * The `k` rows of `train` with the largest cosine similarity to each row of `queries`. Similarities run in float32 on the
 * engine, block by block; those that may be among the nearest, given the error of float32, are taken again in float64. So
 * neighbours and similarities are those of float64, on any engine.
 */
export async function nearestNeighbours(
  train: FeatureSet,
  queries: FeatureSet,
  { k: asked, signal, onProgress }: { k: number } & Job,
): Promise<Neighbours> {
  const { engine } = await import("../../engine/engine.ts");
  const chosen = await engine();
  const k = Math.min(asked, train.n);
  const chunk = Math.max(TILE_ROWS, Math.floor(QUERY_BYTES / (4 * queries.dim)));
  const indices = new Int32Array(queries.n * k);
  const similarities = new Float64Array(queries.n * k);
  for (let start = 0; start < queries.n; start += chunk) {
    const end = Math.min(queries.n, start + chunk);
    const rows = unitRows(await queries.rows(start, end), queries.dim);
    const best = new Nearest(end - start, k);
    const report = (done: number) => {
      const total = train.n * Math.ceil(queries.n / chunk);
      onProgress?.({ stage: "fit", name: "knn", done: (start / chunk) * train.n + done, total, unit: "steps" });
    };
    await compare(chosen, rows, train, best, { signal, report });
    indices.set(best.indices, start * k);
    similarities.set(best.similarities, start * k);
  }
  return { k, indices, similarities };
}

/** Rows, their lengths, and the rows divided by them. */
interface UnitRows {
  rows: Float32Array;
  unit: Float32Array;
  lengths: Float64Array;
  dim: number;
}

function unitRows(rows: Float32Array, dim: number): UnitRows {
  const lengths = new Float64Array(rows.length / dim);
  const unit = new Float32Array(rows.length);
  for (let i = 0, at = 0; i < lengths.length; i++, at += dim) {
    let sum = 0;
    for (let j = 0; j < dim; j++) sum += rows[at + j]! ** 2;
    // A row of zeros stays one, as in torch.nn.functional.normalize.
    lengths[i] = Math.sqrt(sum) || 1;
    for (let j = 0; j < dim; j++) unit[at + j] = rows[at + j]! / lengths[i]!;
  }
  return { rows, unit, lengths, dim };
}

async function compare(
  chosen: Engine,
  queries: UnitRows,
  train: FeatureSet,
  best: Nearest,
  { signal, report }: Pick<Job, "signal"> & { report: (done: number) => void },
): Promise<void> {
  const { tf, run } = chosen;
  const { dim } = queries;
  const error = innerProductError(chosen, dim);
  const tiles: Tensor2D[] = [];
  try {
    for (let at = 0; at < queries.unit.length; at += TILE_ROWS * dim) {
      const part = queries.unit.subarray(at, at + TILE_ROWS * dim);
      tiles.push(run(() => tf.tensor2d(part, [part.length / dim, dim])));
    }
    await eachBlock(train, { signal }, async (rows, start) => {
      const block = unitRows(rows, dim);
      // Transposed first: a matMul that transposes by itself is many times slower on wasm.
      const columns = run(() => tf.transpose(tf.tensor2d(block.unit, [rows.length / dim, dim]))) as Tensor2D;
      try {
        for (const [t, tile] of tiles.entries()) {
          const product = run(() => tf.matMul(tile, columns));
          const near = (await product.data()) as Float32Array;
          product.dispose();
          take(queries, block, near, { best, error, firstQuery: t * TILE_ROWS, firstRow: start });
        }
      } finally {
        columns.dispose();
      }
      report(Math.min(train.n, start + BLOCK_ROWS));
    });
  } finally {
    for (const tile of tiles) tile.dispose();
  }
}

/** Enters what is near enough into `best`. @param near similarities in float32, `[queries of the tile, rows]`. */
function take(
  queries: UnitRows,
  block: UnitRows,
  near: Float32Array,
  { best, error, firstQuery, firstRow }: { best: Nearest; error: number; firstQuery: number; firstRow: number },
): void {
  const count = block.lengths.length;
  for (let i = 0; i < near.length / count; i++) {
    const query = firstQuery + i;
    const row = near.subarray(i * count, (i + 1) * count);
    // Whoever is to be among the k best of all is among the k best of its block.
    let floor = best.isFull(query) || count <= best.k ? -Infinity : kthLargest(row, best.k) - 2 * error;
    floor = Math.max(floor, best.worst(query) - error);
    for (let j = 0; j < count; j++) {
      if (row[j]! < floor) continue;
      best.enter(query, firstRow + j, cosine(queries, query, block, j));
      floor = Math.max(floor, best.worst(query) - error);
    }
  }
}

function cosine(a: UnitRows, i: number, b: UnitRows, j: number): number {
  let sum = 0;
  for (let c = 0, p = i * a.dim, q = j * a.dim; c < a.dim; c++) sum += a.rows[p + c]! * b.rows[q + c]!;
  return sum / (a.lengths[i]! * b.lengths[j]!);
}

/** The best `k` of each query so far, sorted. Rows must come in ascending order. */
class Nearest {
  readonly k: number;
  readonly indices: Int32Array;
  readonly similarities: Float64Array;
  readonly #counts: Int32Array;

  constructor(n: number, k: number) {
    this.k = k;
    this.indices = new Int32Array(n * k);
    this.similarities = new Float64Array(n * k).fill(-Infinity);
    this.#counts = new Int32Array(n);
  }

  isFull(query: number): boolean {
    return this.#counts[query] === this.k;
  }

  /** The least similarity that is kept; -Infinity while there is room. */
  worst(query: number): number {
    return this.similarities[(query + 1) * this.k - 1]!;
  }

  enter(query: number, row: number, similarity: number): void {
    const { k, indices, similarities } = this;
    const start = query * k;
    // After those as near: they have lower row numbers.
    let place = start + this.#counts[query]!;
    while (place > start && similarities[place - 1]! < similarity) place--;
    if (place === start + k) return;
    similarities.copyWithin(place + 1, place, start + k - 1);
    indices.copyWithin(place + 1, place, start + k - 1);
    similarities[place] = similarity;
    indices[place] = row;
    this.#counts[query] = Math.min(k, this.#counts[query]! + 1);
  }
}

/** The k-th largest of `values` (Hoare's quickselect). */
export function kthLargest(values: Float32Array, k: number): number {
  const v = values.slice();
  let low = 0;
  let high = v.length - 1;
  while (low < high) {
    const pivot = v[(low + high) >> 1]!;
    let i = low;
    let j = high;
    while (i <= j) {
      while (v[i]! > pivot) i++;
      while (v[j]! < pivot) j--;
      if (i <= j) {
        const kept = v[i]!;
        v[i++] = v[j]!;
        v[j--] = kept;
      }
    }
    if (k - 1 <= j) high = j;
    else if (k - 1 >= i) low = i;
    else break;
  }
  return v[k - 1]!;
}
