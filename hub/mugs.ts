import type { KeyRule, ModelSpec, RepresentationOf } from "../src/core/spec.ts";
import { vit } from "./architectures.ts";
import { DINO } from "./dino.ts";
import { googleDrive, huggingFace } from "./hosts.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** Mugs (Zhou et al. 2022). Google Drive, where upstream takes the files from, comes second: erratum E03. */
const REPOSITORY = "zhoupans/Mugs";
const FILES = {
  vits16_100ep: { name: "vit_small", epochs: 100, arch: vit("S", 16), drive: "1V2TyArzr7qY93UFglPBHRfYVyAMEfsHR" },
  vits16_300ep: { name: "vit_small", epochs: 300, arch: vit("S", 16), drive: "1ZAPQ0HiDZO5Uk7jVqF46H6VbGxunZkuf" },
  vits16_800ep: { name: "vit_small", epochs: 800, arch: vit("S", 16), drive: "1KMdhxxWc2JXAiFqVxX584V4RvlJgckGq" },
  vitb16_400ep: { name: "vit_base", epochs: 400, arch: vit("B", 16), drive: "13NUziwToBXBmS7n7V_1Z5N6EG_7bcncW" },
  vitl16_250ep: { name: "vit_large", epochs: 250, arch: vit("L", 16), drive: "1K76a-YnFYcmDXUZ_UlYVYFrWOt2a6733" },
};

/** The relation blocks are the memory of pre-training. */
const RULES: KeyRule[] = [{ take: "state_dict." }, { drop: /^relation_blocks\./ }];

export default function mugs(file: keyof typeof FILES, representation: RepresentationOf<"vit">): ModelSpec {
  const { name, epochs, arch, drive } = FILES[file];
  const path = `pretrained%20models/${name}_${epochs}ep/${name}_backbone_${epochs}ep.pth`;
  const urls = [huggingFace(REPOSITORY, path), googleDrive(drive)];
  return {
    weights: { checkpoints: urls.map((url) => ({ url, rules: RULES })) },
    arch,
    representation,
    preprocess: evalCrop(256, 224, "bicubic", IMAGENET),
    trainTransform: DINO, // half of the recipe, erratum E19: Mugs takes AutoAugment for the other half of its views
  };
}
