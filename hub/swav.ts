import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50, resnet50w2, resnet50w4, resnet50w5 } from "./architectures.ts";
import { blur, flip, gray, normalize, randomCrop, simclrJitter } from "./augmentations.ts";
import { evalCrop, SWAV } from "./transforms.ts";

/** SwAV, DeepCluster-v2 and SeLa-v2 (Caron et al. 2020), all from the SwAV repository. */
const HOST = "https://dl.fbaipublicfiles.com/deepcluster/";
const FILES = {
  swav_800ep: "swav_800ep_pretrain.pth.tar",
  swav_100ep: "swav_100ep_pretrain.pth.tar",
  swav_200ep: "swav_200ep_pretrain.pth.tar",
  swav_200ep_bs256: "swav_200ep_bs256_pretrain.pth.tar",
  swav_400ep: "swav_400ep_pretrain.pth.tar",
  swav_400ep_2x224: "swav_400ep_2x224_pretrain.pth.tar",
  swav_400ep_bs256: "swav_400ep_bs256_pretrain.pth.tar",
  deepclusterv2_400ep_2x224: "deepclusterv2_400ep_2x224_pretrain.pth.tar",
  deepclusterv2_400ep_2x160_4x96: "deepclusterv2_400ep_pretrain.pth.tar",
  deepclusterv2_800ep_2x224_6x96: "deepclusterv2_800ep_pretrain.pth.tar",
  selav2_400ep_2x224: "selav2_400ep_2x224_pretrain.pth.tar",
  selav2_400ep_2x160_4x96: "selav2_400ep_pretrain.pth.tar",
  swav_w2_400ep: "swav_RN50w2_400ep_pretrain.pth.tar",
  swav_w4_400ep: "swav_RN50w4_400ep_pretrain.pth.tar",
  swav_w5_400ep: "swav_RN50w5_400ep_pretrain.pth.tar",
} as const;

const WIDER: Partial<Record<keyof typeof FILES, typeof resnet50>> = {
  swav_w2_400ep: resnet50w2,
  swav_w4_400ep: resnet50w4,
  swav_w5_400ep: resnet50w5,
};

export default function swav(file: keyof typeof FILES): ModelSpec {
  const arch = WIDER[file] ?? resnet50;
  const rules = [{ take: ["module.", ""] }, { drop: /^(projection_head|prototypes)\./ }];
  return {
    weights: { checkpoints: [{ url: HOST + FILES[file], rules }] },
    arch: arch(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bilinear", SWAV),
    trainTransform: [randomCrop(0.14), flip, simclrJitter, gray(), blur(0.5), normalize(SWAV)],
  };
}
