import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50, vit, vitS12Heads } from "./architectures.ts";
import { blur, byolJitter, flip, gray, normalize, randomCrop, solarize } from "./augmentations.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** MoCo v3 (Chen, Xie and He 2021). The encoder is the query network; beside it lie momentum encoder and predictor. */
const HOST = "https://dl.fbaipublicfiles.com/moco-v3/";
const resnet = (path: string) => ({ path, arch: resnet50(), representation: "avgpool" as const });
const FILES = {
  r50_100ep: resnet("r-50-100ep/r-50-100ep.pth.tar"),
  r50_300ep: resnet("r-50-300ep/r-50-300ep.pth.tar"),
  r50_1000ep: resnet("r-50-1000ep/r-50-1000ep.pth.tar"),
  vits_300ep: { path: "vit-s-300ep/vit-s-300ep.pth.tar", arch: vitS12Heads(), representation: "cls" as const },
  vitb_300ep: { path: "vit-b-300ep/vit-b-300ep.pth.tar", arch: vit("B", 16), representation: "cls" as const },
};

export default function mocov3(file: keyof typeof FILES): ModelSpec {
  const { path, arch, representation } = FILES[file];
  const rules = [{ take: "state_dict.module.base_encoder." }, { drop: /^(fc|head)\./ }];
  return {
    weights: { checkpoints: [{ url: HOST + path, rules }] },
    arch,
    representation,
    preprocess: evalCrop(256, 224, "bilinear", IMAGENET),
    trainTransform: [randomCrop(0.08), byolJitter, gray(), blur(0.1), solarize, flip, normalize(IMAGENET)],
  };
}
