import { type FileHandle, open } from "node:fs/promises";
import { HubError, messageOf, shortList } from "../core/errors.ts";
import { canonicalJson, sha256 } from "../core/hash.ts";
import type { EncoderInput } from "../encoder/inputs.ts";

/** One image with its label. `id` is unique in its data set and stays the same from run to run. */
export interface Sample {
  id: string;
  /** Index into the data set's `classes`. */
  label: number;
  /** An image, or a random view of one. */
  image: EncoderInput;
}

/** Labelled images with random access. Images are read when asked for, never all at once. */
export interface Dataset {
  /** What to call it in messages and progress. */
  readonly name: string;
  /**
   * Fingerprint of the content: equal keys mean equal samples in equal order. For files it covers the relative paths,
   * sizes, labels and the first and last 4 kB of every image: cheap on a million files, and an edit inside an image that
   * keeps its size and both ends goes unseen.
   */
  readonly key: string;
  readonly classes: readonly string[];
  /** Number of samples. */
  readonly length: number;
  /** Class number of each sample, `[length]`, without reading an image. */
  labels(): Int32Array;
  /** @throws HubError `IMAGE` with the sample's id in its details when the bytes cannot be had, RangeError when there is no sample `i`. */
  item(i: number): Promise<Sample>;
}

/** What identifies one sample in a data set's key. */
export interface KeyEntry {
  id: string;
  label: number;
  bytes: number;
  digest: string;
}

/** First 32 hex digits of SHA-256 over the classes and, in order, what identifies each sample. */
export function datasetKey(classes: readonly string[], entries: readonly KeyEntry[]): string {
  return sha256(canonicalJson({ classes, samples: entries.map((e) => [e.id, e.label, e.bytes, e.digest]) })).slice(
    0,
    32,
  );
}

const EDGE = 4096;

/** Digest over the first and last 4 kB of `bytes` bytes at `offset` of a file. */
export async function edgeDigest(file: FileHandle, offset: number, bytes: number): Promise<string> {
  const head = await readRange(file, offset, Math.min(EDGE, bytes));
  const tailBytes = Math.min(EDGE, bytes - head.length);
  const tail = await readRange(file, offset + bytes - tailBytes, tailBytes);
  return sha256(Buffer.concat([head, tail])).slice(0, 16);
}

/** Exactly `length` bytes at `offset`. The caller has checked both against the file's size. */
export async function readRange(file: FileHandle, offset: number, length: number): Promise<Buffer<ArrayBuffer>> {
  // Not from Buffer's pool: its memory may be handed to a worker.
  const out = Buffer.allocUnsafeSlow(length) as Buffer<ArrayBuffer>;
  await fillFrom(file, offset, out);
  return out;
}

/** Fills `out` with the bytes at `offset`. */
export async function fillFrom(file: FileHandle, offset: number, out: Uint8Array): Promise<void> {
  for (let done = 0; done < out.length; ) {
    const { bytesRead } = await file.read(out, done, Math.min(out.length - done, 1 << 30), offset + done);
    if (bytesRead === 0) throw new Error(`the file ends ${out.length - done} bytes early`);
    done += bytesRead;
  }
}

/** Size and edges of an image file. One that cannot be read counts as empty here and fails when it is asked for. */
export async function fileIdentity(path: string): Promise<{ bytes: number; digest: string }> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    const stat = await file.stat();
    return stat.isFile()
      ? { bytes: stat.size, digest: await edgeDigest(file, 0, stat.size) }
      : { bytes: 0, digest: "" };
  } catch {
    return { bytes: 0, digest: "" };
  } finally {
    await file?.close();
  }
}

/** `work` on every item, at most 16 at a time; results in order. */
export async function mapFiles<T, R>(items: readonly T[], work: (item: T) => Promise<R>, signal?: AbortSignal) {
  const out = new Array<R>(items.length);
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      signal?.throwIfAborted();
      const i = next++;
      out[i] = await work(items[i]!);
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  return out;
}

/** Sorts in place by code point, as Python's `sorted` does. JavaScript's own order differs beyond U+FFFF. */
export function sortByCodePoint<T>(items: T[], text: (item: T) => string): T[] {
  if (!items.some((item) => /[\ud800-\udfff]/.test(text(item)))) {
    return items.sort((a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0));
  }
  return items.sort((a, b) => Buffer.compare(Buffer.from(text(a)), Buffer.from(text(b))));
}

/**
 * Classes of text labels: the distinct labels sorted, by value when all are whole numbers. With `given` those are the
 * classes, in that order, and any other label is an error; use it to give train and test one set of classes.
 * @param where tells the place of sample `i`, for the error.
 */
export function classesOf(labels: readonly string[], where: (i: number) => string, given?: readonly string[]) {
  const classes = given ?? sortLabels([...new Set(labels)]);
  const index = new Map(classes.map((name, i) => [name, i]));
  if (index.size !== classes.length) throw new TypeError(`classes holds a name twice: ${shortList(classes)}`);
  const numbers = Int32Array.from(labels, (label, i) => {
    const number = index.get(label);
    if (number === undefined)
      throw dataError(`${where(i)}: unknown label ${JSON.stringify(label)}`, "Add it to classes");
    return number;
  });
  return { classes, labels: numbers };
}

function sortLabels(names: string[]): string[] {
  if (names.every((name) => /^(0|[1-9]\d{0,14})$/.test(name))) return names.sort((a, b) => Number(a) - Number(b));
  return sortByCodePoint(names, (name) => name);
}

/** Refuses samples of one id: rows of features are told apart by it. */
export function refuseDuplicates(ids: readonly string[], where: (i: number) => string): void {
  const seen = new Map<string, number>();
  ids.forEach((id, i) => {
    const first = seen.get(id);
    if (first !== undefined)
      throw dataError(`${where(i)}: ${id} was already given at ${where(first)}`, "Name each image once");
    seen.set(id, i);
  });
}

/** `DATA`: the data set cannot be used as it is. */
export function dataError(found: string, advice: string, cause?: unknown): HubError {
  const because = cause === undefined ? "" : ` (${messageOf(cause)})`;
  return new HubError("DATA", `Cannot use the data set ${found}${because}. ${advice}.`, { cause });
}

/** The common part of every data set: bounds, labels, and `read` for the image of sample `i`. */
export function makeDataset(o: {
  name: string;
  classes: readonly string[];
  labels: Int32Array;
  entries: readonly Omit<KeyEntry, "label">[];
  read: (i: number) => EncoderInput | Promise<EncoderInput>;
}): Dataset {
  const { name, classes, labels, entries, read } = o;
  return {
    name,
    key: datasetKey(
      classes,
      entries.map((entry, i) => ({ ...entry, label: labels[i]! })),
    ),
    classes,
    length: entries.length,
    labels: () => labels.slice(),
    async item(i) {
      const entry = entries[i];
      if (entry === undefined) throw new RangeError(`${name} has ${entries.length} samples, there is no sample ${i}`);
      return { id: entry.id, label: labels[i]!, image: await read(i) };
    },
  };
}
