import type { TensorSource } from "../../converters/source.ts";
import type { BeitArch, Checkpoint, ModelSpec, VitArch } from "../../src/core/spec.ts";

/** Names and shapes of a file's tensors. */
export type Keys = Record<string, readonly number[]>;

type Writer = (keys: Keys, spec: ModelSpec) => Keys;
type Entry = [key: string, shape: readonly number[]];

const map = (keys: Keys, change: (key: string, shape: readonly number[]) => Entry[]): Keys =>
  Object.fromEntries(Object.entries(keys).flatMap(([key, shape]) => change(key, shape)));

const turned = (shape: readonly number[]) => [...shape].reverse();
const hwio = ([out, input, h, w]: readonly number[]) => [h!, w!, input!, out!];

/** The first pair whose left side occurs is put in place of it; each pair is `[canonical, library's]`. */
function translated(key: string, pairs: [string, string][]): string {
  return pairs.reduce((name, [from, to]) => name.replace(from, to), key);
}

const thirds = (shape: readonly number[], write: (rows: readonly number[]) => Entry[]) =>
  write([shape[0]! / 3, ...shape.slice(1)]);

const HF_BLOCK: [string, string][] = [
  ["blocks.", "encoder.layer."],
  [".attn.proj.", ".attention.output.dense."],
  [".norm1.", ".layernorm_before."],
  [".norm2.", ".layernorm_after."],
  [".mlp.fc1.", ".intermediate.dense."],
  [".mlp.fc2.", ".output.dense."],
  ["patch_embed.proj.", "embeddings.patch_embeddings.projection."],
  ["cls_token", "embeddings.cls_token"],
  ["pos_embed", "embeddings.position_embeddings"],
];

const hfVit =
  (prefix: string, extra: Keys): Writer =>
  (keys) => ({
    ...map(keys, (key, shape) => {
      const qkv = /^blocks\.(\d+)\.attn\.qkv\.(.*)$/.exec(key);
      const at = `${prefix}encoder.layer.${qkv?.[1]}.attention.attention.`;
      if (qkv) return thirds(shape, (rows) => ["query", "key", "value"].map((p) => [`${at}${p}.${qkv[2]}`, rows]));
      return [[prefix + translated(key, [...HF_BLOCK, ["norm.", "layernorm."]]).replace("layerlayer", "layer"), shape]];
    }),
    ...extra,
  });

const hfBeit: Writer = (keys) => ({
  ...map(keys, (key, shape) => {
    if (key.endsWith("relative_position_bias_table")) {
      return [["beit.encoder.relative_position_bias.relative_position_bias_table", shape]];
    }
    if (key.startsWith("norm.")) return [[`layer${key}`, shape]];
    const block = /^blocks\.(\d+)\./.exec(key)?.[1];
    const at = `beit.encoder.layer.${block}.attention.attention.`;
    if (key.endsWith("qkv.weight")) {
      return thirds(shape, (rows) => ["query", "key", "value"].map((part) => [`${at}${part}.weight`, rows]));
    }
    if (key.endsWith("q_bias")) return [[`${at}query.bias`, shape]];
    if (key.endsWith("v_bias")) return [[`${at}value.bias`, shape]];
    return [[`beit.${translated(key, HF_BLOCK).replace(".gamma_", ".lambda_")}`, shape]];
  }),
  "beit.embeddings.mask_token": [1, 1, 768],
  "lm_head.weight": [8192, 768],
});

