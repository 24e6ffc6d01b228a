import type { Augmentation, ModelSpec } from "../src/core/spec.ts";
import { resnet50 } from "./architectures.ts";
import { blur, flip, gray, normalize, randomCrop, simclrJitter } from "./augmentations.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** InfoMin (Tian et al. 2020), from the PyContrast repository. Dropbox gives the file itself only with `dl=1`. */
const HOST = "https://www.dropbox.com/sh/87d24jqsl6ra7t2/";
/** Without the jigsaw half of the recipe, as upstream. */
const AUGMENTATIONS: Augmentation[] = [
  randomCrop(0.08),
  flip,
  simclrJitter,
  blur(0.5),
  { op: "randAugment", numOps: 2, magnitude: 10, bins: 31 },
  gray(),
  normalize(IMAGENET),
];

const FILES = {
  infomin_200ep: "AACgeWc3nQ4P4zUh48KWqhxBa/InfoMin_200.pth?dl=1",
  infomin_800ep: "AAAzMTynP3Qc8mIE4XWkgILUa/InfoMin_800.pth?dl=1",
} as const;

export default function pycontrast(file: keyof typeof FILES): ModelSpec {
  const rules = [{ take: "model.module.encoder." }, { drop: /^fc\./ }];
  return {
    weights: { checkpoints: [{ url: HOST + FILES[file], rules }] },
    arch: resnet50(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bilinear", IMAGENET),
    trainTransform: AUGMENTATIONS,
  };
}
