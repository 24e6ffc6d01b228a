import { join } from "node:path";
import { HubError } from "../core/errors.ts";
import type { Job } from "../core/events.ts";
import { exists } from "../core/files.ts";
import { canonicalJson, sha256 } from "../core/hash.ts";
import { withLease } from "../core/lease.ts";
import type { Encoder } from "../encoder/encoder.ts";
import type { EncoderInput } from "../encoder/inputs.ts";
import { encodeBatches } from "../encoder/pool.ts";
import { ensureDirs } from "../store/dirs.ts";
import { type Dataset, dataError, mapFiles } from "./dataset.ts";
import { openFeatures, openShards, type SkippedImage } from "./features.ts";
import {
  type FinishedShard,
  openFolder,
  planShards,
  readShard,
  type ShardBatch,
  type ShardPlan,
  writeManifest,
  writeShard,
} from "./shards.ts";
import type { FeatureSet } from "./types.ts";

export interface FeaturizeOptions extends Job {
  /** Folder that holds the features folder; by default `features` in the cache. */
  dir?: string;
  /** Images in one forward pass; by default the encoder's own choice. */
  batchSize?: number;
  /** Workers, where the engine has one thread. */
  threads?: number;
  /** `throw` (default) ends at an image that does not decode; `skip` leaves out its row and reports it. */
  onError?: "throw" | "skip";
  /** Makes only the shards `index`, `index + count`, ...: `count` machines with one folder share the work. */
  shard?: { index: number; count: number };
  /** Images in a shard, 1..65536, 4096 by default. A run that is killed loses at most the shard it was at. */
  rowsPerShard?: number;
}

/** Features in a folder: `NNNNN.safetensors`, their sidecars and `manifest.json`. */
export interface StoredFeatures extends FeatureSet {
  readonly folder: string;
  /** Images without a row. */
  readonly errors: readonly SkippedImage[];
}

const MAX_ROWS = 65_536;

/**
 * Features of every image under an encoder, written to `dir/KEY` in shards of safetensors. `KEY` stands for encoder, data
 * set, preprocessing and shard size: what is there already is not made again, and a killed run goes on with the first
 * shard that is not whole. Rows are in the data set's order. Of several processes with one task one works, the others wait.
 * @returns the features, read from disk on demand; with `shard` only the rows of those shards.
 * @throws HubError `IMAGE` for an image that does not decode; `DATA` for a label without class; `DISK` when the folder
 * cannot be written.
 */
export async function featurizeData(
  model: Encoder,
  data: Dataset,
  options: FeaturizeOptions = {},
): Promise<StoredFeatures> {
  const { rowsPerShard = 4096, shard = { index: 0, count: 1 }, onError = "throw" } = options;
  checkOptions(rowsPerShard, shard);
  const about = { key: featuresKey(model, data, rowsPerShard), dim: model.zDim, classes: data.classes };
  const root = options.dir ?? (await ensureDirs()).features;
  const folder = join(root, about.key);
  const plans = planShards(folder, data.length, rowsPerShard);
  const mine = plans.filter((_, s) => s % shard.count === shard.index);
  const finished = async () => {
    const found = await mapFiles(mine, ({ path }) => readShard(path, about.dim));
    return found.every((shard) => shard !== undefined) ? found : undefined;
  };
  const task = `${folder} ${shard.index}/${shard.count}`;
  const lockDir = options.dir ?? (await ensureDirs()).locks;
  const { signal, onProgress } = options;
  // Shards come in order: while the last is not there, nobody need look at the others.
  const last = mine.at(-1);
  const given = async () => (last === undefined || (await exists(last.path)) ? finished() : undefined);
  const shards = await withLease(task, { lockDir, name: data.name, signal, onProgress }, given, async () => {
    await openFolder(folder);
    return makeShards(model, data, mine, options);
  });
  const errors = shards.flatMap((done) => done.errors);
  if (errors[0] !== undefined && onError === "throw") throw imageError(data, errors[0]);
  await writeManifest(folder, about, plans);
  const paths = mine.map(({ path }) => path);
  const set = shard.count === 1 ? await openFeatures(folder) : await openShards(paths, about);
  return { ...set, folder, errors };
}

