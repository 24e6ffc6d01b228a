import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50 } from "./architectures.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** VICRegL (Bardes et al. 2022). The files hold the bare encoder. */
const HOST = "https://dl.fbaipublicfiles.com/vicregl/";
const FILES = {
  resnet50_alpha09: "resnet50_alpha0.9.pth",
  resnet50_alpha075: "resnet50_alpha0.75.pth",
} as const;

export default function vicregl(file: keyof typeof FILES): ModelSpec {
  return {
    weights: { checkpoints: [{ url: HOST + FILES[file], rules: [] }] },
    arch: resnet50(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bicubic", IMAGENET),
  };
}
