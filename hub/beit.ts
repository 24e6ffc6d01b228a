import type { BeitArch, Checkpoint, KeyRule, ModelSpec, RepresentationOf } from "../src/core/spec.ts";
import { beit as beitArch } from "./architectures.ts";
import { flip, jitter, normalize, randomCrop } from "./augmentations.ts";
import { huggingFace } from "./hosts.ts";
import { hfBeit, sharedPositions } from "./layouts.ts";
import { evalCrop, HALF, IMAGENET, type Normalisation } from "./transforms.ts";

/**
 * BEiT (Bao et al. 2022) and BEiT v2 (Peng et al. 2022). Microsoft's server is closed since June 2023 (erratum E01), so
 * that the release of one of the authors comes first and the server last.
 */
const CLOSED = "https://conversationhub.blob.core.windows.net/beit-share-public/";
const RELEASES = "https://github.com/addf400/files/releases/download/";

interface File {
  release: string;
  path: string;
  arch: BeitArch;
  values: Normalisation;
  /** Microsoft's conversion for transformers. */
  hf?: string;
}

const v1 = { release: "v1.0/", values: HALF };
const v2 = { release: "BEiT-v2/", values: IMAGENET };
const FILES = {
  base_pt22k: {
    ...v1,
    path: "beit/beit_base_patch16_224_pt22k.pth",
    arch: beitArch("B"),
    hf: "microsoft/beit-base-patch16-224-pt22k",
  },
  large_pt22k: {
    ...v1,
    path: "beit/beit_large_patch16_224_pt22k.pth",
    arch: beitArch("L"),
    hf: "microsoft/beit-large-patch16-224-pt22k",
  },
  v2_base_pt1k: { ...v2, path: "beitv2/beitv2_base_patch16_224_pt1k.pth", arch: beitArch("B") },
  v2_base_pt1k_300e: { ...v2, path: "beitv2/beitv2_base_patch16_224_pt1k_300e.pth", arch: beitArch("B") },
  v2_large_pt1k: { ...v2, path: "beitv2/beitv2_large_patch16_224_pt1k.pth", arch: beitArch("L") },
} satisfies Record<string, File>;

/** One table of relative positions for all blocks. v2 has two blocks beside the encoder, for pre-training only. */
const rules = (depth: number): KeyRule[] => [
  { take: "model." },
  { drop: /relative_position_index$|^(lm_)?head\.|^mask_token$|^cls_pt_layers\./ },
  sharedPositions("rel_pos_bias.relative_position_bias_table", depth),
];

export default function beit(file: keyof typeof FILES, representation: RepresentationOf<"beit">): ModelSpec {
  const { release, path, arch, values, hf }: File = FILES[file];
  const official = (url: string): Checkpoint => ({ url, rules: rules(arch.depth) });
  return {
    weights: {
      checkpoints: [
        official(`${RELEASES}${release}${path.split("/")[1]}`),
        ...(hf === undefined ? [] : [{ url: huggingFace(hf, "pytorch_model.bin"), rules: hfBeit(arch.depth) }]),
        official(CLOSED + path),
      ],
    },
    arch,
    representation,
    preprocess: evalCrop(256, 224, "bicubic", values),
    // Erratum E13: upstream normalises v1's training images with ImageNet's values.
    trainTransform: [jitter(0.4, 0.4, 0.4, 0), flip, randomCrop(0.08, "bicubic"), normalize(values)],
  };
}