const hfClip: Writer = (keys) => ({
  ...map(keys, (key, shape) => {
    if (key === "proj") return [["visual_projection.weight", turned(shape)]];
    const qkv = /^transformer\.resblocks\.(\d+)\.attn\.in_proj_(.*)$/.exec(key);
    const at = `vision_model.encoder.layers.${qkv?.[1]}.self_attn.`;
    if (qkv) return thirds(shape, (rows) => ["q", "k", "v"].map((part) => [`${at}${part}_proj.${qkv[2]}`, rows]));
    const name = translated(key, [
      ["transformer.resblocks.", "encoder.layers."],
      [".attn.out_proj.", ".self_attn.out_proj."],
      [".ln_", ".layer_norm"],
      [".mlp.c_fc.", ".mlp.fc1."],
      [".mlp.c_proj.", ".mlp.fc2."],
      ["class_embedding", "embeddings.class_embedding"],
      ["conv1.weight", "embeddings.patch_embedding.weight"],
      ["positional_embedding", "embeddings.position_embedding.weight"],
      ["ln_pre.", "pre_layrnorm."],
      ["ln_post.", "post_layernorm."],
    ]);
    return [[`vision_model.${name}`, shape]];
  }),
  "vision_model.embeddings.position_ids": [1, 50],
  "text_model.embeddings.token_embedding.weight": [49408, 512],
  "text_projection.weight": [512, 512],
  logit_scale: [],
});

const timmConvnext: Writer = (keys) => ({
  ...map(keys, (key, shape) => [
    [
      key
        .replace(/^downsample_layers\.0\./, "stem.")
        .replace(/^downsample_layers\.(\d)\./, "stages.$1.downsample.")
        .replace(/^stages\.(\d)\.(\d+)\./, "stages.$1.blocks.$2.")
        .replace(".dwconv.", ".conv_dw.")
        .replace(/\.pwconv(\d)\./, ".mlp.fc$1.")
        .replace(/^norm\./, "head.norm."),
      shape,
    ],
  ]),
  "head.fc.weight": [1000, 768],
  "head.fc.bias": [1000],
});

const augreg: Writer = (keys, { arch }) => {
  const { width, heads } = arch as VitArch;
  const split = [heads, width / heads];
  return {
    ...map(keys, (key, shape) => {
      const block = /^blocks\.(\d+)\.(.*)$/.exec(key);
      const at = `Transformer/encoderblock_${block?.[1]}/`;
      const attention = `${at}MultiHeadDotProductAttention_1/`;
      const parts = ["query", "key", "value"];
      if (key.endsWith("qkv.weight")) return parts.map((part) => [`${attention}${part}/kernel`, [width, ...split]]);
      if (key.endsWith("qkv.bias")) return parts.map((part) => [`${attention}${part}/bias`, split]);
      if (key.endsWith("attn.proj.weight")) return [[`${attention}out/kernel`, [...split, width]]];
      if (key.endsWith("attn.proj.bias")) return [[`${attention}out/bias`, shape]];
      const norm = /norm(\d?)\.(weight|bias)$/.exec(key);
      const end = norm?.[2] === "weight" ? "scale" : "bias";
      if (norm && block) return [[`${at}LayerNorm_${norm[1] === "1" ? 0 : 2}/${end}`, shape]];
      if (norm) return [[`Transformer/encoder_norm/${end}`, shape]];
      const mlp = /mlp\.fc(\d)\.(weight|bias)$/.exec(key);
      if (mlp) {
        const name = `${at}MlpBlock_3/Dense_${Number(mlp[1]) - 1}/`;
        return [mlp[2] === "weight" ? [`${name}kernel`, turned(shape)] : [`${name}bias`, shape]];
      }
      if (key === "cls_token") return [["cls", shape]];
      if (key === "pos_embed") return [["Transformer/posembed_input/pos_embedding", shape]];
      return [key.endsWith("weight") ? ["embedding/kernel", hwio(shape)] : ["embedding/bias", shape]];
    }),
    "head/kernel": [width, 1000],
    "head/bias": [1000],
    "pre_logits/kernel": [width, width],
  };
};

