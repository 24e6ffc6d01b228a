import type { Job } from "../../core/events.ts";
import { rng } from "../../core/rng.ts";
import type { FeatureSet } from "../types.ts";

export interface Batch {
  /** `[rows, dim]`. */
  x: Float32Array;
  /** `[rows]`. */
  y: Int32Array;
}

/** Rows that lie together on disk and are read together. */
const CHUNK_ROWS = 256;
/** Bytes of features that are held to be shuffled. */
const WINDOW_BYTES = 2 ** 30;

/**
 * All rows once in an order drawn by seed and epoch, in batches; the last may be smaller. Sets of up to 1 GiB are held
 * and shuffled whole. Of larger ones, chunks of 256 neighbouring rows are read in random order, and the rows of as many
 * chunks as 1 GiB holds are shuffled together: no row is read alone from a disk.
 */
export function shuffledBatches(
  set: FeatureSet,
  { batchSize, windowBytes = WINDOW_BYTES, signal }: { batchSize: number; windowBytes?: number } & Pick<Job, "signal">,
): (seed: number, epoch: number) => AsyncGenerator<Batch> {
  const { n, dim } = set;
  const chunks = Math.ceil(n / CHUNK_ROWS);
  const perWindow = Math.max(Math.ceil(batchSize / CHUNK_ROWS), Math.floor(windowBytes / (4 * dim * CHUNK_ROWS)));
  let kept: Window | undefined;
  const readWindow = async (order: Int32Array): Promise<Window> => {
    const window: Window = { x: new Float32Array(Math.min(n, order.length * CHUNK_ROWS) * dim), rows: [] };
    for (const chunk of order) {
      signal?.throwIfAborted();
      const start = chunk * CHUNK_ROWS;
      const rows = await set.rows(start, Math.min(n, start + CHUNK_ROWS));
      window.x.set(rows, window.rows.length * dim);
      for (let i = 0; i < rows.length / dim; i++) window.rows.push(start + i);
    }
    return window;
  };
  return async function* (seed, epoch) {
    const draw = rng(seed, `epoch ${epoch}`);
    const whole = perWindow >= chunks;
    const order = whole ? Int32Array.from({ length: chunks }, (_, chunk) => chunk) : draw.permutation(chunks);
    let left: Batch = { x: new Float32Array(0), y: new Int32Array(0) };
    for (let at = 0; at < chunks; at += perWindow) {
      const window = kept ?? (await readWindow(order.subarray(at, at + perWindow)));
      if (whole) kept = window;
      const places = draw.permutation(window.rows.length);
      for (let from = 0; from < places.length; ) {
        const to = Math.min(places.length, from + batchSize - left.y.length);
        left = joined(left, gathered(window, places.subarray(from, to), set));
        from = to;
        if (left.y.length < batchSize) continue;
        yield left;
        left = { x: new Float32Array(0), y: new Int32Array(0) };
      }
    }
    if (left.y.length > 0) yield left;
  };
}

interface Window {
  x: Float32Array;
  /** Which row of the set each row here is. */
  rows: number[];
}

function gathered({ x, rows }: Window, places: Int32Array, { dim, labels }: FeatureSet): Batch {
  const out = { x: new Float32Array(places.length * dim), y: new Int32Array(places.length) };
  places.forEach((place, i) => {
    out.x.set(x.subarray(place * dim, (place + 1) * dim), i * dim);
    out.y[i] = labels[rows[place]!]!;
  });
  return out;
}

function joined(a: Batch, b: Batch): Batch {
  if (a.y.length === 0) return b;
  const x = new Float32Array(a.x.length + b.x.length);
  x.set(a.x);
  x.set(b.x, a.x.length);
  const y = new Int32Array(a.y.length + b.y.length);
  y.set(a.y);
  y.set(b.y, a.y.length);
  return { x, y };
}
