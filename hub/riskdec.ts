import type { Interpolation, KeyRule, ModelSpec } from "../src/core/spec.ts";
import { resnet50 } from "./architectures.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/**
 * Ablations released with the risk decomposition paper (Dubois et al. 2023): SimCLR, DISSL and SpecCL, 100 epochs each.
 */
const HOST = "https://github.com/YannDubs/SSL-Risk-Decomposition/releases/download/v0.1/";

/** The SimCLR and DISSL files hold the bare encoder. */
const bare = (path: string) => ({ path, rules: [], interpolation: "bilinear" as const });
const FILES = {
  dissl_augLarge: bare("dissl_resnet50_dNone_e100_m2_augLarge.torch"),
  dissl_augSmall: bare("dissl_resnet50_dNone_e100_m2_augSmall.torch"),
  dissl_headTLinSLin: bare("dissl_resnet50_dNone_e100_m2_headTLinSLin.torch"),
  dissl_headTMlpSMlp: bare("dissl_resnet50_dNone_e100_m2_headTMlpSMlp.torch"),
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
  },
} satisfies Record<string, { path: string; rules: KeyRule[]; interpolation: Interpolation }>;

export default function riskdec(file: keyof typeof FILES): ModelSpec {
  const { path, rules, interpolation } = FILES[file];
  return {
    weights: { checkpoints: [{ url: HOST + path, rules }] },
    arch: resnet50(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, interpolation, IMAGENET),
  };
}
