import type { ArchSpec, KeyRule, Representation, Transform } from "../src/core/spec.ts";
import * as layouts from "./layouts.ts";
import { CIFAR, CLIP, evalCrop, IMAGENET } from "./transforms.ts";

/** What is tried on a file of which only the architecture is known. */

/** A way that files name an architecture's keys. */
export interface OwnLayout {
  /** Whose way it is, as a message says it. */
  of: string;
  /** A key that such a file must have: what stands before it is the prefix. A pattern means that rules find the prefix. */
  anchor: string | RegExp;
  rules: KeyRule[];
}

type LayoutsOf = { [K in ArchSpec["kind"]]: (arch: Extract<ArchSpec, { kind: K }>) => OwnLayout[] };

const LAYOUTS: LayoutsOf = {
  resnet: ({ resizer }) => [
    {
      of: "torchvision",
      anchor: "layer1.0.conv1.weight",
      rules: resizer === undefined ? [] : layouts.RESIZED,
    },
    { of: "torchvision's modules in a Sequential", anchor: "4.0.conv1.weight", rules: SEQUENTIAL },
    { of: "Haiku", anchor: /initial_conv(?:_1)?[./]w$/, rules: layouts.HAIKU_RESNET },
  ],
  "clip-resnet": () => [{ of: "OpenAI", anchor: "attnpool.k_proj.weight", rules: [] }],
  convnext: () => [
    { of: "ConvNeXt's authors", anchor: "downsample_layers.0.0.weight", rules: [] },
    { of: "timm", anchor: "stem.0.weight", rules: layouts.TIMM_CONVNEXT },
  ],
  vit: ({ width }) => [
    { of: "timm", anchor: "patch_embed.proj.weight", rules: [] },
    { of: "transformers", anchor: "embeddings.patch_embeddings.projection.weight", rules: layouts.HF_VIT },
    { of: "AugReg", anchor: "embedding/kernel", rules: layouts.augreg(width) },
  ],
  beit: ({ depth }) => [
    { of: "timm", anchor: "patch_embed.proj.weight", rules: [] },
    {
      of: "BEiT's authors",
      anchor: "rel_pos_bias.relative_position_bias_table",
      rules: [layouts.sharedPositions("rel_pos_bias.relative_position_bias_table", depth)],
    },
    { of: "transformers", anchor: "embeddings.patch_embeddings.projection.weight", rules: layouts.hfBeit(depth) },
    // Their model for pre-training has its last norm beside the encoder.
    { of: "transformers", anchor: "beit.embeddings.patch_embeddings.projection.weight", rules: layouts.hfBeit(depth) },
  ],
  "clip-vit": () => [
    { of: "OpenAI", anchor: "class_embedding", rules: [] },
    { of: "transformers", anchor: "vision_model.embeddings.class_embedding", rules: layouts.HF_CLIP },
  ],
};

/** `nn.Sequential(*children)` numbers stem and stages: 0 and 1 are the convolution and its norm, 4 to 7 the stages. */
const SEQUENTIAL: KeyRule[] = [
  { rename: /^0\./, to: "conv1." },
  { rename: /^1\./, to: "bn1." },
  ...[4, 5, 6, 7].map((i) => ({ rename: new RegExp(`^${i}\\.`), to: `layer${i - 3}.` })),
];

/** The layouts in which a file of this architecture may be. */
export const ownLayouts = (arch: ArchSpec): OwnLayout[] =>
  (LAYOUTS[arch.kind] as (arch: ArchSpec) => OwnLayout[])(arch);

/**
 * First parts of names beside the encoder that are heads, decoders and memories of pre-training. What is neither these
 * nor the encoder's is never left out. CLIP's last projection comes after the attention pool.
 */
export const HEADS =
  /^(fc|heads?|classifier|linear|last_layer|prototypes?|proj(ection)?_(head|resnet)|projection|projector|predictor|mlp|mlp_head|pre_logits|decoder\w*|mask_(token|embed)|lm_head|pooler|cls_pt_layers|relation_blocks|queue\w*|online_classifier)\d*([./]|$)|^attnpool\.c_proj\.|relative_position_index$/;

/**
 * Of several copies of an encoder in a file the better comes first: the averaged weights where methods evaluate these
 * (DINO and iBOT the teacher, MSN the target encoder, timm the EMA), the trained ones where they do not (MoCo, BYOL).
 */
export const PREFERENCES: [prefix: RegExp, rank: number][] = [
  [/(^|\.)(teacher|target_encoder|\w*_ema|ema\w*)\./, 0],
  [/(^|\.)(student|encoder_k|target_?\w*|\w*momentum\w*)\./, 2],
];

const PREPROCESS: Record<ArchSpec["kind"], { interpolation: "bilinear" | "bicubic"; values: typeof IMAGENET }> = {
  resnet: { interpolation: "bilinear", values: IMAGENET },
  convnext: { interpolation: "bicubic", values: IMAGENET },
  vit: { interpolation: "bicubic", values: IMAGENET },
  beit: { interpolation: "bicubic", values: IMAGENET },
  "clip-resnet": { interpolation: "bicubic", values: CLIP },
  "clip-vit": { interpolation: "bicubic", values: CLIP },
};

/** The usual evaluation pipeline: CLIP takes the whole shorter side, others 7/8 of it; small images are not cropped. */
export function ownPreprocess({ kind, size }: ArchSpec): Transform[] {
  const { interpolation, values } = PREPROCESS[kind];
  const isSmall = size <= 64;
  const resize = isSmall || values === CLIP ? size : Math.round((size * 8) / 7);
  return evalCrop(resize, size, interpolation, isSmall ? CIFAR : values);
}

export const OWN_REPRESENTATION: Record<ArchSpec["kind"], Representation> = {
  resnet: "avgpool",
  convnext: "avgpool",
  vit: "cls",
  beit: "cls",
  "clip-resnet": "attnpool",
  "clip-vit": "cls",
};
