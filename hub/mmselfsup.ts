import type { Augmentation, ModelSpec } from "../src/core/spec.ts";
import { resnet50 } from "./architectures.ts";
import { blur, flip, gray, jitter, normalize, randomCrop, resize, rotate } from "./augmentations.ts";
import { MOCO_V2 } from "./moco.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** Models of the MMSelfSup zoo. File names end in the first digits of their SHA-256. */
const HOST = "https://download.openmmlab.com/mmselfsup/";

const RELATIVE_LOCATION = [resize(292), { op: "randomCrop" as const, size: 255 }, gray(0.66), normalize(IMAGENET)];
const CLUSTERING = [randomCrop(0.08), flip, rotate, jitter(0.4, 0.4, 1, 0.5), gray(), normalize(IMAGENET)];
const SIMCLR = [randomCrop(0.08), flip, rotate, jitter(0.8, 0.8, 0.8, 0.2), gray(), blur(0.5), normalize(IMAGENET)];

const file = (path: string, trainTransform: Augmentation[], evaluation = { resize: 256, size: 224 }) => ({
  path,
  trainTransform,
  ...evaluation,
});

const FILES = {
  // Trained on crops of 255 pixels and evaluated on them.
  relative_loc_70ep: file(
    "relative_loc/relative-loc_resnet50_8xb64-steplr-70e_in1k_20220225-84784688.pth",
    RELATIVE_LOCATION,
    { resize: 292, size: 255 },
  ),
  odc_440ep: file("odc/odc_resnet50_8xb64-steplr-440e_in1k_20220225-a755d9c0.pth", CLUSTERING),
  densecl_200ep: file("densecl/densecl_resnet50_8xb32-coslr-200e_in1k_20220225-8c7808fe.pth", MOCO_V2),
  simsiam_bs256_200ep: file("simsiam/simsiam_resnet50_8xb32-coslr-200e_in1k_20220225-2f488143.pth", MOCO_V2),
  simclr_bs256_200ep: file("simclr/simclr_resnet50_8xb32-coslr-200e_in1k_20220428-46ef6bb9.pth", SIMCLR),
  // What upstream serves as deepcluster_rn50_bs512_ep200_mmselfsup: erratum E02 of that name.
  simclr_bs4096_200ep: file("simclr/simclr_resnet50_16xb256-coslr-200e_in1k_20220428-8c24b063.pth", CLUSTERING),
};

export default function mmselfsup(name: keyof typeof FILES): ModelSpec {
  const { path, trainTransform, resize, size } = FILES[name];
  return {
    weights: { checkpoints: [{ url: HOST + path, rules: [{ take: "state_dict." }] }] },
    arch: resnet50(size),
    representation: "avgpool",
    preprocess: evalCrop(resize, size, "bilinear", IMAGENET),
    trainTransform,
  };
}
