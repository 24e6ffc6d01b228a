import type { Job } from "../core/events.ts";
import type { FeatureSet } from "./types.ts";

/** Rows read at a time. */
export const BLOCK_ROWS = 4096;

/** All rows of a set in order, a block at a time: `rows` is `[count * dim]`, `start` its first row. */
export async function* blocksOf(
  set: FeatureSet,
  { signal }: Pick<Job, "signal"> = {},
  blockRows = BLOCK_ROWS,
): AsyncGenerator<{ rows: Float32Array; start: number }> {
  for (let start = 0; start < set.n; start += blockRows) {
    signal?.throwIfAborted();
    yield { rows: await set.rows(start, Math.min(set.n, start + blockRows)), start };
  }
}

/** Calls `use` with each of {@link blocksOf}. */
export async function eachBlock(
  set: FeatureSet,
  job: Pick<Job, "signal">,
  use: (rows: Float32Array, start: number) => void | Promise<void>,
  blockRows = BLOCK_ROWS,
): Promise<void> {
  for await (const { rows, start } of blocksOf(set, job, blockRows)) await use(rows, start);
}

/** All rows in one array `[n * dim]`. */
export async function allRows(set: FeatureSet, job: Pick<Job, "signal"> = {}): Promise<Float32Array> {
  const x = new Float32Array(set.n * set.dim);
  await eachBlock(set, job, (rows, start) => x.set(rows, start * set.dim));
  return x;
}