const haiku: Writer = (keys) => ({
  ...map(keys, (key, shape) => {
    const [, module, leaf] = /^(.*)\.(\w+)$/.exec(key)!;
    const place = /^layer(\d)\.(\d)\.(.*)$/.exec(module!);
    const part = (place?.[3] ?? module!)
      .replace("downsample.0", "shortcut_conv")
      .replace("downsample.1", "shortcut_batchnorm")
      .replace(/^conv(\d)$/, (_, i) => (place ? `conv_${i - 1}` : "initial_conv"))
      .replace(/^bn(\d)$/, (_, i) => (place ? `batchnorm_${i - 1}` : "initial_batchnorm"));
    const at = `res_net50/~/${place ? `block_group_${Number(place[1]) - 1}/~/block_${place[2]}/~/` : ""}${part}`;
    const params = `experiment_state.online_params.${at}.`;
    const ema = `experiment_state.online_state.${at}/~/${leaf === "running_mean" ? "mean" : "var"}_ema.`;
    const row = [1, 1, 1, ...shape];
    if (shape.length === 4) return [[`${params}w`, hwio(shape)]];
    if (leaf === "weight") return [[`${params}scale`, row]];
    if (leaf === "bias") return [[`${params}offset`, row]];
    return [
      [`${ema}average`, row],
      [`${ema}hidden`, row],
      [`${ema}counter`, []],
    ];
  }),
  "experiment_state.online_params.projector/linear.w": [2048, 4096],
  "experiment_state.online_params.predictor/linear_1.b": [256],
  "experiment_state.online_params.classifier.w": [2048, 1000],
  "experiment_state.online_state.projector/batch_norm/~/mean_ema.average": [1, 4096],
  "experiment_state.target_params.res_net50/~/initial_conv.w": [7, 7, 3, 64],
  "experiment_state.opt_state.0": [1],
  rng: [2],
});

const beit: Writer = (keys, { arch }) => ({
  ...map(keys, (key, shape) => {
    const table = key.endsWith("relative_position_bias_table");
    return [[`model.${table ? "rel_pos_bias.relative_position_bias_table" : key}`, shape]];
  }),
  "model.rel_pos_bias.relative_position_index": [197, 197],
  "model.mask_token": [1, 1, (arch as BeitArch).width],
  "model.lm_head.weight": [8192, (arch as BeitArch).width],
  "model.cls_pt_layers.0.norm1.weight": [(arch as BeitArch).width],
});

/** Everything under a prefix, beside what else the file holds. */
const under =
  (prefix: string, extra: Keys = {}): Writer =>
  (keys) => ({ ...map(keys, (key, shape) => [[prefix + key, shape]]), ...extra });

const FC: Keys = { "fc.weight": [1000, 2048], "fc.bias": [1000] };
const TRUNK = "classy_state_dict.base_model.model.trunk.";
const CLIP_TEXT: Keys = {
  positional_embedding: [77, 512],
  "transformer.resblocks.0.ln_1.weight": [512],
  logit_scale: [],
  "visual.attnpool.c_proj.weight": [1024, 2048],
};
const OPENCLIP_TEXT: Keys = { positional_embedding: [77, 512], "token_embedding.weight": [49408, 512] };