/** First 16 hex digits of SHA-256 over all that determines the bytes. The engine does not. */
function featuresKey({ info }: Encoder, data: Dataset, rowsPerShard: number): string {
  const { fingerprint, preprocess } = info;
  return sha256(canonicalJson({ format: 1, fingerprint, preprocess, data: data.key, rowsPerShard })).slice(0, 16);
}

async function makeShards(model: Encoder, data: Dataset, plans: readonly ShardPlan[], options: FeaturizeOptions) {
  const total = plans.reduce((sum, { start, end }) => sum + end - start, 0);
  let done = 0;
  const tick = (images: number) => {
    done += images;
    options.onProgress?.({ stage: "featurize", name: data.name, done, total, unit: "images" });
  };
  const shards: FinishedShard[] = [];
  for (const plan of plans) {
    options.signal?.throwIfAborted();
    const found = await readShard(plan.path, model.zDim);
    if (found !== undefined) tick(plan.end - plan.start);
    shards.push(found ?? (await writeShard(plan, encodeRange(model, data, { ...plan, tick }, options), model.zDim)));
  }
  return shards;
}

type ShardItem = ShardBatch["items"][number];

/** Encodes images `start` to `end - 1`. Batches never cross shards, so that a rerun forms the same ones. */
async function* encodeRange(
  model: Encoder,
  data: Dataset,
  { start, end, tick }: { start: number; end: number; tick: (images: number) => void },
  options: FeaturizeOptions,
): AsyncGenerator<ShardBatch> {
  const { batchSize, threads, signal } = options;
  const items: ShardItem[] = [];
  /** Where in `items` the images are that the encoder was given. */
  const places: number[] = [];
  async function* images() {
    for (let i = start; i < end; i++) {
      const { image, ...item } = await readItem(data, i, options);
      const place = items.push(item) - 1;
      if (image !== undefined) {
        places.push(place);
        yield image;
      }
    }
  }
  let told = 0;
  const next = (upTo: number, features: Float32Array): ShardBatch => {
    const batch = { items: items.slice(told, upTo), features };
    tick(upTo - told);
    told = upTo;
    return batch;
  };
  for await (const { start: first, rows, features, errors } of encodeBatches(model, images(), {
    batchSize,
    threads,
    signal,
    onError: "skip",
  })) {
    for (const { index, error } of errors) {
      const place = places[index]!;
      items[place] = skipped(data, items[place]!.id, error, options);
    }
    yield next(places[first + rows + errors.length - 1]! + 1, features);
  }
  if (told < items.length) yield next(items.length, new Float32Array(0));
}

async function readItem(
  data: Dataset,
  i: number,
  options: FeaturizeOptions,
): Promise<ShardItem & { image?: EncoderInput }> {
  options.signal?.throwIfAborted();
  try {
    const { id, label, image } = await data.item(i);
    if (Number.isInteger(label) && label >= 0 && label < data.classes.length) return { id, label, image };
    throw dataError(
      `${data.name}: image ${id} has label ${label} of ${data.classes.length} classes`,
      "Correct its label",
    );
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    return skipped(data, String(error.details.id ?? i), error, options);
  }
}

/** What is written of an image that cannot be encoded, where the caller allows it. */
function skipped(data: Dataset, id: string, error: HubError, { onError = "throw", onProgress }: FeaturizeOptions) {
  if (error.code !== "IMAGE") throw error;
  if (onError === "throw") throw imageError(data, { id, error: error.message }, error);
  onProgress?.({ stage: "warning", code: "IMAGE", message: error.message });
  return { id, error: error.message };
}

function imageError(data: Dataset, { id, error }: SkippedImage, cause?: HubError): HubError {
  const advice = 'Repair or remove it, or leave such images out by onError "skip".';
  return new HubError("IMAGE", `Cannot featurize ${data.name}, image ${id}: ${error} ${advice}`, {
    details: { ...cause?.details, id },
    cause,
  });
}

function checkOptions(rowsPerShard: number, { index, count }: { index: number; count: number }): void {
  if (!Number.isInteger(rowsPerShard) || rowsPerShard < 1 || rowsPerShard > MAX_ROWS) {
    throw new TypeError(`rowsPerShard is ${rowsPerShard}, need a whole number in 1..${MAX_ROWS}`);
  }
  if (!Number.isInteger(index) || !Number.isInteger(count) || index < 0 || index >= count) {
    throw new TypeError(`shard is ${index}/${count}, need whole numbers with 0 <= index < count`);
  }
}
