import { availableParallelism, freemem } from "node:os";
import type { HubError } from "../core/errors.ts";
import type { Job } from "../core/events.ts";
import { memoryBytes } from "../engine/memory.ts";
import { type Fault, revive, type Slot } from "./batch.ts";
import type { Encoder } from "./encoder.ts";
import type { FetchImage, ImageInput } from "./inputs.ts";
import { type BatchResult, type Lane, runBatch } from "./lane.ts";
import { openSlots } from "./slots.ts";
import type { WorkerSetup } from "./worker.ts";

/** Features of some consecutive images. */
export interface EncodedBatch {
  /** Index of the batch's first image. */
  start: number;
  /** `[rows * zDim]`, in the order of the images; the rows of those in `errors` are absent. */
  features: Float32Array;
  rows: number;
  /** Images that failed, by their index in the whole. */
  errors: { index: number; error: HubError }[];
}

export interface BatchOptions extends Pick<Job, "signal"> {
  /** Images a forward pass. Default 8, on a GPU 64. */
  batchSize?: number;
  /** Workers of the wasm engine; 1 stays in this thread. Default: one a core, fewer when memory is short. */
  threads?: number;
  /** "throw" (default): the first broken image ends it. "skip": it is reported in its batch. */
  onError?: "throw" | "skip";
}

/** Where the batches of one encoder are computed. */
export interface EncoderPool {
  readonly lane: Lane;
  readonly fetchImage?: FetchImage;
  /** As many batches at once as this are worth starting. */
  lanes(threads?: number): number;
  run(slots: Slot[], lanes: number, signal?: AbortSignal): Promise<BatchResult>;
  close(): Promise<void>;
}

const pools = new WeakMap<Encoder, EncoderPool>();

/** Makes an encoder known to {@link encodeBatches}. */
export function attachPool(encoder: Encoder, pool: EncoderPool): void {
  pools.set(encoder, pool);
}

/**
 * Encodes any number of images in order, with flat memory: two batches a worker are under way, so that the next one
 * decodes while this one is in the forward pass. The features are the same to the bit whatever `threads` is.
 * @throws HubError `IMAGE` of the first broken image, unless `onError` is "skip".
 */
export async function* encodeBatches(
  encoder: Encoder,
  items: Iterable<ImageInput> | AsyncIterable<ImageInput>,
  options: BatchOptions = {},
): AsyncGenerator<EncodedBatch, void, undefined> {
  const pool = pools.get(encoder);
  if (pool === undefined)
    throw new TypeError("encodeBatches: the encoder was not opened by this library, or is disposed.");
  const { signal } = options;
  const batchSize = positive("batchSize", options.batchSize) ?? (pool.lane.engine.device.startsWith("gpu") ? 64 : 8);
  const threads = positive("threads", options.threads);
  // One batch is not worth a worker's start.
  const lanes = Array.isArray(items) && items.length <= batchSize ? 1 : pool.lanes(threads);
  const underWay: Promise<EncodedBatch>[] = [];
  const next = async () => finish(await untilAborted(underWay.shift()!, signal), options);
  let start = 0;
  for await (const images of chunks(items, batchSize)) {
    signal?.throwIfAborted();
    const batch = encodeOne(pool, images, start, lanes, signal);
    batch.catch(() => {}); // awaited in its turn, or dropped when the caller stops
    underWay.push(batch);
    start += images.length;
    if (underWay.length >= 2 * lanes) yield await next();
  }
  while (underWay.length > 0) yield await next();
}

async function encodeOne(
  pool: EncoderPool,
  images: ImageInput[],
  start: number,
  lanes: number,
  signal?: AbortSignal,
): Promise<EncodedBatch> {
  const slots = await openSlots(images, start, pool.fetchImage, signal);
  const { features, rows, faults } = await pool.run(slots, lanes, signal);
  return {
    start,
    features,
    rows,
    errors: faults.map(({ index, fault }) => ({ index: start + index, error: revive(fault) })),
  };
}

function finish(batch: EncodedBatch, { onError = "throw" }: BatchOptions): EncodedBatch {
  if (onError === "throw" && batch.errors.length > 0) throw batch.errors[0]!.error;
  return batch;
}

async function* chunks<T>(items: Iterable<T> | AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length === size) {
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}

/**
 * The pool of one encoder. The engines of tfjs-node have threads of their own and run here; wasm has one, so with more
 * than one thread batches go to workers, each with the engine and the model of its own.
 */
export function makePool(folder: string, lane: Lane, o: { threads?: number; fetchImage?: FetchImage }): EncoderPool {
  const workers = new Map<number, ReturnType<typeof startWorkers>>();
  const started = (count: number) => {
    const found = workers.get(count) ?? startWorkers({ folder, engine: lane.engine.name }, count);
    workers.set(count, found);
    return found;
  };
  return {
    lane,
    fetchImage: o.fetchImage,
    lanes: (threads) => (WORKERS && lane.engine.name === "wasm" ? (threads ?? o.threads ?? defaultThreads(lane)) : 1),
    run: async (slots, lanes, signal) => {
      if (lanes === 1) return runBatch(lane, slots, signal);
      const result: BatchResult | { fault: Fault } = await (await started(lanes)).run(slots.map(compact));
      if ("fault" in result) throw revive(result.fault);
      return result;
    },
    close: async () => {
      await Promise.all([...workers.values()].map(async (pool) => (await pool).destroy()));
      workers.clear();
    },
  };
}

/** A view into a large buffer would take the whole buffer along to the worker. */
function compact(slot: Slot): Slot {
  if ("fault" in slot || typeof slot.image === "string") return slot;
  const { image } = slot;
  const bytes = image instanceof Uint8Array ? image : image.data;
  if (bytes.byteLength === bytes.buffer.byteLength) return slot;
  const data = new Uint8Array(bytes);
  return { ...slot, image: image instanceof Uint8Array ? data : { ...image, data } };
}

/** Node loads no TypeScript in a worker: from the source tree all runs in this thread. */
const WORKERS = !import.meta.url.endsWith(".ts");

async function startWorkers(setup: WorkerSetup, count: number) {
  const { Piscina } = await import("piscina");
  return new Piscina({
    filename: new URL("./worker.js", import.meta.url).href,
    workerData: setup,
    minThreads: count,
    maxThreads: count,
    // A second batch decodes while the first is computed; waiting by Atomics would block the thread in between.
    concurrentTasksPerWorker: 2,
    atomics: "disabled",
  });
}

/** One a core; each worker holds the weights, XNNPACK's copy of them and activations. */
function defaultThreads({ info }: Lane): number {
  const weights = Object.values(info.shards).reduce((sum, shard) => sum + shard.bytes, 0);
  const each = 2 * weights + 128 * 2 ** 20;
  const free = Math.min(freemem(), memoryBytes() - process.memoryUsage.rss());
  return Math.max(1, Math.min(availableParallelism(), Math.floor(free / each)));
}

function positive(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return value;
  throw new TypeError(`${name} is ${value}, need a positive whole number.`);
}

/** Rejects with the signal's reason at once, though what runs in a worker cannot be stopped before its batch ends. */
function untilAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
