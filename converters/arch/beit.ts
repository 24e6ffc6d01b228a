import type { BeitArch } from "../../src/core/spec.ts";
import type { Graph, Weight } from "../graph.ts";
import { resizeRelativePositions } from "./relative-position.ts";
import { block, type Tokens, timmBlock } from "./transformer.ts";
import { VIT_EPS } from "./vit.ts";

/** BEiT with timm's keys: a ViT with a relative position bias in each block instead of positions, and layer scale. */
export function beit(g: Graph, a: BeitArch): Tokens {
  const grid = a.size / a.patch;
  const tokens = grid ** 2 + 1;
  const patches = g.conv(g.input(a.size), "patch_embed.proj", {
    out: a.width,
    kernel: a.patch,
    stride: a.patch,
    bias: false, // is in the table
  });
  let x = g.embed(patches, embedding(g, tokens, a.width));
  const blocks = Array.from({ length: a.depth }, (_, i) => {
    const key = `blocks.${i}`;
    x = block(g, x, timmBlock(i), {
      tokens,
      heads: a.heads,
      hidden: 4 * a.width,
      act: "gelu",
      eps: VIT_EPS,
      qkvBias: queryValueBias(g, `${key}.attn`, a.width),
      relativeBias: relativeBias(g, `${key}.attn`, a),
      layerScale: [`${key}.gamma_1`, `${key}.gamma_2`],
    });
    return x;
  });
  return { blocks, tokens, dim: a.width };
}

function embedding(g: Graph, tokens: number, dim: number): Weight {
  return {
    name: "embedding",
    shape: [1, tokens, dim],
    params: [g.param("cls_token", [1, 1, dim]), g.param("patch_embed.proj.bias", [dim])],
    make: (cls, bias) => Float32Array.from({ length: tokens * dim }, (_, i) => (i < dim ? cls![i]! : bias![i % dim]!)),
  };
}

/** Queries and values have a bias, keys have none. */
function queryValueBias(g: Graph, key: string, dim: number) {
  return {
    params: [g.param(`${key}.q_bias`, [dim]), g.param(`${key}.v_bias`, [dim])],
    make: (q: Float32Array, v: Float32Array) => {
      const bias = new Float32Array(3 * dim);
      bias.set(q);
      bias.set(v, 2 * dim);
      return bias;
    },
  };
}

/** The table spread over all pairs of tokens, `[1, heads, tokens, tokens]`. */
function relativeBias(g: Graph, key: string, { size, nativeSize = size, patch, heads }: BeitArch): Weight {
  const [known, grid] = [nativeSize / patch, size / patch];
  const tokens = grid ** 2 + 1;
  return {
    name: `${key}/relative_bias`,
    shape: [1, heads, tokens, tokens],
    params: [g.param(`${key}.relative_position_bias_table`, [(2 * known - 1) ** 2 + 3, heads])],
    make: (learned) => {
      const table = resizeRelativePositions(learned!, known, grid, heads);
      const spread = new Float32Array(heads * tokens ** 2);
      const index = relativeIndex(grid);
      for (let h = 0; h < heads; h++) {
        for (let i = 0; i < index.length; i++) spread[h * index.length + i] = table[index[i]! * heads + h]!;
      }
      return spread;
    },
  };
}

/** Row of the table for each pair (query, key): their offset on the grid; the last three rows are the class token's. */
function relativeIndex(grid: number): Int32Array {
  const span = 2 * grid - 1;
  const tokens = grid ** 2 + 1;
  const [clsQuery, clsKey, clsBoth] = [span ** 2, span ** 2 + 1, span ** 2 + 2] as const;
  return Int32Array.from({ length: tokens ** 2 }, (_, i) => {
    const [query, key] = [Math.floor(i / tokens) - 1, (i % tokens) - 1];
    if (query < 0) return key < 0 ? clsBoth : clsQuery;
    if (key < 0) return clsKey;
    const dy = Math.floor(query / grid) - Math.floor(key / grid) + grid - 1;
    return dy * span + (query % grid) - (key % grid) + grid - 1;
  });
}
