import type { Job } from "../../core/events.ts";
import type { FeatureSet } from "../types.ts";

/** Rows read at a time. */
export const BLOCK_ROWS = 4096;

/** Calls `use` with all rows of `set` in order, a block at a time: `rows` is `[count * dim]`, `start` its first row. */
export async function eachBlock(
  set: FeatureSet,
  { signal }: Pick<Job, "signal">,
  use: (rows: Float32Array, start: number) => void | Promise<void>,
  blockRows = BLOCK_ROWS,
): Promise<void> {
  for (let start = 0; start < set.n; start += blockRows) {
    signal?.throwIfAborted();
    await use(await set.rows(start, Math.min(set.n, start + blockRows)), start);
  }
}

/** All rows in one array `[n * dim]`. */
export async function allRows(set: FeatureSet, job: Pick<Job, "signal"> = {}): Promise<Float32Array> {
  const x = new Float32Array(set.n * set.dim);
  await eachBlock(set, job, (rows, start) => x.set(rows, start * set.dim));
  return x;
}
