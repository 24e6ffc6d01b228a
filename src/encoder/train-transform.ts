import type { Tensor4D } from "@tensorflow/tfjs-core";
import type { Job } from "../core/events.ts";
import { rng } from "../core/rng.ts";
import type { Augmentation } from "../core/spec.ts";
import type { Pixels } from "../images/pixels.ts";
import { prepareImage } from "./batch.ts";
import { type ImageInput, localImage } from "./inputs.ts";
import { type MakePreprocessOptions, type PreprocessOptions, toTensor } from "./preprocess.ts";

export interface Seeded {
  /**
   * What the random choices follow from: the same seed and image give the same bytes on every machine. Default: the
   * number of calls made before without a seed, so that no two of them are alike and a program repeats itself.
   */
  seed?: number;
}

/** A model's training pipeline: decode, augment, normalise. Each operation equals PIL's and torchvision's to the byte. */
export interface TrainTransform {
  /**
   * Gives `[n, H, W, 3]` float32; the tensor belongs to the caller. Every image of a call is augmented on its own: the
   * same image twice gives two views.
   * @throws HubError `IMAGE` naming the image that does not decode.
   */
  (image: ImageInput | ImageInput[], options?: Seeded & PreprocessOptions): Promise<Tensor4D>;
  readonly steps: readonly Augmentation[];
  /** The same for one image as `[H * W * 3]`, channels last. Loads no TF.js. */
  array(image: ImageInput, options?: Seeded & Job): Promise<Float32Array>;
  /** The view before it is normalised, to be looked at. */
  pixels(image: ImageInput, options?: Seeded & Job): Promise<Pixels>;
}

/** Makes the pipeline of `steps`. Nothing is loaded before the first image. */
export function makeTrainTransform(
  steps: readonly Augmentation[],
  options: MakePreprocessOptions = {},
): TrainTransform {
  const { fetchImage } = options;
  let calls = 0;
  /** One generator an image: neither its neighbours nor the order of decoding change what it becomes. */
  const generators = ({ seed = calls++ }: Seeded) => {
    if (!Number.isSafeInteger(seed)) throw new TypeError(`trainTransform: the seed is ${seed}, need a whole number`);
    return (index: number) => rng(seed, `augment/${index}`);
  };
  const tensor = async (input: ImageInput | ImageInput[], job: Seeded & PreprocessOptions = {}): Promise<Tensor4D> =>
    toTensor(input, steps, options, job, generators(job));
  const array = async (input: ImageInput, job: Seeded & Job = {}): Promise<Float32Array> => {
    const random = generators(job)(0);
    const image = await localImage(input, 0, fetchImage, job.signal);
    return (await prepareImage(image, steps, job.signal, random)).data;
  };
  const pixels = async (input: ImageInput, job: Seeded & Job = {}): Promise<Pixels> => {
    const random = generators(job)(0);
    const { image, name } = await localImage(input, 0, fetchImage, job.signal);
    const { decode } = await import("../images/decode.ts");
    const { transformPixels } = await import("../images/transforms.ts");
    return transformPixels(await decode(image, { name, signal: job.signal }), steps.slice(0, -1), random);
  };
  return Object.assign(tensor, { steps, array, pixels });
}
