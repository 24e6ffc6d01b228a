import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50 } from "./architectures.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** VICReg (Bardes et al. 2022). The files hold the bare encoder. */
const HOST = "https://dl.fbaipublicfiles.com/vicreg/";
const FILES = {
  resnet50: "resnet50.pth",
} as const;

export default function vicreg(file: keyof typeof FILES): ModelSpec {
  return {
    weights: { checkpoints: [{ url: HOST + FILES[file], rules: [] }] },
    arch: resnet50(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bicubic", IMAGENET),
  };
}
