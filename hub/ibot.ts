import type { Checkpoint, KeyRule, ModelSpec, RepresentationOf } from "../src/core/spec.ts";
import { vit } from "./architectures.ts";
import { DINO } from "./dino.ts";
import { googleDrive } from "./hosts.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** iBOT (Zhou et al. 2022): the teachers. Of ViT-B's two runs that of block-wise masking, as upstream. */
const HOST = "https://lf3-nlp-opensource.bytetos.com/obj/nlp-opensource/archive/2022/ibot/";
const RULES: KeyRule[] = [{ take: "state_dict." }, { drop: /^head\./ }];
const teacher = (run: string): Checkpoint => ({ url: `${HOST}${run}/checkpoint_teacher.pth`, rules: RULES });

const FILES = {
  vits_16: {
    arch: vit("S", 16),
    checkpoints: [teacher("vits_16"), { url: googleDrive("1di_xSqKxEwp7TFkis8fWkhYOYH1PagkH"), rules: RULES }],
  },
  vitb_16: { arch: vit("B", 16), checkpoints: [teacher("vitb_16")] },
  vitl_16: { arch: vit("L", 16), checkpoints: [teacher("vitl_16")] },
};

export default function ibot(file: keyof typeof FILES, representation: RepresentationOf<"vit">): ModelSpec {
  const { arch, checkpoints } = FILES[file];
  return {
    weights: { checkpoints },
    arch,
    representation,
    preprocess: evalCrop(256, 224, "bicubic", IMAGENET),
    trainTransform: DINO,
  };
}
