import type { Augmentation, KeyRule, ModelSpec } from "../src/core/spec.ts";
import { resnet50, resnet50w2, resnet50w4, resnet101 } from "./architectures.ts";
import {
  blur,
  flip,
  gray,
  jitter,
  mocoJitter,
  normalize,
  randomCrop,
  resize,
  simclrJitter,
  solarize,
} from "./augmentations.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/**
 * VISSL's model zoo. Barlow Twins' originals pickle VISSL's own classes, so that safe copies are taken from the release
 * of the risk decomposition paper.
 */
const ZOO = "https://dl.fbaipublicfiles.com/vissl/model_zoo/";
const RELEASES = "https://github.com/YannDubs/SSL-Risk-Decomposition/releases/download/v0.1/";

/**
 * Checkpoints of VISSL itself nest the encoder deeply, those converted from Caffe2 or saved anew do not, and no document
 * says which prefix each has.
 */
const CONTAINERS = ["classy_state_dict.base_model.model.trunk.", "model_state_dict.", ""];
const RULES: KeyRule[] = [
  { take: CONTAINERS.flatMap((container) => [`${container}_feature_blocks.`, container]) },
  { drop: /^fc[12]\./ }, // heads of the converted jigsaw files
];

const NPID = [jitter(0.4, 0.4, 0.4, 0.4), randomCrop(0.08), flip];

/** By what a name begins with. Jigsaw's views have 255 pixels a side; as everywhere, puzzles and rotations are left out. */
const AUGMENTATIONS: Record<string, Augmentation[]> = {
  barlow: [randomCrop(0.08), flip, mocoJitter, gray(), blur(0.1), solarize],
  mocov2: [randomCrop(0.08), mocoJitter, gray(), blur(0.1), flip],
  rotnet: [randomCrop(0.08), flip],
  simclr: [randomCrop(0.08), flip, simclrJitter, gray(), blur(0.5)],
  jigsaw: [resize(256), flip, { op: "randomCrop", size: 255 }, gray(0.66)],
  clusterfit: [randomCrop(0.08), jitter(0.4, 0.4, 0.4, 0.2), flip],
  npid: NPID,
  npidpp: NPID,
  pirl: [randomCrop(0.08), jitter(0.4, 0.4, 0.4, 0.2), gray(), flip],
};

const zoo = (path: string, arch = resnet50) => ({ url: ZOO + path, arch });
const release = (path: string) => ({ url: RELEASES + path, arch: resnet50 });

const FILES = {
  barlow_1000ep: release("barlow_rn50.torch"),
  barlow_300ep: release("barlow_rn50_ep300.torch"),
  mocov2_200ep: zoo("moco_v2_1node_lr.03_step_b32_zero_init/model_final_checkpoint_phase199.torch"),
  rotnet_in1k: zoo("rotnet_rn50_in1k_ep105_rotnet_8gpu_resnet_17_07_20.46bada9f/model_final_checkpoint_phase125.torch"),
  rotnet_in22k: zoo("converted_vissl_rn50_rotnet_in22k_ep105.torch"),
  simclr_1000ep: zoo("simclr_rn50_1000ep_simclr_8node_resnet_16_07_20.afe428c7/model_final_checkpoint_phase999.torch"),
  simclr_200ep: zoo("simclr_rn50_200ep_simclr_8node_resnet_16_07_20.a816c0ef/model_final_checkpoint_phase199.torch"),
  simclr_400ep: zoo("simclr_rn50_400ep_simclr_8node_resnet_16_07_20.36b338ef/model_final_checkpoint_phase399.torch"),
  simclr_800ep: zoo("simclr_rn50_800ep_simclr_8node_resnet_16_07_20.7e8feed1/model_final_checkpoint_phase799.torch"),
  simclr_100ep: zoo("simclr_rn50_100ep_simclr_8node_resnet_16_07_20.8edb093e/model_final_checkpoint_phase99.torch"),
  simclr_r101_1000ep: zoo(
    "simclr_rn101_1000ep_simclr_8node_resnet_16_07_20.35063cea/model_final_checkpoint_phase999.torch",
    resnet101,
  ),
  simclr_r101_100ep: zoo(
    "simclr_rn101_100ep_simclr_8node_resnet_16_07_20.1ff6cb4b/model_final_checkpoint_phase99.torch",
    resnet101,
  ),
  simclr_w2_1000ep: zoo(
    "simclr_rn50w2_1000ep_simclr_8node_resnet_16_07_20.e1e3bbf0/model_final_checkpoint_phase999.torch",
    resnet50w2,
  ),
  simclr_w2_100ep: zoo(
    "simclr_rn50w2_100ep_simclr_8node_resnet_16_07_20.05b37ec3/model_final_checkpoint_phase99.torch",
    resnet50w2,
  ),
  simclr_w4_1000ep: zoo(
    "simclr_rn50w4_1000ep_bs32_16node_simclr_8node_resnet_28_07_20.9e20b0ae/model_final_checkpoint_phase999.torch",
    resnet50w4,
  ),
  jigsaw_in22k: zoo("converted_vissl_rn50_jigsaw_in22k_goyal19.torch"),
  jigsaw_in1k: zoo("converted_vissl_rn50_jigsaw_in1k_goyal19.torch"),
  clusterfit: zoo("converted_vissl_rn50_rotnet_16kclusters_in1k_ep105.torch"),
  npid_200ep: zoo("npid_1node_200ep_4kneg_npid_8gpu_resnet_23_07_20.9eb36512/model_final_checkpoint_phase199.torch"),
  npidpp_800ep: zoo("npid_pp/4node_800ep_32kneg_cosine_resnet_23_07_20.75432662/model_final_checkpoint_phase799.torch"),
  // Upstream marks this file as not working: erratum E21. If its keys do not fit, loading says so.
  npidpp_w2_800ep: zoo(
    "npid_pp/4node_800ep_32kneg_cosine_resnetw2_23_07_20.b7f4016c/model_final_checkpoint_phase799.torch",
    resnet50w2,
  ),
  pirl_800ep: zoo("pirl_jigsaw_4node_pirl_jigsaw_4node_resnet_22_07_20.34377f59/model_final_checkpoint_phase799.torch"),
  pirl_200ep: zoo(
    "pirl_jigsaw_4node_200ep_pirl_jigsaw_4node_resnet_22_07_20.ffd17b75/model_final_checkpoint_phase199.torch",
  ),
  pirl_800ep_headMLP: zoo("pirl/r50_800ep_mlphead_gblur/model_final_checkpoint_phase799.torch"),
  pirl_200ep_headMLP: zoo("pirl/r50_200ep_mlp_gblur/model_final_checkpoint_phase199.torch"),
  pirl_w2_400ep: zoo("pirl/w2_400ep/model_final_checkpoint_phase399.torch", resnet50w2),
  pirl_w2_400ep_headMLP: zoo("pirl/r50w2_400ep_mlphead_gblur/model_final_checkpoint_phase399.torch", resnet50w2),
};

export default function vissl(name: keyof typeof FILES): ModelSpec {
  const { url, arch } = FILES[name];
  return {
    weights: { checkpoints: [{ url, rules: RULES }] },
    arch: arch(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bilinear", IMAGENET),
    trainTransform: [...AUGMENTATIONS[name.split("_")[0]!]!, normalize(IMAGENET)],
  };
}
