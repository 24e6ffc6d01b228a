import type { ArchSpec, ModelSpec } from "../src/core/spec.ts";
import { resnet } from "./arch/resnet.ts";
import { Graph, type Value } from "./graph.ts";

const ARCHITECTURES: { [K in ArchSpec["kind"]]: (g: Graph, arch: Extract<ArchSpec, { kind: K }>) => Value } = {
  resnet,
};

/** The encoder of a specification as a graph without weights, down to its representation. Takes milliseconds. */
export function buildGraph(spec: Pick<ModelSpec, "arch" | "representation">): Graph {
  const g = new Graph();
  // `avgpool`, the only representation of a ResNet, is what its function returns.
  g.output(ARCHITECTURES[spec.arch.kind](g, spec.arch));
  return g;
}
