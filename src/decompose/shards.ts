import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HubError, messageOf } from "../core/errors.ts";
import { isAbandoned, writeFileAtomic } from "../core/files.ts";
import { newOwner, ownerIn } from "../core/owner.ts";
import { encodeSafeHeader } from "../core/safetensors.ts";
import { type FeaturesManifest, openShard, type SkippedImage } from "./features.ts";

/** Images `start` to `end - 1` of a data set go to the shard `path`. */
export interface ShardPlan {
  path: string;
  start: number;
  end: number;
}

/** Images of a shard in order, each with its label or why it is skipped. `features` has a row for each with a label. */
export interface ShardBatch {
  items: readonly ({ id: string; label: number } | SkippedImage)[];
  features: Float32Array;
}

export interface FinishedShard {
  rows: number;
  errors: SkippedImage[];
}

export function planShards(folder: string, images: number, rowsPerShard: number): ShardPlan[] {
  return Array.from({ length: Math.ceil(images / rowsPerShard) }, (_, s) => ({
    path: join(folder, `${String(s).padStart(5, "0")}.safetensors`),
    start: s * rowsPerShard,
    end: Math.min((s + 1) * rowsPerShard, images),
  }));
}

/**
 * Writes the shard (`NAME.safetensors`) and, before it, its sidecar `NAME.ids.jsonl` with one line an image: `{"id"}` for
 * each row in order, `{"id","error"}` where an image was skipped. Either is there whole or not at all, and with the shard
 * there is always the sidecar. Rows go to disk as they come.
 * @returns what {@link readShard} will give.
 * @throws HubError `DISK`, or what `batches` throws.
 */
export async function writeShard(
  { path, start, end }: ShardPlan,
  batches: AsyncIterable<ShardBatch>,
  dim: number,
): Promise<FinishedShard> {
  const labels: number[] = [];
  const lines: string[] = [];
  const errors: SkippedImage[] = [];
  // The number of rows is known last: the header is written last, into room kept for the longest one.
  const room = encodeSafeHeader(tensors(end - start, dim)).length;
  const staging = join(dirname(path), `.${basename(path)}.${newOwner()}`);
  const file = await onDisk(path, () => open(staging, "wx"));
  const append = (bytes: Uint8Array) => onDisk(path, () => writeAll(file, bytes, room + labels.length * dim * 4));
  try {
    for await (const { items, features } of batches) {
      await append(bytesOf(features));
      for (const item of items) {
        if ("error" in item) errors.push(item);
        else labels.push(item.label);
        lines.push(`${JSON.stringify("error" in item ? item : { id: item.id })}\n`);
      }
    }
    await append(bytesOf(Int32Array.from(labels)));
    await onDisk(path, async () => {
      await writeAll(file, encodeSafeHeader(tensors(labels.length, dim), {}, room), 0);
      await file.sync();
      await writeFileAtomic(sidecar(path), lines.join(""));
      await rename(staging, path);
    });
    return { rows: labels.length, errors };
  } finally {
    await file.close();
    await rm(staging, { force: true });
  }
}

/** What a finished shard holds, or undefined where there is none that is whole. */
export async function readShard(path: string, dim: number): Promise<FinishedShard | undefined> {
  try {
    const { labels } = await openShard(path, dim);
    const lines = (await readFile(sidecar(path), "utf8")).split("\n").slice(0, -1);
    const errors = lines.map((line) => JSON.parse(line) as SkippedImage).filter(({ error }) => error !== undefined);
    return lines.length - errors.length === labels.length ? { rows: labels.length, errors } : undefined;
  } catch {
    return undefined;
  }
}

/** Lists the shards, once all of them are there: with several machines, by whoever comes last. */
export async function writeManifest(
  folder: string,
  about: Pick<FeaturesManifest, "key" | "dim" | "classes">,
  plans: readonly ShardPlan[],
): Promise<void> {
  const manifest: FeaturesManifest = { format: 1, ...about, n: 0, shards: [], errors: [] };
  for (const { path } of plans) {
    const shard = await readShard(path, about.dim);
    if (shard === undefined) return;
    manifest.n += shard.rows;
    manifest.shards.push({ file: basename(path), rows: shard.rows });
    manifest.errors.push(...shard.errors);
  }
  const path = join(folder, "manifest.json");
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  // A finished folder may be read-only.
  if ((await readFile(path, "utf8").catch(() => "")) !== text) await writeFileAtomic(path, text);
}

/** Makes the folder, and removes what a killed process left half-written in it. */
export async function openFolder(folder: string): Promise<void> {
  await onDisk(folder, () => mkdir(folder, { recursive: true }));
  for (const name of await readdir(folder)) {
    const owner = name.startsWith(".") ? ownerIn(name) : undefined;
    const path = join(folder, name);
    if (owner !== undefined && (await isAbandoned(path, owner))) await rm(path, { force: true });
  }
}

async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof HubError) throw cause;
    throw new HubError(
      "DISK",
      `Cannot write features to ${path}: ${messageOf(cause)}. Free the disk or choose another dir.`,
      {
        details: { path },
        cause,
      },
    );
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function tensors(rows: number, dim: number) {
  return [
    { name: "features", dtype: "F32", shape: [rows, dim] },
    { name: "labels", dtype: "I32", shape: [rows] },
  ] as const;
}

function sidecar(path: string): string {
  return path.replace(/\.safetensors$/, ".ids.jsonl");
}
