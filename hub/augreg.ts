import type { ModelSpec, RepresentationOf } from "../src/core/spec.ts";
import { vit } from "./architectures.ts";
import { SUPERVISED } from "./augmentations.ts";
import { huggingFace } from "./hosts.ts";
import { augreg as layout } from "./layouts.ts";
import { evalCrop, HALF } from "./transforms.ts";

/**
 * Supervised ViTs of "How to train your ViT?" (Steiner et al. 2021): ImageNet-21k, then ImageNet-1k. timm loads the
 * same archives, and serves them with its own keys.
 */
const HOST = "https://storage.googleapis.com/vit_models/augreg/";
const FILES = {
  vits16: {
    path: "S_16-i21k-300ep-lr_0.001-aug_light1-wd_0.03-do_0.0-sd_0.0--imagenet2012-steps_20k-lr_0.03-res_224.npz",
    arch: vit("S", 16),
    timm: "vit_small_patch16_224",
  },
  vitb32: {
    path: "B_32-i21k-300ep-lr_0.001-aug_medium1-wd_0.03-do_0.0-sd_0.0--imagenet2012-steps_20k-lr_0.03-res_224.npz",
    arch: vit("B", 32),
    timm: "vit_base_patch32_224",
  },
  vitb16: {
    path: "B_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.0-sd_0.0--imagenet2012-steps_20k-lr_0.01-res_224.npz",
    arch: vit("B", 16),
    timm: "vit_base_patch16_224",
  },
  vitb8: {
    path: "B_8-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.0-sd_0.0--imagenet2012-steps_20k-lr_0.01-res_224.npz",
    arch: vit("B", 8),
    timm: "vit_base_patch8_224",
  },
  vitl16: {
    path: "L_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.1-sd_0.1--imagenet2012-steps_20k-lr_0.01-res_224.npz",
    arch: vit("L", 16),
    timm: "vit_large_patch16_224",
  },
};

export default function augreg(file: keyof typeof FILES, representation: RepresentationOf<"vit">): ModelSpec {
  const { path, arch, timm } = FILES[file];
  return {
    weights: {
      checkpoints: [
        { url: HOST + path, rules: layout(arch.width) },
        { url: huggingFace(`timm/${timm}.augreg_in21k_ft_in1k`), rules: [{ drop: /^head\./ }] },
      ],
    },
    arch,
    representation,
    preprocess: evalCrop(248, 224, "bicubic", HALF),
    trainTransform: SUPERVISED,
  };
}
