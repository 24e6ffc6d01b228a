import type { KeyRule, ModelSpec, RepresentationOf } from "../src/core/spec.ts";
import { openClipVit } from "./architectures.ts";
import { normalize, randomCrop } from "./augmentations.ts";
import { huggingFace } from "./hosts.ts";
import { CLIP, evalCrop, HALF } from "./transforms.ts";

/** OpenCLIP (Ilharco et al. 2021), trained on LAION-2B. ViT-L/14 alone takes images normalised to -1..1. */
const FILES = {
  "ViT-B-32": { repository: "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", arch: openClipVit("B", 32), values: CLIP },
  "ViT-L-14": { repository: "laion/CLIP-ViT-L-14-laion2B-s32B-b82K", arch: openClipVit("L", 14), values: HALF },
  "ViT-H-14": { repository: "laion/CLIP-ViT-H-14-laion2B-s32B-b79K", arch: openClipVit("H", 14), values: CLIP },
  // Upstream asks for ViT-G-14, a larger network that never had these weights: erratum E10.
  "ViT-g-14": { repository: "laion/CLIP-ViT-g-14-laion2B-s12B-b42K", arch: openClipVit("g", 14), values: CLIP },
};

/** The text tower is left behind. Files of the training script itself wrap all keys. */
const RULES: KeyRule[] = [{ take: ["visual.", "module.visual.", "state_dict.visual.", "state_dict.module.visual."] }];

export default function openclip(file: keyof typeof FILES, representation: RepresentationOf<"clip-vit">): ModelSpec {
  const { repository, arch, values } = FILES[file];
  return {
    weights: {
      checkpoints: ["open_clip_pytorch_model.bin", "open_clip_model.safetensors"].map((name) => ({
        url: huggingFace(repository, name),
        rules: RULES,
      })),
    },
    arch,
    representation,
    preprocess: evalCrop(224, 224, "bicubic", values),
    trainTransform: [randomCrop(0.9, "bicubic"), normalize(values)],
  };
}
