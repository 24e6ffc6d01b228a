import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50 } from "./architectures.ts";
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
} as const;

export default function swav(file: keyof typeof FILES): ModelSpec {
  const rules = [{ take: ["module.", ""] }, { drop: /^(projection_head|prototypes)\./ }];
  return {
    weights: { checkpoints: [{ url: HOST + FILES[file], rules }] },
    arch: resnet50(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bilinear", SWAV),
  };
}
