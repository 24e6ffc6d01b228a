import { type FileHandle, open } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { HubError, messageOf } from "../../core/errors.ts";
import type { Job } from "../../core/events.ts";
import {
  classesOf,
  type Dataset,
  dataError,
  edgeDigest,
  makeDataset,
  readRange,
  refuseDuplicates,
  sortByCodePoint,
} from "../dataset.ts";
import { isImageName } from "./image-folder.ts";
import { indexTar, type TarEntry } from "./tar-index.ts";

interface TarSample {
  tar: string;
  tarBytes: number;
  key: string;
  image: TarEntry;
  label: string | number;
  digest: string;
}

/** The files of one name; those of other kinds are left out. */
interface TarGroup {
  image?: TarEntry;
  labels: Map<string, TarEntry>;
}

/** Files that hold a label, in order of preference, with their largest size in bytes. */
const LABEL_FILES = { cls: 1024, json: 1 << 20, txt: 1024 } as const;
type LabelFile = keyof typeof LABEL_FILES;

const MAX_IMAGE = 1 << 28;
const MAX_CLASSES = 1_000_000;

/**
 * Images and labels in WebDataset tars. A sample is the files of one name up to the first dot (`a/0007.jpg`,
 * `a/0007.cls`); its label stands in `.cls` (a number), else in `.json` (`{"label": number or name}`), else in `.txt` (a
 * name). Each tar's headers are read once; then every image is a range read, and nothing is unpacked to disk. Samples
 * come tar by tar, sorted by name. Without `classes`, number labels are the class numbers and names are sorted.
 * @throws HubError `DATA` for a damaged tar, a sample with two images, without a label or with a bad one.
 */
export async function webDataset(
  tars: string | readonly string[],
  options: { classes?: readonly string[] } & Job = {},
): Promise<Dataset> {
  const paths = (typeof tars === "string" ? [tars] : tars).map((path) => resolve(path));
  const samples: TarSample[] = [];
  for (const path of paths) samples.push(...(await readTar(path, options.signal)));
  const where = (i: number) => `${samples[i]!.tar}, sample ${samples[i]!.key}`;
  if (samples.length === 0) throw dataError(paths.join(", "), "Need images named KEY.jpg with labels named KEY.cls");
  const ids = samples.map(({ tar, key }) => `${basename(tar)}/${key}`);
  refuseDuplicates(ids, where);
  const { classes, labels } = labelled(samples, where, options.classes);
  return makeDataset({
    name: paths.length === 1 ? basename(paths[0]!) : `${basename(paths[0]!)} and ${paths.length - 1} more`,
    classes,
    labels,
    entries: samples.map(({ image, digest }, i) => ({ id: ids[i]!, bytes: image.bytes, digest })),
    read: (i) => readImage(samples[i]!, ids[i]!),
  });
}

/** Number labels count as class numbers, text labels as class names. */
function labelled(samples: TarSample[], where: (i: number) => string, given?: readonly string[]) {
  const numbers = samples.map(({ label }) => label);
  if (!numbers.every((label) => typeof label === "number")) {
    return classesOf(numbers.map(String), where, given);
  }
  const count = given?.length ?? numbers.reduce((max, label) => Math.max(max, label + 1), 0);
  const bad = numbers.findIndex((label) => label >= Math.min(count, MAX_CLASSES));
  if (bad >= 0) {
    throw dataError(
      `${where(bad)}: label ${numbers[bad]} of ${count} classes`,
      "Number classes from 0 and check classes",
    );
  }
  return { classes: given ?? Array.from({ length: count }, (_, i) => String(i)), labels: Int32Array.from(numbers) };
}

async function readTar(tar: string, signal?: AbortSignal): Promise<TarSample[]> {
  const { entries, size } = await indexTar(tar, await import("tar"), signal);
  const groups = new Map<string, TarGroup>();
  for (const entry of entries) {
    const [, key, extension] = /^((?:.*\/)?[^/.]+)\.([^/]+)$/s.exec(entry.name) ?? [];
    if (key === undefined || extension === undefined) continue;
    const group: TarGroup = groups.get(key) ?? { labels: new Map() };
    groups.set(key, group);
    const twice = () =>
      dataError(
        `${tar}: sample ${key} holds two files for its ${isImageName(entry.name) ? "image" : extension}`,
        "Name each once",
      );
    if (isImageName(entry.name)) {
      if (group.image !== undefined) throw twice();
      group.image = entry;
    } else if (Object.hasOwn(LABEL_FILES, extension)) {
      if (group.labels.has(extension)) throw twice();
      group.labels.set(extension, entry);
    }
  }
  const samples: TarSample[] = [];
  await withFile(tar, async (file) => {
    for (const [key, { image, labels }] of sortByCodePoint([...groups], ([key]) => key)) {
      signal?.throwIfAborted();
      if (image === undefined) continue;
      const label = await readLabel(file, tar, key, labels);
      const digest = await edgeDigest(file, image.offset, image.bytes);
      samples.push({ tar, tarBytes: size, key, image, label, digest });
    }
  });
  return samples;
}

async function readLabel(file: FileHandle, tar: string, key: string, labels: Map<string, TarEntry>) {
  const advice = "Give each image KEY.cls with a class number, KEY.json with a label, or KEY.txt with a class name";
  const kind = (Object.keys(LABEL_FILES) as LabelFile[]).find((name) => labels.has(name));
  if (kind === undefined) throw dataError(`${tar}: sample ${key} has no label`, advice);
  const { offset, bytes } = labels.get(kind)!;
  const failed = (found: string, cause?: unknown) => dataError(`${tar}: ${key}.${kind} ${found}`, advice, cause);
  if (bytes > LABEL_FILES[kind]) throw failed(`has ${bytes} bytes`);
  const text = (await readRange(file, offset, bytes)).toString("utf8").trim();
  if (kind === "txt" && text !== "") return text;
  if (kind === "cls" && /^\d+$/.test(text)) return Number(text);
  let label: unknown;
  try {
    if (kind === "json") label = (JSON.parse(text) as { label?: unknown } | null)?.label;
  } catch (cause) {
    throw failed("is not JSON", cause);
  }
  if (typeof label === "string" && label !== "") return label;
  if (typeof label === "number" && Number.isSafeInteger(label) && label >= 0) return label;
  throw failed("holds no label");
}

async function readImage({ tar, tarBytes, image }: TarSample, id: string): Promise<Uint8Array> {
  const failed = (found: string, cause?: unknown) =>
    new HubError(
      "IMAGE",
      `Cannot read ${image.name} of ${tar}: ${found}. Index the data set again if the tar was changed.`,
      {
        details: { id, tar, entry: image.name },
        cause,
      },
    );
  if (image.bytes > MAX_IMAGE) throw failed(`${image.bytes} bytes, the limit is ${MAX_IMAGE}`);
  try {
    return await withFile(tar, async (file) => {
      const { size } = await file.stat();
      if (size !== tarBytes) throw new Error(`the tar has ${size} bytes, it had ${tarBytes} when indexed`);
      return readRange(file, image.offset, image.bytes);
    });
  } catch (cause) {
    throw failed(messageOf(cause), cause);
  }
}

async function withFile<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
