import { workerData } from "node:worker_threads";
import type { Transform } from "../core/spec.ts";
import { type Fault, faultOf, type Prepared, prepareBatch, type Slot } from "./batch.ts";

/** What the pool gives each worker at its start. */
export interface DecoderSetup {
  steps: readonly Transform[];
  /** Side of every prepared image in pixels. */
  side: number;
}

/** Entry of a worker that decodes and transforms, for an engine that computes elsewhere. */
export default async function run(slots: Slot[]): Promise<Prepared | { fault: Fault }> {
  const { steps, side } = workerData as DecoderSetup;
  try {
    return await moved(await prepareBatch(slots, steps, side));
  } catch (error) {
    return { fault: faultOf(error) };
  }
}

/** The pixels change hands without a copy; the other side gets the plain object. */
async function moved(prepared: Prepared): Promise<Prepared> {
  const { move, transferableSymbol, valueSymbol } = await import("piscina");
  const message = { [transferableSymbol]: prepared.data.buffer, [valueSymbol]: prepared };
  return move(message as unknown as ArrayBuffer) as unknown as Prepared; // the symbols' types are lost on import()
}
