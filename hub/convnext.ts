import type { ModelSpec } from "../src/core/spec.ts";
import { convnext as arch } from "./architectures.ts";
import { SUPERVISED } from "./augmentations.ts";
import { huggingFace } from "./hosts.ts";
import { TIMM_CONVNEXT } from "./layouts.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** Supervised ConvNeXts (Liu et al. 2022), averaged weights; timm serves them under keys of its own. */
const HOST = "https://dl.fbaipublicfiles.com/convnext/";
const FILES = {
  small: { arch: arch("S"), timm: "convnext_small.fb_in1k" },
  base: { arch: arch("B"), timm: "convnext_base.fb_in1k" },
};

export default function convnext(file: keyof typeof FILES): ModelSpec {
  const { arch, timm } = FILES[file];
  return {
    weights: {
      checkpoints: [
        { url: `${HOST}convnext_${file}_1k_224_ema.pth`, rules: [{ take: "model." }, { drop: /^head\./ }] },
        { url: huggingFace(`timm/${timm}`), rules: TIMM_CONVNEXT },
      ],
    },
    arch,
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bicubic", IMAGENET),
    trainTransform: SUPERVISED,
  };
}
