import { HubError, shortList } from "../../core/errors.ts";
import { rng } from "../../core/rng.ts";
import type { Outline } from "../validate.ts";

/** Labelled images: a number of each class, or a share of all training images, "1%", as even over the classes as it divides. */
export type Shots = number | `${number}%`;

/** How the rows of a few-shot set and of its validation set are drawn. */
export interface DrawOptions {
  shots: Shots;
  seed: number;
  /** Rows to validate on; fewer where there are not so many. */
  nVal: number;
  /** Where they come from: the rows that are no shots, or all rows. */
  validation: "rest" | "all";
}

/** Row numbers, ascending. */
export interface FewShotRows {
  shots: Int32Array;
  validation: Int32Array;
}

/** Rows of each class that occurs, in the order of the classes. */
export function rowsByClass({ labels, classes }: Outline): number[][] {
  const rows = classes.map(() => [] as number[]);
  labels.forEach((label, row) => {
    rows[label]!.push(row);
  });
  return rows.filter((members) => members.length > 0);
}

/** Each class's rows in the seed's random order: the first of them are its shots, so that more shots hold the fewer. */
export function shuffledByClass(byClass: readonly number[][], seed: number): number[][] {
  const draw = rng(seed, "shots");
  return byClass.map((members) => Array.from(draw.permutation(members.length), (i) => members[i]!));
}

/** Columns of the results table are called so: `train-nperclass-5_test`, `train-balsbst-ntrain0.01_test`. */
export function columnOf(shots: Shots): string {
  const percent = percentOf(shots);
  // 0.7 / 100 is 0.006999999999999999.
  const share = Number(((percent ?? 0) / 100).toPrecision(12));
  return percent === null ? `train-nperclass-${shots}_test` : `train-balsbst-ntrain${share}_test`;
}

/** @throws HubError `DATA` when it is neither a whole number >= 1 nor a share between 0 and 100 %. */
export function checkShots(shots: Shots): void {
  const percent = percentOf(shots);
  const fits = percent === null ? Number.isInteger(shots) && Number(shots) >= 1 : percent > 0 && percent < 100;
  if (fits) return;
  const need = 'a whole number of images a class from 1 on, or a share of all between 0 and 100 %, as "1%"';
  throw fault(`shots is ${String(shots)}. Give ${need}.`, { shots });
}

/**
 * The rows of a few-shot set and of its validation set, both balanced by class. The last rows of the order whose first are the
 * shots are validated on, so that all numbers of shots share them; with "all" they are drawn apart from the shots.
 * @throws HubError `DATA` when a class has too few rows, or a share gives a class none.
 */
export function drawFewShot(train: Outline, { shots, seed, nVal, validation }: DrawOptions): FewShotRows {
  const byClass = rowsByClass(train);
  const counts = shotCounts(train, byClass, shots, seed);
  refuseSmall(train, byClass, counts, { shots, validation });
  const order = shuffledByClass(byClass, seed);
  const draw = rng(seed, "validation");
  const left = validation === "rest" ? order.map((rows, c) => rows.slice(counts[c])) : byClass.map((rows) => [...rows]);
  const nVals = evenly(left.map((rows) => rows.length), nVal, draw.permutation(left.length)); // biome-ignore format: one line
  const validated = left.map((rows, c) => {
    const last = validation === "rest" ? rows : Array.from(draw.permutation(rows.length), (i) => rows[i]!);
    return last.slice(rows.length - nVals[c]!);
  });
  const ascending = (rows: number[][]) => Int32Array.from(rows.flat()).sort();
  return { shots: ascending(order.map((rows, c) => rows.slice(0, counts[c]))), validation: ascending(validated) };
}

/** The percentage that a text names, NaN when it names none; null for a number a class. */
function percentOf(shots: Shots): number | null {
  if (typeof shots === "number") return null;
  return /^\d+(\.\d+)?%$/.test(shots) ? Number(shots.slice(0, -1)) : Number.NaN;
}

/** How many rows of each class. */
function shotCounts({ n }: Outline, byClass: readonly number[][], shots: Shots, seed: number): number[] {
  const percent = percentOf(shots);
  if (percent === null) return byClass.map(() => Number(shots));
  const size = Math.trunc((percent * n) / 100);
  const k = byClass.length;
  if (size < k) {
    const found = `${shots} of ${n} training images are ${size}, fewer than the ${k} classes`;
    throw fault(`${found}. Take a larger share, or a number of images a class.`, { shots, images: size, classes: k });
  }
  return evenly(new Array<number>(k).fill(size), size, rng(seed, "shots remainder").permutation(k));
}

function refuseSmall(
  { classes, labels }: Outline,
  byClass: readonly number[][],
  counts: readonly number[],
  { shots, validation }: Pick<DrawOptions, "shots" | "validation">,
): void {
  const named = (few: (rows: number, count: number) => boolean) =>
    byClass.flatMap((rows, c) =>
      few(rows.length, counts[c]!) ? [`${classes[labels[rows[0]!]!]} (${rows.length})`] : [],
    );
  const small = named((rows, count) => rows < count);
  if (small.length > 0) {
    const found = `shots ${shots} asks for ${Math.max(...counts)} images of a class, but these have fewer: ${shortList(small)}`;
    throw fault(`${found}. Take fewer shots, or leave these classes out.`, { shots, classes: small });
  }
  const spent = validation === "rest" ? named((rows, count) => rows === count) : [];
  if (spent.length > 0) {
    const found = `shots ${shots} takes all images of ${shortList(spent)}, none are left to choose C on`;
    throw fault(`${found}. Take fewer shots, or validation "all".`, { shots, classes: spent });
  }
}

/** `total` shared as evenly as the limits allow; what does not divide goes to the classes that stand first in `order`. */
function evenly(limits: readonly number[], total: number, order: Int32Array): number[] {
  const counts = limits.map(() => 0);
  for (let left = total; left > 0; ) {
    const open = Array.from(order).filter((c) => counts[c]! < limits[c]!);
    if (open.length === 0) break;
    const each = Math.max(1, Math.trunc(left / open.length));
    for (const c of open.slice(0, left)) {
      const more = Math.min(each, limits[c]! - counts[c]!);
      counts[c]! += more;
      left -= more;
    }
  }
  return counts;
}

function fault(found: string, details: Record<string, unknown>): HubError {
  return new HubError("DATA", `Cannot draw few-shot sets: ${found}`, { details });
}
