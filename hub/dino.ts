import type { ArchSpec, KeyRule, ModelSpec, RepresentationOf } from "../src/core/spec.ts";
import { resnet50, vit as timmVit } from "./architectures.ts";
import { blur, byolJitter, flip, gray, normalize, randomCrop, solarize } from "./augmentations.ts";
import { huggingFace } from "./hosts.ts";
import { HF_VIT } from "./layouts.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/**
 * DINO (Caron et al. 2021). The files hold the bare encoder. The hub loads its ResNet leniently, so a classifier in the
 * file would go unnoticed there.
 */
/** Of the global views. */
export const DINO = [randomCrop(0.25, "bicubic"), flip, byolJitter, gray(), blur(0.1), solarize, normalize(IMAGENET)];

const HOST = "https://dl.fbaipublicfiles.com/dino/";

/** DINO's own module resizes its position table by a rule of its own. */
const vit = (size: "S" | "B", patch: number): ArchSpec => ({ ...timmVit(size, patch), positionRule: "dino" });

interface File {
  path: string;
  arch: ArchSpec;
  rules: KeyRule[];
  /** The same weights in timm, whose keys are the same, and in transformers. */
  timm?: string;
  hf?: string;
}

const FILES = {
  resnet50: { path: "dino_resnet50_pretrain/dino_resnet50_pretrain.pth", arch: resnet50(), rules: [{ drop: /^fc\./ }] },
  vits16: {
    path: "dino_deitsmall16_pretrain/dino_deitsmall16_pretrain.pth",
    arch: vit("S", 16),
    rules: [],
    timm: "vit_small_patch16_224.dino",
    hf: "dino-vits16",
  },
  vits8: {
    path: "dino_deitsmall8_pretrain/dino_deitsmall8_pretrain.pth",
    arch: vit("S", 8),
    rules: [],
    timm: "vit_small_patch8_224.dino",
    hf: "dino-vits8",
  },
  vitb16: {
    path: "dino_vitbase16_pretrain/dino_vitbase16_pretrain.pth",
    arch: vit("B", 16),
    rules: [],
    timm: "vit_base_patch16_224.dino",
    hf: "dino-vitb16",
  },
  vitb8: {
    path: "dino_vitbase8_pretrain/dino_vitbase8_pretrain.pth",
    arch: vit("B", 8),
    rules: [],
    timm: "vit_base_patch8_224.dino",
    hf: "dino-vitb8",
  },
} satisfies Record<string, File>;

export default function dino(file: keyof typeof FILES, representation: RepresentationOf<"vit" | "resnet">): ModelSpec {
  const { path, arch, rules, timm, hf }: File = FILES[file];
  return {
    weights: {
      checkpoints: [
        { url: HOST + path, rules },
        ...(timm === undefined ? [] : [{ url: huggingFace(`timm/${timm}`), rules: [] }]),
        ...(hf === undefined ? [] : [{ url: huggingFace(`facebook/${hf}`, "pytorch_model.bin"), rules: HF_VIT }]),
      ],
    },
    arch,
    representation,
    preprocess: evalCrop(256, 224, "bicubic", IMAGENET),
    trainTransform: DINO,
  };
}
