import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50, resnet101 } from "./architectures.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

const ARCHITECTURES = { resnet50, resnet101 };

/** Random initialisation with PyTorch's distributions: the same numbers at every load. */
export default function initialized(arch: keyof typeof ARCHITECTURES): ModelSpec {
  return {
    weights: { seed: 0 },
    arch: ARCHITECTURES[arch](),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bilinear", IMAGENET),
  };
}
