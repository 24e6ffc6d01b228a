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

let lane: Promise<Lane> | undefined;

/** Entry of a worker that encodes: each has an engine and a model of its own, opened by its first batch. */
export default async function run(slots: Slot[]): Promise<BatchResult | { fault: Fault }> {
  try {
    lane ??= openLane(workerData as WorkerSetup);
    return await runBatch(await lane, slots);
  } catch (error) {
    return { fault: faultOf(error) };
  }
}

async function openLane(setup: WorkerSetup): Promise<Lane> {
  const started = await engine(setup.engine);
  return { engine: started, info: await readArtifact(setup.folder), graph: await started.loadGraph(setup.folder) };
}
