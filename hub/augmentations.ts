import type { Augmentation, Interpolation, Range } from "../src/core/spec.ts";
import type { Normalisation } from "./transforms.ts";

/**
 * Words for the training pipelines, so that a family file reads as its paper's table does. Pipelines are the ones
 * upstream builds; several leave out parts of the original recipe (multi-crop, masks, jigsaw and text views).
 */

const ASPECT: Range = [3 / 4, 4 / 3];

/** RandomResizedCrop: a share of the area from `least` to 1. */
export const randomCrop = (least: number, interpolation: Interpolation = "bilinear", size = 224): Augmentation => ({
  op: "randomResizedCrop",
  size,
  scale: [least, 1],
  ratio: ASPECT,
  interpolation,
});

export const flip: Augmentation = { op: "randomHorizontalFlip", p: 0.5 };

const around = (strength: number): Range => [Math.max(0, 1 - strength), 1 + strength];

/** ColorJitter of these strengths, always. */
export const jitter = (brightness: number, contrast: number, saturation: number, hue: number): Augmentation => ({
  op: "colorJitter",
  brightness: around(brightness),
  contrast: around(contrast),
  saturation: around(saturation),
  ...(hue === 0 ? {} : { hue: [-hue, hue] as Range }),
});

export const sometimes = (p: number, ...transforms: Augmentation[]): Augmentation => ({
  op: "randomApply",
  p,
  transforms,
});

/** BYOL's colours, which DINO, VICReg and MoCo v3 take over. */
export const byolJitter = sometimes(0.8, jitter(0.4, 0.4, 0.2, 0.1));
/** MoCo v2's. */
export const mocoJitter = sometimes(0.8, jitter(0.4, 0.4, 0.4, 0.1));
/** SimCLR's, strength 1. */
export const simclrJitter = sometimes(0.8, jitter(0.8, 0.8, 0.8, 0.2));

export const gray = (p = 0.2): Augmentation => ({ op: "randomGrayscale", p });
export const blur = (p: number) => sometimes(p, { op: "gaussianBlur", radius: [0.1, 2] });
export const solarize = sometimes(0.2, { op: "solarize", threshold: 128 });
export const rotate: Augmentation = { op: "randomRotation", degrees: [-2, 2] };

/** Shorter side to `size`. */
export const resize = (size: number): Augmentation => ({ op: "resize", size, interpolation: "bilinear" });

export const normalize = ({ mean, std }: Normalisation): Augmentation => ({ op: "normalize", mean, std });

export const UNTRAINED = { none: "it is not trained" };
/** Erratum E14: upstream takes no `is_train_transform` for supervised models. */
export const SUPERVISED = { none: "it was trained with labels, and upstream defines no augmentations for it" };
