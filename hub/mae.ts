import type { ModelSpec } from "../src/core/spec.ts";
import { vit } from "./architectures.ts";
import { flip, normalize, randomCrop } from "./augmentations.ts";
import { huggingFace } from "./hosts.ts";
import { HF_VIT } from "./layouts.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** MAE (He et al. 2022): encoders without decoder. The authors publish the first digits of each file's MD5. */
const HOST = "https://dl.fbaipublicfiles.com/mae/pretrain/";
const FILES = {
  base: { md5: "8cad7c", arch: vit("B", 16), timm: "vit_base_patch16_224.mae" },
  large: { md5: "b8b06e", arch: vit("L", 16), timm: "vit_large_patch16_224.mae" },
  huge: { md5: "9bdbb0", arch: vit("H", 14), timm: "vit_huge_patch14_224.mae" },
};

export default function mae(file: keyof typeof FILES): ModelSpec {
  const { md5, arch, timm } = FILES[file];
  return {
    weights: {
      checkpoints: [
        { url: `${HOST}mae_pretrain_vit_${file}.pth`, rules: [{ take: "model." }], md5 },
        { url: huggingFace(`timm/${timm}`), rules: [] },
        { url: huggingFace(`facebook/vit-mae-${file}`, "pytorch_model.bin"), rules: HF_VIT },
      ],
    },
    arch,
    representation: "cls",
    preprocess: evalCrop(256, 224, "bicubic", IMAGENET),
    trainTransform: [randomCrop(0.2, "bicubic"), flip, normalize(IMAGENET)],
  };
}
