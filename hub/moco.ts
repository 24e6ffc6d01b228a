import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50 } from "./architectures.ts";
import { blur, flip, gray, jitter, mocoJitter, normalize, randomCrop } from "./augmentations.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** MoCo v1 and v2 (He et al. 2019, Chen et al. 2020). The authors publish the first digits of each file's MD5. */
const MOCO_V1 = [randomCrop(0.2), gray(), jitter(0.4, 0.4, 0.4, 0.4), flip, normalize(IMAGENET)];
/** SimSiam and DenseCL take it over. */
export const MOCO_V2 = [randomCrop(0.2), mocoJitter, gray(), blur(0.5), flip, normalize(IMAGENET)];

const HOST = "https://dl.fbaipublicfiles.com/moco/moco_checkpoints/";
const FILES = {
  v1_200ep: { path: "moco_v1_200ep/moco_v1_200ep_pretrain.pth.tar", md5: "b251726a" },
  v2_200ep: { path: "moco_v2_200ep/moco_v2_200ep_pretrain.pth.tar", md5: "59fd9945" },
  v2_800ep: { path: "moco_v2_800ep/moco_v2_800ep_pretrain.pth.tar", md5: "a04e12f8" },
} as const;

export default function moco(file: keyof typeof FILES): ModelSpec {
  const { path, md5 } = FILES[file];
  const rules = [{ take: "state_dict.module.encoder_q." }, { drop: /^fc\./ }];
  return {
    weights: { checkpoints: [{ url: HOST + path, rules, md5 }] },
    arch: resnet50(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bilinear", IMAGENET),
    trainTransform: file === "v1_200ep" ? MOCO_V1 : MOCO_V2,
  };
}
