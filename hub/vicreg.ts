import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50, resnet50w2 } from "./architectures.ts";
import { blur, byolJitter, flip, gray, normalize, randomCrop, solarize } from "./augmentations.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** VICReg (Bardes et al. 2022). The files hold the bare encoder. */
const HOST = "https://dl.fbaipublicfiles.com/vicreg/";
const FILES = {
  resnet50: { path: "resnet50.pth", arch: resnet50 },
  resnet50x2: { path: "resnet50x2.pth", arch: resnet50w2 },
};

export default function vicreg(file: keyof typeof FILES): ModelSpec {
  const { path, arch } = FILES[file];
  return {
    weights: { checkpoints: [{ url: HOST + path, rules: [] }] },
    arch: arch(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bicubic", IMAGENET),
    trainTransform: [randomCrop(0.14, "bicubic"), flip, byolJitter, gray(), blur(0.1), solarize, normalize(IMAGENET)],
  };
}
