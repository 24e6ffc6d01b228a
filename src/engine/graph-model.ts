import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { GraphModel } from "@tensorflow/tfjs-converter";
import type { io, NamedTensorMap } from "@tensorflow/tfjs-core";
import { readArtifact } from "../core/artifact.ts";
import { HubError } from "../core/errors.ts";
import type { Job } from "../core/events.ts";
import type { Constants, GraphNode } from "./kernels/fuse.ts";
import { loadConverter, loadCore } from "./tfjs.ts";
import { checkShards, loadWeights, smallConstants, type Weights } from "./weights.ts";

/** What an engine makes of a graph's nodes before it is loaded, and what it gives up with the graph. */
export type Rewrite = (
  nodes: GraphNode[],
  constants: Constants,
  outputs: string[],
  /** What errors call the model. */
  name: string,
) => Rewritten | Promise<Rewritten>;

export interface Rewritten {
  nodes: GraphNode[];
  dispose?(): void;
}

/**
 * Loads a converted folder (`model.json` and its shards) as a TF.js graph model, onto TF.js's current backend. The next
 * weight is read while one becomes a tensor, so memory holds the model once and two tensors besides.
 * @param maxBytes largest sum of weight bytes that the engine can hold.
 * @throws HubError `METADATA` when model.json or the shards are not what they say, `MEMORY` when they do not fit.
 */
export async function loadGraphFolder(
  folder: string,
  maxBytes: number,
  job: Job = {},
  rewrite?: Rewrite,
): Promise<GraphModel> {
  job.signal?.throwIfAborted();
  const info = await readArtifact(folder);
  const model: io.ModelJSON = JSON.parse(await readFile(join(folder, "model.json"), "utf8"));
  const weights = await checkShards(folder, model, info.shards);
  if (weights.held > maxBytes) {
    throw new HubError(
      "MEMORY",
      `Cannot load ${info.name}: its weights take ${mebibytes(weights.held)}, this engine holds at most ` +
        `${mebibytes(maxBytes)}. Use the engine tfjs-node, or a machine with more memory.`,
      { details: { folder, bytes: weights.held, maxBytes } },
    );
  }
  const undo = rewrite && (await rewriteGraph(model, weights, rewrite, info.name));
  const report = (done: number) =>
    job.onProgress?.({ stage: "load", name: info.name, done, total: weights.bytes, unit: "bytes" });
  try {
    return await graphOf(model, await loadWeights(weights, job.signal, report), undo);
  } catch (error) {
    undo?.();
    throw error;
  }
}

/** TF.js's model of the graph with these weights, which it gives up when it is disposed of, as when there is an error. */
async function graphOf(model: io.ModelJSON, tensors: NamedTensorMap, undo = () => {}): Promise<GraphModel> {
  const { modelTopology, signature, format, userDefinedMetadata } = model;
  const weightData = new ArrayBuffer(0);
  const handler = {
    load: async () => ({ modelTopology, signature, format, userDefinedMetadata, weightSpecs: [], weightData }),
  };
  try {
    const graph = await loadConverter().loadGraphModel(handler, {}, { ...loadCore().io, decodeWeights: () => tensors });
    const dispose = graph.dispose.bind(graph);
    graph.dispose = () => {
      dispose();
      undo();
    };
    return graph;
  } catch (error) {
    for (const tensor of Object.values(tensors)) tensor.dispose();
    throw error;
  }
}

/** Puts in the graph what the engine makes of it; gives what is to be called when the graph goes. */
async function rewriteGraph(model: io.ModelJSON, weights: Weights, rewrite: Rewrite, name: string) {
  const topology = model.modelTopology as { node: GraphNode[] };
  const outputs = Object.values((model.signature as Signature | undefined)?.outputs ?? {}).map(({ name }) => name);
  const { nodes, dispose } = await rewrite(topology.node, await smallConstants(weights), outputs, name);
  topology.node = nodes;
  return dispose;
}

interface Signature {
  outputs?: Record<string, { name: string }>;
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
