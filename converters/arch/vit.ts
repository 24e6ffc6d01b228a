import type { VitArch } from "../../src/core/spec.ts";
import type { Graph, Weight } from "../graph.ts";
import { resizePositions } from "./position.ts";
import { block, type Tokens, timmBlock } from "./transformer.ts";

export const VIT_EPS = 1e-6;

/** Pre-norm vision transformer with timm's keys: class token, absolute positions. */
export function vit(g: Graph, a: VitArch): Tokens {
  const patches = g.conv(g.input(a.size), "patch_embed.proj", {
    out: a.width,
    kernel: a.patch,
    stride: a.patch,
    bias: false, // is in the table
  });
  const tokens = (a.size / a.patch) ** 2 + 1;
  let x = g.embed(patches, embedding(g, a, tokens));
  const options = { tokens, heads: a.heads, hidden: 4 * a.width, act: "gelu", eps: VIT_EPS } as const;
  const blocks = Array.from({ length: a.depth }, (_, i) => {
    x = block(g, x, timmBlock(i), options);
    return x;
  });
  return { blocks, tokens, dim: a.width };
}

/** What is added to the patches and to an empty class token: the class token, the positions, the patches' bias. */
function embedding(g: Graph, a: VitArch, tokens: number): Weight {
  const dim = a.width;
  const side = (size: number) => size / a.patch;
  const known = side(a.nativeSize ?? a.size);
  return {
    name: "embedding",
    shape: [1, tokens, dim],
    params: [
      g.param("cls_token", [1, 1, dim]),
      g.param("pos_embed", [1, known ** 2 + 1, dim]),
      g.param("patch_embed.proj.bias", [dim]),
    ],
    make: (cls, positions, bias) => {
      const table = resizePositions(positions!, known, side(a.size), dim, a.positionRule ?? "timm").slice();
      for (let i = 0; i < table.length; i++) table[i]! += i < dim ? cls![i]! : bias![i % dim]!;
      return table;
    },
  };
}
