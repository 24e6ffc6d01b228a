import type { KeyRule } from "../src/core/spec.ts";

/**
 * Layouts that libraries, not authors, gave to checkpoints. Each list leads to the canonical keys of an architecture:
 * timm's of transformers, torchvision's of ResNets, OpenAI's of CLIP, the authors' of ConvNeXt.
 */

const QKV = ["query", "key", "value"];
const blocks = (depth: number) => Array.from({ length: depth }, (_, i) => i);

/** A ViT of Hugging Face's transformers (ViT, ViTMAE, ViTMSN), whatever head is around it. */
export const HF_VIT: KeyRule[] = [
  { take: ["vit.", ""] },
  { drop: /^(decoder|classifier|pooler|lm_head)\.|(^|\.)mask_token$/ },
  { rename: /^embeddings\.cls_token$/, to: "cls_token" },
  { rename: /^embeddings\.position_embeddings$/, to: "pos_embed" },
  { rename: /^embeddings\.patch_embeddings\.projection\./, to: "patch_embed.proj." },
  { rename: /^layernorm\./, to: "norm." },
  { rename: /^encoder\.layer\./, to: "blocks." },
  {
    concat: QKV.map((part) => new RegExp(`^blocks\\.(\\d+)\\.attention\\.attention\\.${part}\\.(weight|bias)$`)),
    axis: 0,
    to: "blocks.$1.attn.qkv.$2",
  },
  { rename: /\.attention\.output\.dense\./, to: ".attn.proj." },
  { rename: /\.layernorm_before\./, to: ".norm1." },
  { rename: /\.layernorm_after\./, to: ".norm2." },
  { rename: /\.intermediate\.dense\./, to: ".mlp.fc1." },
  { rename: /\.output\.dense\./, to: ".mlp.fc2." },
];

/** BEiT's masked image model in transformers: one table of relative positions for all blocks, no key bias. */
export const hfBeit = (depth: number): KeyRule[] => [
  { drop: /^lm_head\.|(^|\.)mask_token$|relative_position_index$/ },
  { rename: /^(beit\.)?/, to: "" },
  { rename: /^embeddings\.cls_token$/, to: "cls_token" },
  { rename: /^embeddings\.patch_embeddings\.projection\./, to: "patch_embed.proj." },
  { rename: /^layernorm\./, to: "norm." },
  sharedPositions("encoder.relative_position_bias.relative_position_bias_table", depth),
  { rename: /^encoder\.layer\./, to: "blocks." },
  {
    concat: QKV.map((part) => new RegExp(`^blocks\\.(\\d+)\\.attention\\.attention\\.${part}\\.weight$`)),
    axis: 0,
    to: "blocks.$1.attn.qkv.weight",
  },
  { rename: /\.attention\.attention\.query\.bias$/, to: ".attn.q_bias" },
  { rename: /\.attention\.attention\.value\.bias$/, to: ".attn.v_bias" },
  { rename: /\.lambda_(\d)$/, to: ".gamma_$1" },
  { rename: /\.attention\.output\.dense\./, to: ".attn.proj." },
  { rename: /\.layernorm_before\./, to: ".norm1." },
  { rename: /\.layernorm_after\./, to: ".norm2." },
  { rename: /\.intermediate\.dense\./, to: ".mlp.fc1." },
  { rename: /\.output\.dense\./, to: ".mlp.fc2." },
];

/** BEiT's one table of relative positions, for each of the blocks. */
export const sharedPositions = (table: string, depth: number): KeyRule => ({
  copy: table,
  to: blocks(depth).map((i) => `blocks.${i}.attn.relative_position_bias_table`),
});

/** CLIP's image encoder in transformers; the projection is stored transposed. */
export const HF_CLIP: KeyRule[] = [
  { drop: /^(?!vision_model\.|visual_projection\.)|position_ids$/ },
  { rename: /^visual_projection\.weight$/, to: "proj" },
  { permute: /^proj$/, axes: [1, 0] },
  { rename: /^vision_model\./, to: "" },
  { rename: /^embeddings\.class_embedding$/, to: "class_embedding" },
  { rename: /^embeddings\.patch_embedding\.weight$/, to: "conv1.weight" },
  { rename: /^embeddings\.position_embedding\.weight$/, to: "positional_embedding" },
  { rename: /^pre_layrnorm\./, to: "ln_pre." }, // so spelled in the library
  { rename: /^post_layernorm\./, to: "ln_post." },
  { rename: /^encoder\.layers\./, to: "transformer.resblocks." },
  {
    concat: ["q", "k", "v"].map(
      (part) => new RegExp(`^transformer\\.resblocks\\.(\\d+)\\.self_attn\\.${part}_proj\\.(weight|bias)$`),
    ),
    axis: 0,
    to: "transformer.resblocks.$1.attn.in_proj_$2",
  },
  { rename: /\.self_attn\.out_proj\./, to: ".attn.out_proj." },
  { rename: /\.layer_norm(\d)\./, to: ".ln_$1." },
  { rename: /\.mlp\.fc1\./, to: ".mlp.c_fc." },
  { rename: /\.mlp\.fc2\./, to: ".mlp.c_proj." },
];

