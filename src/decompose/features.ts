import { type FileHandle, open, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { HubError, messageOf } from "../core/errors.ts";
import { parseSafeHeader, type SafeTensor, safeHeaderLength } from "../core/safetensors.ts";
import { fillFrom, readRange } from "./dataset.ts";
import type { FeatureSet } from "./types.ts";

/** An image without a row: it did not decode, and the caller asked to skip such images. */
export interface SkippedImage {
  id: string;
  error: string;
}

/** `manifest.json` of a features folder, written when its last shard is there. */
export interface FeaturesManifest {
  format: 1;
  key: string;
  n: number;
  dim: number;
  classes: readonly string[];
  /** In order of rows. */
  shards: { file: string; rows: number }[];
  errors: SkippedImage[];
}

/**
 * Features held in one array `[n * dim]`, row-major, which is kept and not copied.
 * @throws TypeError when the lengths do not fit.
 */
export function inMemory(
  features: Float32Array,
  labels: Int32Array,
  { dim, classes }: { dim: number; classes: readonly string[] },
): FeatureSet {
  if (features.length !== labels.length * dim) {
    throw new TypeError(`${features.length} features are not ${labels.length} rows (labels) of ${dim}`);
  }
  const read: ReadRows = async (start, end, out) => out.set(features.subarray(start * dim, end * dim));
  return wholeSet({ dim, classes, labels, read });
}

/**
 * Features on disk, as `featurizeData` writes them. Labels are read at once, features only when asked for, so 10 GB need
 * no more memory than the rows in use.
 * @param dir a folder with `manifest.json`.
 * @throws HubError `DATA` when the folder is not finished, or damaged.
 */
export async function openFeatures(dir: string): Promise<FeatureSet> {
  const path = join(dir, "manifest.json");
  let manifest: FeaturesManifest;
  try {
    manifest = JSON.parse(await readFile(path, "utf8"));
    if (manifest.format !== 1) throw new Error(`its format is ${manifest.format}, need 1`);
  } catch (cause) {
    throw featuresError(path, cause);
  }
  const { shards, n } = manifest;
  const paths = shards.map(({ file }) => join(dir, basename(file)));
  const set = await openShards(paths, manifest);
  if (set.n !== n) throw featuresError(path, new Error(`it gives ${n} rows, the shards hold ${set.n}`));
  return set;
}

/** The rows of these shards, one after the other. See {@link openFeatures}. */
export async function openShards(
  paths: readonly string[],
  { dim, classes }: { dim: number; classes: readonly string[] },
): Promise<FeatureSet> {
  const shards: (OpenShard & { first: number })[] = [];
  let first = 0;
  for (const path of paths) {
    const shard = await openShard(path, dim);
    shards.push({ ...shard, first });
    first += shard.labels.length;
  }
  const labels = new Int32Array(first);
  for (const shard of shards) labels.set(shard.labels, shard.first);
  const read: ReadRows = async (start, end, out) => {
    for (const shard of shards) {
      const from = Math.max(start, shard.first);
      const rows = Math.min(end, shard.first + shard.labels.length) - from;
      if (rows <= 0) continue;
      const offset = shard.features.start + (from - shard.first) * dim * 4;
      await readInto(shard.path, offset, out.subarray((from - start) * dim, (from - start + rows) * dim));
    }
  };
  return wholeSet({ dim, classes, labels, read });
}

/**
 * The rows of `first`, then those of `second`.
 * @throws TypeError when they are not of one length of row, or of other classes.
 */
export function joinFeatures(first: FeatureSet, second: FeatureSet): FeatureSet {
  const { n, dim, classes } = first;
  if (second.dim !== dim || String(second.classes) !== String(classes)) {
    throw new TypeError("joinFeatures: the two sets differ in dim or classes");
  }
  const labels = new Int32Array(n + second.n);
  labels.set(first.labels);
  labels.set(second.labels, n);
  const read: ReadRows = async (start, end, out) => {
    if (start < n) out.set(await first.rows(start, Math.min(end, n)));
    if (end > n) out.set(await second.rows(Math.max(0, start - n), end - n), Math.max(0, n - start) * dim);
  };
  return wholeSet({ dim, classes, labels, read });
}

/** One finished shard: its labels, and where its features lie. */
export interface OpenShard {
  path: string;
  features: SafeTensor;
  labels: Int32Array;
}

/**
 * Opens one shard and checks that it holds `features [n, dim] F32` and `labels [n] I32`.
 * @throws HubError `DATA`.
 */
export async function openShard(path: string, dim: number): Promise<OpenShard> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    const { size } = await file.stat();
    const length = safeHeaderLength(await readRange(file, 0, Math.min(8, size)), size);
    const { tensors } = parseSafeHeader(await readRange(file, 8, length), size);
    const features = tensors.get("features");
    const labels = tensors.get("labels");
    const rows = labels?.shape[0];
    if (labels?.dtype !== "I32" || labels.shape.length !== 1) throw new Error("it has no tensor labels [n] I32");
    if (features?.dtype !== "F32" || String(features.shape) !== String([rows, dim])) {
      throw new Error(`it has no tensor features [${rows}, ${dim}] F32`);
    }
    const bytes = await readRange(file, labels.start, labels.end - labels.start);
    return { path, features, labels: new Int32Array(bytes.buffer, bytes.byteOffset, rows) };
  } catch (cause) {
    throw featuresError(path, cause);
  } finally {
    await file?.close();
  }
}

