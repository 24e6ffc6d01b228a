import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50 } from "./architectures.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** MoCo v3 (Chen, Xie and He 2021). The encoder is the query network; beside it lie momentum encoder and predictor. */
const HOST = "https://dl.fbaipublicfiles.com/moco-v3/";
const FILES = {
  r50_100ep: "r-50-100ep/r-50-100ep.pth.tar",
  r50_300ep: "r-50-300ep/r-50-300ep.pth.tar",
  r50_1000ep: "r-50-1000ep/r-50-1000ep.pth.tar",
} as const;

export default function mocov3(file: keyof typeof FILES): ModelSpec {
  const rules = [{ take: "state_dict.module.base_encoder." }, { drop: /^(fc|head)\./ }];
  return {
    weights: { checkpoints: [{ url: HOST + FILES[file], rules }] },
    arch: resnet50(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bilinear", IMAGENET),
  };
}
