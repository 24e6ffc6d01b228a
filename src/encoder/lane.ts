import type { GraphModel } from "@tensorflow/tfjs-converter";
import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { ArtifactInfo } from "../core/artifact.ts";
import { HubError } from "../core/errors.ts";
import type { Engine } from "../engine/engine.ts";
import { type Prepared, prepareBatch, type Slot } from "./batch.ts";

/** One loaded model on one engine: the main thread has one, every worker has its own. */
export interface Lane {
  readonly engine: Engine;
  readonly graph: GraphModel;
  readonly info: ArtifactInfo;
}

/** Features of a batch: `[rows * zDim]`, rows of images that failed are absent. */
export interface BatchResult {
  features: Float32Array;
  rows: number;
  faults: Prepared["faults"];
}

/**
 * Images in, features out: how a batch is computed on one thread.
 * @param between called between the nodes of the forward pass, see {@link Engine.run}.
 */
export async function runBatch(
  lane: Lane,
  slots: readonly Slot[],
  signal?: AbortSignal,
  between?: () => void,
): Promise<BatchResult> {
  const prepared = await prepareBatch(slots, lane.info.preprocess, lane.info.image_size, signal);
  signal?.throwIfAborted();
  return encodePrepared(lane, prepared, between);
}

/** The forward pass of a batch that is decoded and transformed. */
export async function encodePrepared(
  lane: Lane,
  { data, rows, side, faults }: Prepared,
  between?: () => void,
): Promise<BatchResult> {
  const { engine } = lane;
  if (rows === 0) return { features: new Float32Array(0), rows, faults };
  const output = engine.run(() => forward(lane, engine.tf.tensor4d(data, [rows, side, side, 3])), between);
  try {
    return { features: (await output.data()) as Float32Array, rows, faults };
  } finally {
    output.dispose();
  }
}

/** `[n, H, W, 3]` -> `[n, zDim]`. Call it within `engine.run`. */
export function forward({ graph, info }: Lane, x: Tensor4D): Tensor2D {
  const output = graph.predict(x) as Tensor;
  if (output.rank !== 2 || output.shape[1] !== info.z_dim) {
    throw new HubError(
      "BUG",
      `${info.name} gave features [${output.shape}], its model.json says z_dim ${info.z_dim}. Please report it.`,
      { details: { name: info.name, shape: output.shape } },
    );
  }
  return output as Tensor2D;
}
