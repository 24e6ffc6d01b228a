import type { KeyRule, ModelSpec, WeightSource } from "../src/core/spec.ts";
import { tinyResnet } from "./architectures.ts";
import { flip, gray, jitter, mocoJitter, normalize, randomCrop, sometimes, UNTRAINED } from "./augmentations.ts";
import { CIFAR, evalCrop } from "./transforms.ts";

/** The checkpoints of scripts/tiny/train.py: the encoder beside the head that its objective needs. */
const RULES: KeyRule[] = [{ take: "state_dict.module.encoder." }];

/** The embedded encoders. */
const WEIGHTS: Record<"ssl" | "sup" | "init", WeightSource> = {
  ssl: { bundled: "tiny_ssl", rules: RULES },
  sup: { bundled: "tiny_sup", rules: RULES },
  init: { seed: 0 },
};

/** As scripts/tiny/train.py augments, there whole batches at a time by one resampling and one matrix of colours. */
const TRAIN_TRANSFORMS: Record<keyof typeof WEIGHTS, ModelSpec["trainTransform"]> = {
  ssl: [randomCrop(0.2, "bilinear", 32), flip, mocoJitter, gray(), normalize(CIFAR)],
  sup: [randomCrop(0.5, "bilinear", 32), flip, sometimes(0.8, jitter(0.16, 0.16, 0.16, 0.04)), normalize(CIFAR)],
  init: UNTRAINED,
};

export default function tiny(kind: keyof typeof WEIGHTS): ModelSpec {
  return {
    weights: WEIGHTS[kind],
    arch: tinyResnet(),
    representation: "avgpool",
    preprocess: evalCrop(32, 32, "bilinear", CIFAR),
    trainTransform: TRAIN_TRANSFORMS[kind],
  };
}