/** DISSL's ResNets with a layer before the pool, which their code calls by its place. */
export const RESIZED: KeyRule[] = [{ rename: /^(avgpool\.0|resizer)\./, to: "resizer." }];

/** ConvNeXt in timm. */
export const TIMM_CONVNEXT: KeyRule[] = [
  { drop: /^head\.fc\./ },
  { rename: /^stem\./, to: "downsample_layers.0." },
  { rename: /^stages\.(\d+)\.downsample\./, to: "downsample_layers.$1." },
  { rename: /^stages\.(\d+)\.blocks\./, to: "stages.$1." },
  { rename: /\.conv_dw\./, to: ".dwconv." },
  { rename: /\.mlp\.fc(\d)\./, to: ".pwconv$1." },
  { rename: /^head\.norm\./, to: "norm." },
];

/**
 * A ViT of this width in the AugReg archives of Google's big_vision: heads are axes of their own, kernels are
 * `[in, out]` and `[height, width, in, out]`.
 */
export const augreg = (width: number): KeyRule[] => [
  { take: ["opt/target/", ""] },
  { drop: /^(head|pre_logits)\// },
  { rename: /^cls$/, to: "cls_token" },
  { rename: /^Transformer\/posembed_input\/pos_embedding$/, to: "pos_embed" },
  { rename: /^Transformer\/encoder_norm\//, to: "norm." },
  { rename: /^Transformer\/encoderblock_(\d+)\//, to: "blocks.$1." },
  { rename: /\.LayerNorm_0\//, to: ".norm1." },
  { rename: /\.LayerNorm_2\//, to: ".norm2." },
  { rename: /(norm\d?)\.scale$/, to: "$1.weight" },
  { rename: /^embedding\//, to: "patch_embed.proj." },
  { permute: /^patch_embed\.proj\.kernel$/, axes: [3, 2, 0, 1] },
  { rename: /\.MlpBlock_3\/Dense_0\//, to: ".mlp.fc1." },
  { rename: /\.MlpBlock_3\/Dense_1\//, to: ".mlp.fc2." },
  { permute: /\.mlp\.fc\d\.kernel$/, axes: [1, 0] },
  { rename: /\.MultiHeadDotProductAttention_1\/(query|key|value)\//, to: ".attn.$1." },
  { reshape: /\.attn\.(query|key|value)\.kernel$/, shape: [width, -1] },
  { permute: /\.attn\.(query|key|value)\.kernel$/, axes: [1, 0] },
  { reshape: /\.attn\.(query|key|value)\.bias$/, shape: [-1] },
  { rename: /\.MultiHeadDotProductAttention_1\/out\//, to: ".attn.proj." },
  { permute: /\.attn\.proj\.kernel$/, axes: [2, 0, 1] },
  { reshape: /\.attn\.proj\.kernel$/, shape: [width, -1] },
  { rename: /\.kernel$/, to: ".weight" },
  {
    concat: QKV.map((part) => new RegExp(`^blocks\\.(\\d+)\\.attn\\.${part}\\.(weight|bias)$`)),
    axis: 0,
    to: "blocks.$1.attn.qkv.$2",
  },
];

/**
 * BYOL's ResNet as Haiku names it, in the state of DeepMind's experiment: the online network's parameters and running
 * averages, kernels `[height, width, in, out]`. Of each average there are a value, a hidden one and a counter.
 */
export const HAIKU_RESNET: KeyRule[] = [
  { take: ["experiment_state.", ""] },
  { drop: /^(?!online_(params|state)\.)|[/.](projector|predictor|classifier|logits)[/.]|[./](hidden|counter)$/ },
  { rename: /^online_(?:params|state)\.(?:.*?\/)?(?=initial_|block_group_)/, to: "" },
  { rename: /^initial_conv(?:_1)?[./]w$/, to: "conv1.weight" },
  { rename: /^initial_batchnorm[./]/, to: "bn1." },
  ...[0, 1, 2, 3].map((group) => ({
    rename: new RegExp(`^block_group_${group}/(?:~/)?block_(\\d+)/(?:~/)?`),
    to: `layer${group + 1}.$1.`,
  })),
  ...[0, 1, 2].flatMap((i) => [
    { rename: new RegExp(`\\.conv_${i}[./]w$`), to: `.conv${i + 1}.weight` },
    { rename: new RegExp(`\\.batchnorm_${i}[./]`), to: `.bn${i + 1}.` },
  ]),
  { rename: /\.shortcut_conv[./]w$/, to: ".downsample.0.weight" },
  { rename: /\.shortcut_batchnorm[./]/, to: ".downsample.1." },
  { rename: /\.scale$/, to: ".weight" },
  { rename: /\.offset$/, to: ".bias" },
  { rename: /\.(?:~\/)?(mean|var)_ema[./]average$/, to: ".running_$1" },
  { permute: /(conv\d|downsample\.0)\.weight$/, axes: [3, 2, 0, 1] },
];
