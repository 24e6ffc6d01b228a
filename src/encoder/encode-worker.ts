import { workerData } from "node:worker_threads";
import { readArtifact } from "../core/artifact.ts";
import { type EngineName, engine } from "../engine/engine.ts";
import { type Fault, faultOf, type Slot } from "./batch.ts";
import { type BatchResult, type Lane, runBatch } from "./lane.ts";

/** What the pool gives each worker at its start. */
export interface WorkerSetup {
  folder: string;
  engine: EngineName;
}

/** A batch for a worker. */
export interface EncodeTask {
  slots: Slot[];
  /** Shared between the threads; its first number is not 0 once the batch is not wanted any more. */
  stop?: Int32Array;
}

const POLL_MS = 20;

let lane: Promise<Lane> | undefined;

/**
 * Entry of a worker that encodes: each has an engine and a model of its own, opened by its first batch.
 * @throws Error when the batch was stopped.
 */
export default async function run({ slots, stop }: EncodeTask): Promise<BatchResult | { fault: Fault }> {
  const controller = new AbortController();
  const check = () => {
    if (stop !== undefined && Atomics.load(stop, 0) !== 0) controller.abort(new Error("stopped"));
  };
  const between = () => {
    check();
    controller.signal.throwIfAborted();
  };
  // No event comes through during a forward pass, so the flag is looked at: by time while decoding, then between nodes.
  const timer = stop && setInterval(check, POLL_MS);
  try {
    between();
    lane ??= openLane(workerData as WorkerSetup);
    return await runBatch(await lane, slots, controller.signal, between);
  } catch (error) {
    return { fault: faultOf(error) };
  } finally {
    clearInterval(timer);
  }
}

async function openLane(setup: WorkerSetup): Promise<Lane> {
  const started = await engine(setup.engine);
  return { engine: started, info: await readArtifact(setup.folder), graph: await started.loadGraph(setup.folder) };
}
