import type { Graph, Value, Weight } from "../graph.ts";
import type { Activation } from "../nodes.ts";
import type { MapOptions } from "../weights.ts";

/** A token sequence on its way: rows of all images, and the outputs of the blocks they went through. */
export interface Tokens {
  /** Rows `[-1, dim]` after each block, before the final norm. */
  blocks: Value[];
  /** Tokens an image, the class token first. */
  tokens: number;
  dim: number;
}

/** One pre-norm block by its keys. */
export interface BlockKeys {
  norm1: string;
  norm2: string;
  qkv: string;
  proj: string;
  fc1: string;
  fc2: string;
}

export interface BlockOptions {
  tokens: number;
  heads: number;
  hidden: number;
  act: Activation;
  eps: number;
  /** Key of the stacked projection's weight where it is not `QKV.weight`. */
  qkvWeight?: string;
  qkvBias?: Exclude<MapOptions["bias"], false>;
  relativeBias?: Weight;
  /** Keys of the branches' layer scales. */
  layerScale?: [string, string];
}

/** `x += attn(norm1(x))`, then `x += mlp(norm2(x))`; norms, the queries' 1/sqrt(head size) and layer scales folded. */
export function block(g: Graph, x: Value, keys: BlockKeys, o: BlockOptions): Value {
  const dim = x.shape[1]!;
  const queryScale = (dim / o.heads) ** -0.5;
  const qkv = g.linear(g.normalize(x, o.eps), keys.qkv, {
    out: 3 * dim,
    norm: keys.norm1,
    weightKey: o.qkvWeight,
    bias: o.qkvBias,
    gain: (i) => (i < dim ? queryScale : 1),
  });
  const mixed = g.attention(qkv, o.tokens, o.heads, o.relativeBias);
  const y = g.add(x, g.linear(mixed, keys.proj, { out: dim, layerScale: o.layerScale?.[0] }));
  const inner = g.linear(g.normalize(y, o.eps), keys.fc1, { out: o.hidden, norm: keys.norm2, before: o.act });
  return g.add(y, g.linear(g.act(inner, o.act), keys.fc2, { out: dim, after: o.act, layerScale: o.layerScale?.[1] }));
}

/** timm's keys of block `i`. */
export const timmBlock = (i: number): BlockKeys => ({
  norm1: `blocks.${i}.norm1`,
  norm2: `blocks.${i}.norm2`,
  qkv: `blocks.${i}.attn.qkv`,
  proj: `blocks.${i}.attn.proj`,
  fc1: `blocks.${i}.mlp.fc1`,
  fc2: `blocks.${i}.mlp.fc2`,
});

/** OpenAI's keys of block `i`. */
export const clipBlock = (prefix: string, i: number): BlockKeys => {
  const key = `${prefix}transformer.resblocks.${i}`;
  return {
    norm1: `${key}.ln_1`,
    norm2: `${key}.ln_2`,
    qkv: `${key}.attn.in_proj`,
    proj: `${key}.attn.out_proj`,
    fc1: `${key}.mlp.c_fc`,
    fc2: `${key}.mlp.c_proj`,
  };
};
