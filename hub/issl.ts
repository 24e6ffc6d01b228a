import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50 } from "./architectures.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** DISSL (Dubois et al. 2022), from the Invariant-SSL repository. The files hold the bare encoder. */
const HOST = "https://github.com/YannDubs/Invariant-Self-Supervised-Learning/releases/download/v1.0.0-alpha/";
const FILES = {
  dissl_dNone_e100_m2: "dissl_resnet50_dNone_e100_m2.torch",
  dissl_dNone_e400_m2: "dissl_resnet50_dNone_e400_m2.torch",
  dissl_dNone_e400_m6: "dissl_resnet50_dNone_e400_m6.torch",
} as const;

export default function issl(file: keyof typeof FILES): ModelSpec {
  return {
    weights: { checkpoints: [{ url: HOST + FILES[file], rules: [] }] },
    arch: resnet50(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bilinear", IMAGENET),
  };
}
