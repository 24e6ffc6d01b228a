import type { KeyRule, ModelSpec, Representation } from "../src/core/spec.ts";
import { resnet50, resnet50Resized, resnet50w2, resnet101, vit } from "./architectures.ts";
import { UNTRAINED } from "./augmentations.ts";
import { augreg, RESIZED } from "./layouts.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

const ARCHITECTURES = {
  resnet50: resnet50(),
  resnet101: resnet101(),
  resnet50w2: resnet50w2(),
  resnet50_d512: resnet50Resized(512)(),
  resnet50_d1024: resnet50Resized(1024)(),
  resnet50_d4096: resnet50Resized(4096)(),
  resnet50_d8192: resnet50Resized(8192)(),
  vits16: vit("S", 16),
  vitb32: vit("B", 32),
  vitb16: vit("B", 16),
  vitb8: vit("B", 8),
  vitl16: vit("L", 16),
};

/** How a file of the network may name its keys, should a caller have one. */
function layoutsOf(arch: keyof typeof ARCHITECTURES): KeyRule[][] {
  const { kind, ...sizes } = ARCHITECTURES[arch];
  if (kind === "vit") return [[], augreg((sizes as { width: number }).width)];
  return [arch.startsWith("resnet50_d") ? RESIZED : []];
}

/**
 * Random initialisation with PyTorch's and timm's distributions: the same numbers at every load. The ViTs are random
 * too, as their names say; upstream's are supervised weights (erratum E06).
 */
export default function initialized(
  arch: keyof typeof ARCHITECTURES,
  representation: Representation = "avgpool",
): ModelSpec {
  return {
    weights: { seed: 0, layouts: layoutsOf(arch) },
    arch: ARCHITECTURES[arch],
    representation,
    preprocess: evalCrop(256, 224, "bilinear", IMAGENET),
    trainTransform: UNTRAINED,
  };
}
