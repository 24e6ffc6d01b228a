import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50, resnet101 } from "./architectures.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** Supervised models of torchvision (IMAGENET1K_V1). File names end in the first digits of their SHA-256. */
const HOST = "https://download.pytorch.org/models/";
const FILES = {
  resnet50: { path: "resnet50-0676ba61.pth", arch: resnet50 },
  resnet101: { path: "resnet101-63fe2227.pth", arch: resnet101 },
};

export default function torchvision(file: keyof typeof FILES): ModelSpec {
  const { path, arch } = FILES[file];
  return {
    weights: { checkpoints: [{ url: HOST + path, rules: [{ drop: /^fc\./ }] }] },
    arch: arch(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bilinear", IMAGENET),
  };
}
