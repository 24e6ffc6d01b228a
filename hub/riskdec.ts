import type { Interpolation, KeyRule, ModelSpec, ResnetArch } from "../src/core/spec.ts";
import { resnet50, resnet50Resized } from "./architectures.ts";
import { blur, flip, gray, mocoJitter, normalize, randomCrop } from "./augmentations.ts";
import { SIMCLR_STRONG } from "./issl.ts";
import { RESIZED } from "./layouts.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/**
 * Ablations released with the risk decomposition paper (Dubois et al. 2023): SimCLR, DISSL and SpecCL, 100 epochs each.
 */
const HOST = "https://github.com/YannDubs/SSL-Risk-Decomposition/releases/download/v0.1/";

/** The SimCLR and DISSL files hold the bare encoder. */
const bare = (path: string) => ({ path, rules: [], interpolation: "bilinear" as const, arch: resnet50() });
const resized = (path: string, dim: number) => ({ ...bare(path), rules: RESIZED, arch: resnet50Resized(dim)() });
const SPECCL = [randomCrop(0.2, "bicubic"), flip, mocoJitter, gray(), blur(0.5), normalize(IMAGENET)];

const FILES = {
  dissl_augLarge: bare("dissl_resnet50_dNone_e100_m2_augLarge.torch"),
  dissl_augSmall: bare("dissl_resnet50_dNone_e100_m2_augSmall.torch"),
  dissl_headTLinSLin: bare("dissl_resnet50_dNone_e100_m2_headTLinSLin.torch"),
  dissl_headTMlpSMlp: bare("dissl_resnet50_dNone_e100_m2_headTMlpSMlp.torch"),
  dissl_d4096: resized("dissl_resnet50_d4096_e100_m2.torch", 4096),
  simclr_d8192: resized("simclr_resnet50_d8192_e100_m2.torch", 8192),
  simclr_base: bare("simclr_resnet50_dNone_e100_m2.torch"),
  simclr_data010: bare("simclr_resnet50_dNone_e100_m2_data010.torch"),
  simclr_data030: bare("simclr_resnet50_dNone_e100_m2_data030.torch"),
  simclr_headTLinSLin: bare("simclr_resnet50_dNone_e100_m2_headTLinSLin.torch"),
  simclr_headTMlpSLin: bare("simclr_resnet50_dNone_e100_m2_headTMlpSLin.torch"),
  simclr_headTMlpSMlp: bare("simclr_resnet50_dNone_e100_m2_headTMlpSMlp.torch"),
  simclr_headTNoneSNone: bare("simclr_resnet50_dNone_e100_m2_headTNoneSNone.torch"),
  speccl: {
    path: "speccl_bs384_ep100.pth",
    rules: [{ take: "state_dict.backbone." }, { drop: /^fc\.|proj_resnet/ }],
    interpolation: "bicubic",
    arch: resnet50(),
  },
} satisfies Record<string, { path: string; rules: KeyRule[]; interpolation: Interpolation; arch: ResnetArch }>;

export default function riskdec(file: keyof typeof FILES): ModelSpec {
  const { path, rules, interpolation, arch } = FILES[file];
  return {
    weights: { checkpoints: [{ url: HOST + path, rules }] },
    arch,
    representation: "avgpool",
    preprocess: evalCrop(256, 224, interpolation, IMAGENET),
    trainTransform: file === "speccl" ? SPECCL : SIMCLR_STRONG,
  };
}
