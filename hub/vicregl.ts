import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50, vicreglConvnext } from "./architectures.ts";
import { blur, byolJitter, flip, gray, normalize, randomCrop, solarize } from "./augmentations.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** VICRegL (Bardes et al. 2022). The files hold the bare encoder. */
const HOST = "https://dl.fbaipublicfiles.com/vicregl/";
const FILES = {
  resnet50_alpha09: { path: "resnet50_alpha0.9.pth", arch: resnet50() },
  resnet50_alpha075: { path: "resnet50_alpha0.75.pth", arch: resnet50() },
  convnext_small_alpha09: { path: "convnext_small_alpha0.9.pth", arch: vicreglConvnext("S") },
  convnext_small_alpha075: { path: "convnext_small_alpha0.75.pth", arch: vicreglConvnext("S") },
  convnext_base_alpha09: { path: "convnext_base_alpha0.9.pth", arch: vicreglConvnext("B") },
  convnext_base_alpha075: { path: "convnext_base_alpha0.75.pth", arch: vicreglConvnext("B") },
  convnext_xlarge_alpha075: { path: "convnext_xlarge_alpha0.75.pth", arch: vicreglConvnext("XL") },
};

export default function vicregl(file: keyof typeof FILES): ModelSpec {
  const { path, arch } = FILES[file];
  return {
    weights: { checkpoints: [{ url: HOST + path, rules: [] }] },
    arch,
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bicubic", IMAGENET),
    trainTransform: [flip, randomCrop(0.4, "bicubic"), byolJitter, gray(), blur(0.1), solarize, normalize(IMAGENET)],
  };
}
