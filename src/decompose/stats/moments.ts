import { HubError } from "../../core/errors.ts";
import type { Job } from "../../core/events.ts";
import { BLOCK_ROWS, blocksOf } from "../blocks.ts";
import { presentClasses } from "../present-classes.ts";
import type { FeatureSet } from "../types.ts";

/** Values read at a time: 16 MB of float32. */
const BLOCK_VALUES = 1 << 22;

/** What one pass over the features gives. Classes are those that occur, renumbered in order. */
export interface Moments {
  n: number;
  d: number;
  /** Number of classes that occur. */
  k: number;
  /** Place of each row's class among those that occur, `[n]`. */
  y: Int32Array;
  counts: Float64Array;
  /** Column means, `[d]`, and the range (largest - smallest) of each column. */
  mean: Float64Array;
  range: Float64Array;
  /** Class means `[k, d]` of the rows, and of the rows scaled to length 1 (a row of zeros stays zero). */
  classMean: Float64Array;
  classDirection: Float64Array;
}

/** Rows of a block that takes at most 16 MB. */
export const blockRows = (dim: number): number => Math.max(1, Math.min(BLOCK_ROWS, Math.trunc(BLOCK_VALUES / dim)));

/** `tick` is told the rows of each block. @throws HubError `DATA` at the first feature that is not a finite number. */
export async function momentsOf(set: FeatureSet, tick: (rows: number) => void, job: Job): Promise<Moments> {
  const { n, dim: d } = set;
  const { y, present } = presentClasses(set.labels);
  const k = present.length;
  const counts = new Float64Array(k);
  for (const label of y) counts[label]!++;
  const low = new Float64Array(d).fill(Infinity);
  const high = new Float64Array(d).fill(-Infinity);
  const classMean = new Float64Array(k * d);
  const classDirection = new Float64Array(k * d);
  for await (const { rows: x, start } of blocksOf(set, job, blockRows(d))) {
    const rows = x.length / d;
    for (let i = 0; i < rows; i++) {
      const at = i * d;
      const scale = inverseLength(x, at, d);
      if (scale === undefined) throw notFinite(x, at, d, start + i);
      const to = y[start + i]! * d;
      for (let j = 0; j < d; j++) {
        const value = x[at + j]!;
        classMean[to + j]! += value;
        classDirection[to + j]! += value * scale;
        if (value < low[j]!) low[j] = value;
        if (value > high[j]!) high[j] = value;
      }
    }
    tick(rows);
  }
  const mean = new Float64Array(d);
  for (let c = 0; c < k; c++) {
    for (let j = 0, at = c * d; j < d; j++, at++) {
      mean[j]! += classMean[at]! / n;
      classMean[at]! /= counts[c]!;
      classDirection[at]! /= counts[c]!;
    }
  }
  const range = high.map((value, j) => value - low[j]!);
  return { n, d, k, y, counts, mean, range, classMean, classDirection };
}

/** One over the length of a row, 0 for a row of zeros, undefined where it is not finite. */
export function inverseLength(x: ArrayLike<number>, at: number, d: number): number | undefined {
  let squares = 0;
  for (let j = 0; j < d; j++) squares += x[at + j]! * x[at + j]!;
  if (!Number.isFinite(squares)) return undefined;
  return squares === 0 ? 0 : 1 / Math.sqrt(squares);
}

function notFinite(x: Float32Array, at: number, d: number, row: number): HubError {
  const column = x.subarray(at, at + d).findIndex((value) => !Number.isFinite(value));
  const found = `feature ${column} of row ${row} is ${x[at + column]}`;
  return new HubError(
    "DATA",
    `Cannot take statistics of the features: ${found}. Features must be finite numbers; featurize the data again.`,
    { details: { row, column } },
  );
}
