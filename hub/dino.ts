import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50 } from "./architectures.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** DINO (Caron et al. 2021). The hub loads its ResNet leniently, so a classifier in the file would go unnoticed there. */
const HOST = "https://dl.fbaipublicfiles.com/dino/";
const FILES = {
  resnet50: "dino_resnet50_pretrain/dino_resnet50_pretrain.pth",
} as const;

export default function dino(file: keyof typeof FILES): ModelSpec {
  return {
    weights: { checkpoints: [{ url: HOST + FILES[file], rules: [{ drop: /^fc\./ }] }] },
    arch: resnet50(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bicubic", IMAGENET),
  };
}
