import type { Interpolation, RGB, Transform } from "../src/core/spec.ts";

/** Mean and standard deviation of each channel, of pixels scaled to 0..1. */
export interface Normalisation {
  mean: RGB;
  std: RGB;
}

export const IMAGENET: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
/** SwAV's code divides red by 0.228 where all others use 0.229. */
export const SWAV: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.228, 0.224, 0.225] };
export const CLIP: Normalisation = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};
/** To the range of -1 to 1, as Google's and Microsoft's transformers take images. */
export const HALF: Normalisation = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
export const CIFAR: Normalisation = { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] };

/** The evaluation pipeline of all of these models: shorter side to `resize`, centre crop, normalise. */
export function evalCrop(
  resize: number,
  crop: number,
  interpolation: Interpolation,
  { mean, std }: Normalisation,
): Transform[] {
  return [
    { op: "resize", size: resize, interpolation },
    { op: "centerCrop", size: crop },
    { op: "normalize", mean, std },
  ];
}
