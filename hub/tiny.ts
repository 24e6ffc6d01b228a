import type { KeyRule, ModelSpec, WeightSource } from "../src/core/spec.ts";
import { tinyResnet } from "./architectures.ts";
import { CIFAR, evalCrop } from "./transforms.ts";

/** The checkpoints of scripts/tiny/train.py: the encoder beside the head that its objective needs. */
const RULES: KeyRule[] = [{ take: "state_dict.module.encoder." }];

/** The embedded encoders. */
const WEIGHTS: Record<"ssl" | "sup" | "init", WeightSource> = {
  ssl: { bundled: "tiny_ssl", rules: RULES },
  sup: { bundled: "tiny_sup", rules: RULES },
  init: { seed: 0 },
};

export default function tiny(kind: keyof typeof WEIGHTS): ModelSpec {
  return {
    weights: WEIGHTS[kind],
    arch: tinyResnet(),
    representation: "avgpool",
    preprocess: evalCrop(32, 32, "bilinear", CIFAR),
  };
}