/** What the file at an address looks like, first match: written from the authors' and libraries' own conventions. */
const LAYOUTS: [url: RegExp, Writer][] = [
  [/\.pkl$/, haiku],
  [/vit_models\/augreg/, augreg],
  [/huggingface\.co\/microsoft\/beit/, hfBeit],
  [/huggingface\.co\/openai/, hfClip],
  [/huggingface\.co\/timm\/convnext/, timmConvnext],
  [/huggingface\.co\/timm\/.*augreg/, under("", { "head.weight": [1000, 768], "head.bias": [1000] })],
  [/huggingface\.co\/timm\/.*_clip/, under("visual.", CLIP_TEXT)],
  [/huggingface\.co\/timm\/.*(dino|mae)\//, under("")],
  [/huggingface\.co\/timm\/.*tv_in1k/, under("", FC)],
  [/huggingface\.co\/facebook\/dino/, hfVit("", { "pooler.dense.weight": [768, 768] })],
  [/facebook\/vit-mae/, hfVit("vit.", { "decoder.mask_token": [1, 1, 512], "decoder.decoder_norm.weight": [512] })],
  [/facebook\/vit-msn/, hfVit("vit.", { "vit.embeddings.mask_token": [1, 1, 768] })],
  [/beit_|beitv2_/, beit],
  [/id=1nwaOpgmjpiOxJez7gUKQmYEiQIJe5Yss/, under("", FC)],
  [/openaipublic/, under("visual.", CLIP_TEXT)],
  [/huggingface\.co\/laion/, under("visual.", OPENCLIP_TEXT)],
  [/factorized_rate/, under("", { "entropy_bottleneck._matrix0": [512, 3, 1], "entropy_bottleneck._offset": [0] })],
  [/\/dino\/dino_resnet50/, under("", FC)],
  [/\/dino\//, under("")],
  [/moco_checkpoints/, under("state_dict.module.encoder_q.", { "state_dict.module.encoder_q.fc.0.weight": [1] })],
  [
    /\/moco-v3\//,
    under("state_dict.module.base_encoder.", {
      "state_dict.module.base_encoder.head.0.weight": [4096, 384],
      "state_dict.module.momentum_encoder.cls_token": [1, 1, 384],
      "state_dict.module.predictor.0.weight": [4096, 256],
    }),
  ],
  [/\/simsiam\/models\//, under("state_dict.module.encoder.", { "state_dict.module.encoder.fc.6.bias": [2048] })],
  [/\/deepcluster\//, under("module.", { "module.prototypes.weight": [3000, 128] })],
  [/\/vissl\/model_zoo\/converted/, under("model_state_dict._feature_blocks.")],
  [/\/vissl\/model_zoo\//, under(`${TRUNK}_feature_blocks.`, { "classy_state_dict.base_model.meta": [1] })],
  [/\/(vicreg|vicregl)\//, under("")],
  [/speccl/, under("state_dict.backbone.", { "state_dict.backbone.proj_resnet.0.weight": [1] })],
  [/YannDubs/, under("")],
  [/mmselfsup/, under("state_dict.")],
  [/dropbox/, under("model.module.encoder.", { "model.module.encoder.fc.bias": [1], "model.module.head.0.bias": [1] })],
  [/download\.pytorch\.org/, under("", FC)],
  [/\/convnext\//, under("model.", { "model.head.weight": [1000, 768], "model.head.bias": [1000] })],
  [/\/mae\//, under("model.")],
  [/\/msn\//, under("target_encoder.module.", { "target_encoder.module.fc.fc1.weight": [1], "encoder.module.x": [1] })],
  [/\/ibot\/|id=1di_xSqKxEwp7TFkis8fWkhYOYH1PagkH/, under("state_dict.", { "state_dict.head.mlp.0.weight": [1] })],
  [
    /Mugs|drive\.google/,
    under("state_dict.", { "state_dict.relation_blocks.0.norm1.weight": [1], "optimizer.state.0": [1] }),
  ],
];

/**
 * Whether somebody wrote down how the file at an address names its keys. Of a contribution `ssl-hub check` holds the
 * rules against the file itself.
 */
export const hasLayout = ({ url }: Checkpoint): boolean => LAYOUTS.some(([pattern]) => pattern.test(url));

/** The keys of the file at a checkpoint's address that hold these canonical keys. */
export function officialKeys({ url }: Checkpoint, canonical: Keys, spec: ModelSpec): Keys {
  const layout = LAYOUTS.find(([pattern]) => pattern.test(url));
  if (layout === undefined) throw new Error(`Nobody said how ${url} names its keys.`);
  return layout[1](canonical, spec);
}

/** What a reader would list of a file with these keys: names and shapes, without batch norm's counters. */
export function keySource(keys: Keys): TensorSource {
  const names = Object.keys(keys).filter((name) => !name.endsWith("num_batches_tracked"));
  return {
    format: "torch-zip",
    names: () => names,
    meta: (name) => ({ dtype: "float32", shape: keys[name]! }),
    read: () => Promise.reject(new Error("names and shapes are all there is to read")),
    close: async () => {},
  };
}