/** Copies rows `start` to `end - 1` to the beginning of `out`. */
type ReadRows = (start: number, end: number, out: Float32Array) => Promise<void>;

interface Rows {
  dim: number;
  classes: readonly string[];
  labels: Int32Array;
  read: ReadRows;
}

function wholeSet(source: Rows): FeatureSet {
  const { dim, classes, labels, read } = source;
  return {
    n: labels.length,
    dim,
    classes,
    labels,
    async rows(start, end) {
      checkRange(start, end, labels.length);
      const out = new Float32Array((end - start) * dim);
      await read(start, end, out);
      return out;
    },
    subset: (index) => subsetOf(source, checkedIndex(index, labels.length)),
  };
}

function subsetOf(source: Rows, index: Int32Array): FeatureSet {
  const { dim, classes } = source;
  return {
    n: index.length,
    dim,
    classes,
    labels: index.map((row) => source.labels[row]!),
    async rows(start, end) {
      checkRange(start, end, index.length);
      return gather(source, index.subarray(start, end));
    },
    subset: (rows) =>
      subsetOf(
        source,
        checkedIndex(rows, index.length).map((row) => index[row]!),
      ),
  };
}

/** Largest hole, and largest whole, of what is read at once to gather rows, in bytes. */
const GAP = 1 << 16;
const RUN = 1 << 22;

/** Rows in the order of `index`. They are read in the order of the file, neighbours together. */
async function gather({ dim, read }: Rows, index: Int32Array): Promise<Float32Array> {
  const out = new Float32Array(index.length * dim);
  const order = Uint32Array.from(index.keys()).sort((a, b) => index[a]! - index[b]!);
  const row = (i: number) => index[order[i]!]!;
  for (let from = 0, to = 0; from < order.length; from = to) {
    const first = row(from);
    const near = (i: number) => (row(i) - row(i - 1)) * dim * 4 <= GAP && (row(i) - first) * dim * 4 < RUN;
    for (to = from + 1; to < order.length && near(to); to++);
    const run = new Float32Array((row(to - 1) - first + 1) * dim);
    await read(first, row(to - 1) + 1, run);
    for (let i = from; i < to; i++) {
      const at = (row(i) - first) * dim;
      out.set(run.subarray(at, at + dim), order[i]! * dim);
    }
  }
  return out;
}

async function readInto(path: string, offset: number, out: Float32Array): Promise<void> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    await fillFrom(file, offset, new Uint8Array(out.buffer, out.byteOffset, out.byteLength));
  } catch (cause) {
    throw featuresError(path, cause);
  } finally {
    await file?.close();
  }
}

function checkRange(start: number, end: number, n: number): void {
  if (Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= n) return;
  throw new RangeError(`rows ${start} to ${end} of ${n}`);
}

function checkedIndex(index: Int32Array, n: number): Int32Array {
  const bad = index.find((row) => row < 0 || row >= n);
  if (bad !== undefined) throw new RangeError(`row ${bad} of ${n}`);
  return index.slice();
}

function featuresError(path: string, cause: unknown): HubError {
  const message = `Cannot read features from ${path}: ${messageOf(cause)}. Remove the folder and featurize again.`;
  return new HubError("DATA", message, { details: { path }, cause });
}
