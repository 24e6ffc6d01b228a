import type { Tensor4D } from "@tensorflow/tfjs-core";
import type { Job } from "../core/events.ts";
import type { Rng } from "../core/rng.ts";
import type { Augmentation, Transform } from "../core/spec.ts";
import { type EngineName, engine } from "../engine/engine.ts";
import { prepareBatch, prepareImage, revive } from "./batch.ts";
import { type FetchImage, type ImageInput, localImage } from "./inputs.ts";
import { openSlots } from "./slots.ts";

export type { EncoderInput, FetchImage, ImageInput, RawImage, View, ViewInput } from "./inputs.ts";

export interface PreprocessOptions extends Job {
  /** What a broken image does. "throw" (default): the call fails, naming it. "skip": its row is absent, `onProgress` hears of it. */
  onError?: "throw" | "skip";
}

/** A model's evaluation pipeline: decode, resize, crop, normalise; bit-exact with PIL and torchvision. */
export interface Preprocess {
  /**
   * Gives `[n, H, W, 3]` float32, ready for `predict`; the tensor belongs to the caller.
   * @throws HubError `IMAGE` naming the image that does not decode.
   */
  (image: ImageInput | ImageInput[], options?: PreprocessOptions): Promise<Tensor4D>;
  readonly steps: readonly Transform[];
  /** The same for one image as `[H * W * 3]`, channels last. Loads no TF.js. */
  array(image: ImageInput, job?: Job): Promise<Float32Array>;
}

export interface MakePreprocessOptions {
  /** Engine the tensors are made for, as in {@link engine}; started when the first tensor is asked for. */
  engine?: EngineName | "auto";
  /** Gets the images behind http(s) URLs; without it they are errors. */
  fetchImage?: FetchImage;
}

/** Makes the pipeline of `steps`. Nothing is loaded before the first image. */
export function makePreprocess(steps: readonly Transform[], options: MakePreprocessOptions = {}): Preprocess {
  const { fetchImage } = options;
  const tensor = (input: ImageInput | ImageInput[], job?: PreprocessOptions) => toTensor(input, steps, options, job);
  const array = async (input: ImageInput, { signal }: Job = {}): Promise<Float32Array> => {
    const image = await localImage(input, 0, fetchImage, signal);
    return (await prepareImage(image, steps, signal)).data;
  };
  return Object.assign(tensor, { steps, array });
}

/** Images through a pipeline as one tensor. `random` is what the augmentations of each image draw from. */
export async function toTensor(
  input: ImageInput | ImageInput[],
  steps: readonly Augmentation[],
  options: MakePreprocessOptions,
  { signal, onError = "throw", onProgress }: PreprocessOptions = {},
  random?: (index: number) => Rng,
): Promise<Tensor4D> {
  const { run, tf } = await engine(options.engine);
  const slots = await openSlots(Array.isArray(input) ? input : [input], 0, options.fetchImage, signal);
  const { data, rows, side, faults } = await prepareBatch(slots, steps, undefined, signal, random);
  if (faults.length > 0 && onError === "throw") throw revive(faults[0]!.fault);
  for (const { fault } of faults) onProgress?.({ stage: "warning", code: "IMAGE", message: fault.message });
  return run(() => tf.tensor4d(data, [rows, side, side, 3]));
}
