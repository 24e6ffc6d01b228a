import type { KeyRule, ModelSpec, RepresentationOf } from "../src/core/spec.ts";
import { vit } from "./architectures.ts";
import { blur, flip, gray, normalize, randomCrop, simclrJitter } from "./augmentations.ts";
import { huggingFace } from "./hosts.ts";
import { HF_VIT } from "./layouts.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** MSN (Assran et al. 2022): the target encoders, whose projection head is `fc`. */
const HOST = "https://dl.fbaipublicfiles.com/msn/";
const FILES = {
  vits16_800ep: { arch: vit("S", 16), hf: "vit-msn-small" },
  vitb16_600ep: { arch: vit("B", 16), hf: "vit-msn-base" },
  vitb4_300ep: { arch: vit("B", 4), hf: "vit-msn-base-4" },
  vitl16_600ep: { arch: vit("L", 16), hf: "vit-msn-large" },
  vitl7_200ep: { arch: vit("L", 7), hf: "vit-msn-large-7" },
};

const RULES: KeyRule[] = [{ take: ["target_encoder.module.", "target_encoder."] }, { drop: /^fc\./ }];

export default function msn(file: keyof typeof FILES, representation: RepresentationOf<"vit">): ModelSpec {
  const { arch, hf } = FILES[file];
  return {
    weights: {
      checkpoints: [
        { url: `${HOST}${file}.pth.tar`, rules: RULES },
        { url: huggingFace(`facebook/${hf}`, "pytorch_model.bin"), rules: HF_VIT },
      ],
    },
    arch,
    representation,
    preprocess: evalCrop(256, 224, "bilinear", IMAGENET),
    trainTransform: [randomCrop(0.3), flip, simclrJitter, gray(), blur(0.5), normalize(IMAGENET)],
  };
}
