import type { ModelSpec, WeightSource } from "../src/core/spec.ts";
import { tinyResnet } from "./architectures.ts";
import { CIFAR, evalCrop } from "./transforms.ts";

/** The embedded encoders. The checkpoints they were converted from hold the bare encoder. */
const WEIGHTS: Record<"ssl" | "sup" | "init", WeightSource> = {
  ssl: { bundled: "tiny_ssl", rules: [] },
  sup: { bundled: "tiny_sup", rules: [] },
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
