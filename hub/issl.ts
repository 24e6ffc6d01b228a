import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50, resnet50Resized } from "./architectures.ts";
import { blur, flip, gray, normalize, randomCrop, simclrJitter } from "./augmentations.ts";
import { RESIZED } from "./layouts.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** DISSL (Dubois et al. 2022), from the Invariant-SSL repository. The files hold the bare encoder. */
/** Strong SimCLR augmentations on ImageNet; also of the ablations of the risk decomposition paper. */
export const SIMCLR_STRONG = [randomCrop(0.14), flip, simclrJitter, gray(), blur(0.5), normalize(IMAGENET)];

const HOST = "https://github.com/YannDubs/Invariant-Self-Supervised-Learning/releases/download/v1.0.0-alpha/";
const FILES = {
  dissl_dNone_e100_m2: { path: "dissl_resnet50_dNone_e100_m2.torch", arch: resnet50(), rules: [] },
  dissl_dNone_e400_m2: { path: "dissl_resnet50_dNone_e400_m2.torch", arch: resnet50(), rules: [] },
  dissl_dNone_e400_m6: { path: "dissl_resnet50_dNone_e400_m6.torch", arch: resnet50(), rules: [] },
  dissl_d8192_e100_m2: { path: "dissl_resnet50_d8192_e100_m2.torch", arch: resnet50Resized(8192)(), rules: RESIZED },
  dissl_d8192_e400_m6: { path: "dissl_resnet50_d8192_e400_m6.torch", arch: resnet50Resized(8192)(), rules: RESIZED },
  dissl_d8192_e800_m8: { path: "dissl_resnet50_d8192_e800_m8.torch", arch: resnet50Resized(8192)(), rules: RESIZED },
};

export default function issl(file: keyof typeof FILES): ModelSpec {
  const { path, arch, rules } = FILES[file];
  return {
    weights: { checkpoints: [{ url: HOST + path, rules }] },
    arch,
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bilinear", IMAGENET),
    trainTransform: SIMCLR_STRONG,
  };
}
