import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50 } from "./architectures.ts";
import { MOCO_V2 } from "./moco.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** SimSiam (Chen and He 2020). */
const HOST = "https://dl.fbaipublicfiles.com/simsiam/models/";
const FILES = {
  "100ep": "100ep/pretrain/checkpoint_0099.pth.tar",
  "100ep_256bs": "100ep-256bs/pretrain/checkpoint_0099.pth.tar",
} as const;

export default function simsiam(file: keyof typeof FILES): ModelSpec {
  const rules = [{ take: "state_dict.module.encoder." }, { drop: /^fc\./ }];
  return {
    weights: { checkpoints: [{ url: HOST + FILES[file], rules }] },
    arch: resnet50(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bilinear", IMAGENET),
    trainTransform: MOCO_V2,
  };
}
