import type { ClipVitArch } from "../../src/core/spec.ts";
import type { Graph, Value, Weight } from "../graph.ts";
import { resizePositions } from "./position.ts";
import { block, clipBlock, type Tokens } from "./transformer.ts";

export const CLIP_EPS = 1e-5;

/** lossyless keeps CLIP's keys apart from its own. */
export const clipPrefix = (a: ClipVitArch): string => (a.compressor === true ? "clip." : "");

/** CLIP's and OpenCLIP's image transformer with OpenAI's keys: a norm before the blocks. */
export function clipVit(g: Graph, a: ClipVitArch): Tokens {
  const prefix = clipPrefix(a);
  const patches = g.conv(g.input(a.size), `${prefix}conv1`, {
    out: a.width,
    kernel: a.patch,
    stride: a.patch,
    bias: false,
  });
  const tokens = (a.size / a.patch) ** 2 + 1;
  let x = g.layerNorm(g.embed(patches, embedding(g, a, tokens)), `${prefix}ln_pre`, CLIP_EPS);
  const blocks = Array.from({ length: a.depth }, (_, i) => {
    const keys = clipBlock(prefix, i);
    const qkvBias = g.param(`${keys.qkv}_bias`, [3 * a.width]);
    x = block(g, x, keys, {
      tokens,
      heads: a.heads,
      hidden: a.hidden,
      act: a.act,
      eps: CLIP_EPS,
      qkvWeight: `${keys.qkv}_weight`,
      qkvBias: { params: [qkvBias], make: (bias) => bias },
    });
    return x;
  });
  return { blocks, tokens, dim: a.width };
}

function embedding(g: Graph, a: ClipVitArch, tokens: number): Weight {
  const prefix = clipPrefix(a);
  const [known, side] = [(a.nativeSize ?? a.size) / a.patch, a.size / a.patch];
  return {
    name: "embedding",
    shape: [1, tokens, a.width],
    params: [
      g.param(`${prefix}class_embedding`, [a.width]),
      g.param(`${prefix}positional_embedding`, [known ** 2 + 1, a.width]),
    ],
    make: (cls, positions) =>
      resizePositions(positions!, known, side, a.width, "timm").map((p, i) => (i < a.width ? p + cls![i]! : p)),
  };
}

/** CLIP's joint embedding of normalised class tokens; the final norm's affine is folded. */
export function joint(g: Graph, a: ClipVitArch, normalized: Value): Value {
  const prefix = clipPrefix(a);
  return g.linear(normalized, `${prefix}proj`, {
    out: a.embedDim,
    weightKey: `${prefix}proj`,
    rightMultiplied: true,
    bias: false,
    norm: `${prefix}ln_post`,
  });
}

/** lossyless: u = (z + biasing) e^scaling rounds to whole distances from the learned medians, and is mapped back. */
export function compress(g: Graph, a: ClipVitArch, z: Value): Value {
  const shape = [a.embedDim];
  const [scaling, biasing] = [g.param("scaling", shape), g.param("biasing", shape)];
  const quantiles = g.param("entropy_bottleneck.quantiles", [a.embedDim, 1, 3]);
  const median = (list: Float32Array, i: number) => list[3 * i + 1]!;
  const gain = (name: string, sign: number): Weight => ({
    name,
    shape,
    params: [scaling],
    make: (s) => s!.map((v) => Math.exp(sign * v)),
  });
  const shift = (name: string, at: (s: number, b: number, m: number) => number): Weight => ({
    name,
    shape,
    params: [scaling, biasing, quantiles],
    make: (s, b, m) => Float32Array.from(s!, (v, i) => at(v, b![i]!, median(m!, i))),
  });
  const offsets = g.scaleShift(
    z,
    gain("compress/scale", 1),
    shift("compress/shift", (s, b, m) => b * Math.exp(s) - m),
  );
  return g.scaleShift(
    g.round(offsets),
    gain("expand/scale", -1),
    shift("expand/shift", (s, b, m) => m * Math.exp(-s) - b),
  );
}
