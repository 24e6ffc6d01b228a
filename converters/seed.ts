import { HubError } from "../src/core/errors.ts";
import { type Rng, rng } from "../src/core/rng.ts";
import type { Graph, Param } from "./graph.ts";
import { elements } from "./nodes.ts";
import type { TensorSource } from "./source.ts";

/**
 * A random initialisation as a source of tensors: the distributions PyTorch's and timm's networks start from, drawn by our
 * own seeded generator. Each tensor has a stream of its own, so its values do not depend on the order of reading.
 */
export function seedSource(graph: Graph, seed: number): TensorSource {
  const params = new Map(graph.params.map((param) => [param.key, param]));
  const find = (name: string): Param => {
    const param = params.get(name);
    if (param === undefined) throw new HubError("BUG", `Cannot initialise ${name}: the architecture has no such key.`);
    return param;
  };
  const patch = params.get("patch_embed.proj.weight")?.shape ?? [];
  return {
    format: "seed",
    names: () => params.keys(),
    meta: (name) => ({ dtype: "float32", shape: find(name).shape }),
    read: async (name) => draw(find(name), seed, patch),
    close: async () => {},
  };
}

/** Value after value of a tensor, or one for all. */
type Draw = (() => number) | number;
type Distribution = (shape: readonly number[], random: Rng, patch: readonly number[]) => Draw;

const normal =
  (std: number): Distribution =>
  (_, random) =>
  () =>
    std * random.normal();

/** PyTorch's default of a convolution: weight and bias uniform within 1 / sqrt(fan-in). */
const defaultConv: Distribution = (_, random, patch) => {
  const bound = 1 / Math.sqrt(elements(patch.slice(1)));
  return () => bound * (2 * random.uniform() - 1);
};

/** Normal of deviation sqrt(1 / fan-in), cut at two deviations and widened for what the cut takes away. */
const truncated: Distribution = (shape, random) => {
  const std = Math.sqrt(1 / elements(shape.slice(1))) / 0.87962566;
  return () => {
    for (;;) {
      const x = random.normal();
      if (Math.abs(x) <= 2) return std * x;
    }
  };
};

/** Normal of deviation sqrt(2 / (out * kh * kw)): He et al. 2015, fan-out, ReLU gain. */
const fanOut: Distribution = ([out, , height, width], random) => {
  const std = Math.sqrt(2 / (out! * height! * width!));
  return () => std * random.normal();
};

/**
 * By key and rank, first match. ResNets as torchvision starts them, the layer before the pool as DISSL's code, ViTs as
 * timm 0.6, whose truncation at +-2 is a hundred deviations away. What is left is a norm: weight and variance 1, bias
 * and mean 0; other biases are 0.
 */
const DISTRIBUTIONS: { key: RegExp; rank?: number; draw: Distribution }[] = [
  { key: /^cls_token$/, draw: normal(1e-6) },
  { key: /^pos_embed$/, draw: normal(0.02) },
  { key: /^patch_embed\.proj\./, draw: defaultConv },
  { key: /^resizer\.conv1\.weight$/, draw: normal(1 / Math.sqrt(512)) },
  { key: /^resizer\.conv\d\.weight$/, draw: truncated },
  { key: /\.weight$/, rank: 4, draw: fanOut },
  { key: /\.weight$/, rank: 2, draw: normal(0.02) },
  { key: /\.(weight|running_var)$/, rank: 1, draw: () => 1 },
  { key: /./, draw: () => 0 },
];

function draw({ key, shape }: Param, seed: number, patch: readonly number[]): Float32Array {
  const { draw } = DISTRIBUTIONS.find((d) => d.key.test(key) && (d.rank ?? shape.length) === shape.length)!;
  const next = draw(shape, rng(seed, key), patch);
  const values = new Float32Array(elements(shape));
  if (typeof next === "number") return values.fill(next);
  for (let i = 0; i < values.length; i++) values[i] = next();
  return values;
}
