import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50, resnet101, wideResnet50 } from "./architectures.ts";
import { SUPERVISED } from "./augmentations.ts";
import { huggingFace } from "./hosts.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/**
 * Supervised models of torchvision (IMAGENET1K_V1). File names end in the first digits of their SHA-256. timm serves the
 * same weights under the same keys.
 */
const HOST = "https://download.pytorch.org/models/";
const FILES = {
  resnet50: { path: "resnet50-0676ba61.pth", arch: resnet50 },
  resnet101: { path: "resnet101-63fe2227.pth", arch: resnet101 },
  wide_resnet50_2: { path: "wide_resnet50_2-95faca4d.pth", arch: wideResnet50 },
};

export default function torchvision(file: keyof typeof FILES): ModelSpec {
  const { path, arch } = FILES[file];
  const urls = [HOST + path, huggingFace(`timm/${file}.tv_in1k`)];
  return {
    weights: { checkpoints: urls.map((url) => ({ url, rules: [{ drop: /^fc\./ }] })) },
    arch: arch(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bilinear", IMAGENET),
    trainTransform: SUPERVISED,
  };
}
