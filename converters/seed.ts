import { HubError } from "../src/core/errors.ts";
import { rng } from "../src/core/rng.ts";
import type { Graph, Param } from "./graph.ts";
import { elements } from "./nodes.ts";
import type { TensorSource } from "./source.ts";

/**
 * A random initialisation as a source of tensors: the distributions torchvision's ResNet starts from, drawn by our own
 * seeded generator. Each tensor has a stream of its own, so its values do not depend on the order of reading.
 */
export function seedSource(graph: Graph, seed: number): TensorSource {
  const params = new Map(graph.params.map((param) => [param.key, param]));
  const find = (name: string): Param => {
    const param = params.get(name);
    if (param === undefined) throw new HubError("BUG", `Cannot initialise ${name}: the architecture has no such key.`);
    return param;
  };
  return {
    format: "seed",
    names: () => params.keys(),
    meta: (name) => ({ dtype: "float32", shape: find(name).shape }),
    read: async (name) => draw(find(name), seed),
    close: async () => {},
  };
}

/**
 * Convolutions: normal with standard deviation sqrt(2 / (out * kh * kw)) (He et al. 2015, fan-out, ReLU gain).
 * Batch norm: weight and running variance 1, bias and running mean 0.
 */
function draw({ key, shape }: Param, seed: number): Float32Array {
  const values = new Float32Array(elements(shape));
  if (shape.length === 4) {
    const [out, , height, width] = shape as [number, number, number, number];
    const std = Math.sqrt(2 / (out * height * width));
    const { normal } = rng(seed, key);
    for (let i = 0; i < values.length; i++) values[i] = std * normal();
  } else if (/\.(weight|running_var)$/.test(key)) {
    values.fill(1);
  }
  return values;
}
