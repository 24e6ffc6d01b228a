import { availableParallelism, freemem } from "node:os";
import { memoryBytes } from "../engine/memory.ts";
import { type Fault, type Prepared, revive, type Slot } from "./batch.ts";
import type { DecoderSetup } from "./decode-worker.ts";
import type { EncodeTask, WorkerSetup } from "./encode-worker.ts";
import type { FetchImage } from "./inputs.ts";
import { type BatchResult, encodePrepared, type Lane, runBatch } from "./lane.ts";
import type { EncoderPool, Plan } from "./pool.ts";

/** Node loads no TypeScript in a worker: from the source tree all runs in this thread. */
const WORKERS = !import.meta.url.endsWith(".ts");

/** Workers that only decode feed one engine; more than this it does not eat. */
const MOST_DECODERS = 32;

type Pool = Awaited<ReturnType<typeof startWorkers>>;

/**
 * The pool of one encoder. The wasm engine has one thread: batches go to workers with an engine and a model of their
 * own, two each, so that one decodes while the other is computed. The other engines have threads or a GPU of their own
 * and stay here: workers share the decoding of each batch, and the engine computes the batch before.
 */
export function makePool(folder: string, lane: Lane, o: { threads?: number; fetchImage?: FetchImage }): EncoderPool {
  const { info, engine } = lane;
  const encoders = engine.name === "wasm";
  const [file, setup] = encoders
    ? ["encode-worker", { folder, engine: engine.name } satisfies WorkerSetup]
    : ["decode-worker", { steps: info.preprocess, side: info.image_size } satisfies DecoderSetup];
  const pools = new Map<number, Promise<Pool>>();
  const started = (count: number): Promise<Pool> => {
    const found = pools.get(count) ?? startWorkers(file!, setup, count);
    pools.set(count, found);
    return found;
  };
  return {
    lane,
    fetchImage: o.fetchImage,
    plan(batchSize, threads = o.threads): Plan {
      if (!WORKERS) return { workers: 1, ahead: encoders ? 2 : 3 };
      if (!encoders) return { workers: threads ?? defaultDecoders(), ahead: 3 };
      const workers = Math.min(threads ?? availableParallelism(), fittingEncoders(lane, batchSize));
      return { workers, ahead: 2 * workers };
    },
    async run(slots, workers, signal) {
      if (workers === 1) return runBatch(lane, slots, signal);
      const pool = await started(workers);
      if (encoders) {
        const task = { slots: slots.map(compact) };
        return revived<BatchResult>(
          await stoppable(signal, (stop) => pool.run({ ...task, stop } satisfies EncodeTask)),
        );
      }
      const parts = split(slots.map(compact), workers);
      const prepared = await Promise.all(parts.map(async (part) => revived<Prepared>(await pool.run(part))));
      signal?.throwIfAborted();
      return encodePrepared(lane, joined(prepared, parts));
    },
    async close() {
      await Promise.all([...pools.values()].map(async (pool) => (await pool).destroy()));
      pools.clear();
    },
  };
}

/** Runs `work` with a flag that is raised when the signal fires; undefined without a signal. */
async function stoppable<T>(signal: AbortSignal | undefined, work: (stop?: Int32Array) => Promise<T>): Promise<T> {
  if (signal === undefined) return work();
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const raise = () => void Atomics.store(stop, 0, 1);
  if (signal.aborted) raise();
  signal.addEventListener("abort", raise, { once: true });
  try {
    return await work(stop);
  } finally {
    signal.removeEventListener("abort", raise);
  }
}

/** At most `count` runs of neighbours, as equal as can be. */
function split<T>(items: readonly T[], count: number): T[][] {
  const size = Math.ceil(items.length / count);
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

function joined(prepared: readonly Prepared[], parts: readonly (readonly Slot[])[]): Prepared {
  const data = new Float32Array(prepared.reduce((sum, part) => sum + part.data.length, 0));
  const faults: Prepared["faults"] = [];
  let [offset, start] = [0, 0];
  for (const [i, part] of prepared.entries()) {
    data.set(part.data, offset);
    offset += part.data.length;
    for (const { index, fault } of part.faults) faults.push({ index: start + index, fault });
    start += parts[i]!.length;
  }
  return { data, rows: prepared.reduce((sum, part) => sum + part.rows, 0), side: prepared[0]!.side, faults };
}

function revived<T extends object>(result: T | { fault: Fault }): T {
  if ("fault" in result) throw revive(result.fault);
  return result;
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

async function startWorkers(file: string, workerData: WorkerSetup | DecoderSetup, count: number) {
  const { Piscina } = await import("piscina");
  return new Piscina({
    filename: new URL(`./${file}.js`, import.meta.url).href,
    workerData,
    minThreads: count,
    maxThreads: count,
    // A second batch decodes while the first is computed; waiting by Atomics would block the thread in between.
    concurrentTasksPerWorker: 2,
    atomics: "disabled",
  });
}

/** Workers that memory has room for, at least one; the features do not depend on their number. */
function fittingEncoders(lane: Lane, batchSize: number): number {
  const free = Math.min(freemem(), memoryBytes() - process.memoryUsage.rss());
  return Math.max(1, Math.floor(free / encoderBytes(lane, batchSize)));
}

/** A thread with TF.js, and a batch's activations at their largest in terms of the input's bytes: measured, see docs/engines.md. */
const THREAD_BYTES = 96 * 2 ** 20;
const ACTIVATIONS_PER_INPUT = 16;

/** What one worker takes. TF.js's memory cannot be shared between threads: each holds the weights, as often as the engine does. */
export function encoderBytes({ info, engine }: Pick<Lane, "info" | "engine">, batchSize: number): number {
  const stored = Object.values(info.shards).reduce((sum, shard) => sum + shard.bytes, 0);
  const weights = info.dtype === "float16" ? 2 * stored : stored;
  const input = 4 * 3 * info.image_size ** 2;
  return engine.weightCopies * weights + THREAD_BYTES + batchSize * ACTIVATIONS_PER_INPUT * input;
}

function defaultDecoders(): number {
  return Math.min(availableParallelism(), MOST_DECODERS);
}
