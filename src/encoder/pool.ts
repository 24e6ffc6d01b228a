import type { HubError } from "../core/errors.ts";
import type { Job } from "../core/events.ts";
import { revive, type Slot } from "./batch.ts";
import type { Encoder } from "./encoder.ts";
import type { EncoderInput, FetchImage } from "./inputs.ts";
import type { BatchResult, Lane } from "./lane.ts";
import { openSlots } from "./slots.ts";

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
  /** Workers; 1 stays in this thread. Default: one a core. On wasm fewer when memory is short, also of those asked for. */
  threads?: number;
  /** "throw" (default): the first broken image ends it. "skip": it is reported in its batch. */
  onError?: "throw" | "skip";
}

export interface Plan {
  /** 1: none, all runs in this thread. */
  workers: number;
  ahead: number;
}

/** Where the batches of one encoder are computed. */
export interface EncoderPool {
  readonly lane: Lane;
  readonly fetchImage?: FetchImage;
  /** Workers that are worth starting, and batches to have under way. */
  plan(batchSize: number, threads?: number): Plan;
  run(slots: Slot[], workers: number, signal?: AbortSignal): Promise<BatchResult>;
  close(): Promise<void>;
}

const pools = new WeakMap<Encoder, EncoderPool>();

/** Makes an encoder known to {@link encodeBatches}. */
export function attachPool(encoder: Encoder, pool: EncoderPool): void {
  pools.set(encoder, pool);
}

/**
 * Encodes any number of images in order, with flat memory: a few batches are under way, so that the next ones
 * decode while this one is in the forward pass. The features are the same to the bit whatever `threads` is.
 * @throws HubError `IMAGE` of the first broken image, unless `onError` is "skip".
 */
export async function* encodeBatches(
  encoder: Encoder,
  items: Iterable<EncoderInput> | AsyncIterable<EncoderInput>,
  options: BatchOptions = {},
): AsyncGenerator<EncodedBatch, void, undefined> {
  const pool = pools.get(encoder);
  if (pool === undefined)
    throw new TypeError("encodeBatches: the encoder was not opened by this library, or is disposed.");
  const { signal } = options;
  const batchSize = positive("batchSize", options.batchSize) ?? (pool.lane.engine.device.startsWith("gpu") ? 64 : 8);
  const threads = positive("threads", options.threads);
  // One batch is not worth a worker's start.
  const { workers, ahead } = pool.plan(batchSize, Array.isArray(items) && items.length <= batchSize ? 1 : threads);
  const underWay: Promise<EncodedBatch>[] = [];
  const next = async () => finish(await untilAborted(underWay.shift()!, signal), options);
  let start = 0;
  for await (const images of chunks(items, batchSize)) {
    signal?.throwIfAborted();
    const batch = encodeOne(pool, images, start, workers, signal);
    batch.catch(() => {}); // awaited in its turn, or dropped when the caller stops
    underWay.push(batch);
    start += images.length;
    if (underWay.length >= ahead) yield await next();
  }
  while (underWay.length > 0) yield await next();
}

async function encodeOne(
  pool: EncoderPool,
  images: EncoderInput[],
  start: number,
  workers: number,
  signal?: AbortSignal,
): Promise<EncodedBatch> {
  const slots = await openSlots(images, start, pool.fetchImage, signal);
  const { features, rows, faults } = await pool.run(slots, workers, signal);
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

function positive(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return value;
  throw new TypeError(`${name} is ${value}, need a positive whole number.`);
}

/** Rejects with the signal's reason at once; a worker stops at the next node of its graph. */
function untilAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
