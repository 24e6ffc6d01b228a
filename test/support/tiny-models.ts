import { readFileSync } from "node:fs";
import type { Graph } from "../../converters/graph.ts";
import type { TensorSource } from "../../converters/source.ts";
import type { ArchSpec, Representation } from "../../src/core/spec.ts";
import { fill } from "./formula.ts";

/** A toy of one architecture, and the features PyTorch gives for it, `[images, z]` in base64 by representation. */
export interface TinyCase {
  name: string;
  arch: ArchSpec;
  imageSize: number;
  features: Partial<Record<Representation, string>>;
}

const FIXTURE = new URL("../fixtures/tiny_models.json", import.meta.url);
/** Made by scripts/make_tiny_models.py. */
export const TINY: { seed: number; images: number; cases: TinyCase[] } = JSON.parse(readFileSync(FIXTURE, "utf8"));

/** What an architecture needs, with values by the formula. */
export function formulaSource(graph: Graph): TensorSource {
  const shapes = new Map(graph.params.map(({ key, shape }) => [key, shape]));
  return {
    format: "seed",
    names: () => shapes.keys(),
    meta: (name) => ({ dtype: "float32", shape: shapes.get(name)! }),
    read: async (name) => fill(name, size(shapes.get(name)!), TINY.seed, ...rule(name, shapes.get(name)!)),
    close: async () => {},
  };
}

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Offset and scale of a parameter; scripts/make_tiny_models.py has the same table. */
function rule(key: string, shape: readonly number[]): [offset: number, scale: number] {
  if (key.endsWith("running_var")) return [1, 0.5];
  if (/(cls_token|pos_embed|_embedding|bias_table|quantiles)$/.test(key)) return [0, 0.5];
  if (key.includes("gamma") || key === "scaling") return [0.8, 0.1];
  if (shape.length === 1) return key.endsWith("weight") ? [1, 0.2] : [0, 0.2];
  return [0, Math.sqrt(3 / (key.endsWith("proj") ? shape[0]! : size(shape.slice(1))))];
}
