import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ArtifactInfo, Dtype } from "../src/core/artifact.ts";
import type { Job } from "../src/core/events.ts";
import type { Graph } from "./graph.ts";
import { elements, type Node } from "./nodes.ts";
import type { TensorSource } from "./source.ts";
import { toFloat16 } from "./tf/float16.ts";
import { type Attr, type Constant, EMIT, type Emitter, tensorShape } from "./tf/ops.ts";
import { ShardWriter } from "./tf/shards.ts";

interface TfNode {
  name: string;
  op: string;
  input?: string[];
  attr?: Record<string, Attr>;
}

/** What a stored constant is made of. */
interface Stored {
  constant: Constant;
  half: boolean;
  bytes: number;
}

/**
 * Writes a graph and its weights as a TF.js graph model: `model.json` and `group1-shardIofN.bin` in `dir`.
 * Weights stream: the inputs and the output of one recipe are in memory, and a shard is never held whole.
 * `describe` gets the shards' sizes and hashes and returns what goes to `userDefinedMetadata.ssl_hub`.
 */
export async function emit(
  graph: Graph,
  source: TensorSource,
  dir: string,
  dtype: Dtype,
  describe: (shards: ArtifactInfo["shards"]) => ArtifactInfo,
  job: Job & { name: string },
): Promise<ArtifactInfo> {
  const { nodes, constants } = graphDef(graph);
  const stored = constants.map((constant) => stored1(constant, dtype));
  const shards = new ShardWriter(dir, sum(stored));
  const make = maker(source, job.signal);
  try {
    for (const [i, entry] of stored.entries()) {
      job.signal?.throwIfAborted();
      await shards.write(await make(entry));
      job.onProgress?.({ stage: "convert", name: job.name, done: i + 1, total: stored.length, unit: "tensors" });
    }
  } finally {
    await shards.close();
  }
  const info = describe(shards.done);
  await writeFile(join(dir, "model.json"), JSON.stringify(modelJson(graph, nodes, stored, info)));
  return info;
}

/** Bytes that the weights of a graph take in an engine, whatever they are stored in: engines compute in float32. */
export function weightBytes(graph: Graph): number {
  return sum(graphDef(graph).constants.map((constant) => stored1(constant, "float32")));
}

/** Only kernels and tables are halved: vectors weigh nothing, and their numbers may be large. */
function stored1(constant: Constant, dtype: Dtype): Stored {
  const half = dtype === "float16" && "weight" in constant && constant.shape.length >= 2;
  return { constant, half, bytes: (half ? 2 : 4) * elements(constant.shape) };
}

const sum = (stored: Stored[]) => stored.reduce((total, { bytes }) => total + bytes, 0);

/** Makes constants one after the other. A kernel and its bias read the same parameters, which are kept in between. */
function maker(source: TensorSource, signal?: AbortSignal): (stored: Stored) => Promise<Uint8Array> {
  let held = new Map<string, Float32Array>();
  return async ({ constant, half }) => {
    if ("values" in constant) {
      const array = constant.dtype === "int32" ? Int32Array : Float32Array;
      return bytesOf(array.from(constant.values));
    }
    const { weight, name } = constant;
    const before = held;
    held = new Map();
    for (const { key } of weight.params) {
      held.set(key, held.get(key) ?? before.get(key) ?? (await source.read(key, signal)));
    }
    const made = weight.make(...weight.params.map(({ key }) => held.get(key)!));
    return bytesOf(half ? toFloat16(made, name) : made);
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength);

function modelJson(graph: Graph, nodes: TfNode[], stored: Stored[], info: ArtifactInfo) {
  const input = graph.nodes[0]!.out;
  const tensor = (name: string, shape: readonly number[]) => ({
    name: `${name}:0`,
    dtype: "DT_FLOAT",
    tensorShape: tensorShape(shape),
  });
  return {
    format: "graph-model",
    generatedBy: "ssl-hub",
    convertedBy: `ssl-hub converter ${info.converter}`,
    signature: {
      inputs: { images: tensor("images", input.shape) },
      outputs: { features: tensor("features", [-1, graph.zDim]) },
    },
    modelTopology: { node: nodes, versions: { producer: 1 } },
    weightsManifest: [
      {
        paths: Object.keys(info.shards),
        weights: stored.map(({ constant: { name, shape, dtype }, half }) => ({
          name,
          shape,
          dtype,
          ...(half && { quantization: { dtype: "float16", original_dtype: "float32" } }),
        })),
      },
    ],
    userDefinedMetadata: { ssl_hub: info },
  };
}

/** The graph as TensorFlow nodes, and its constants in the order they are stored. */
function graphDef(graph: Graph): { nodes: TfNode[]; constants: Constant[] } {
  const ops: TfNode[] = [];
  const constants = new Map<string, Constant>();
  const names = new Map<number, string>();
  const emitter: Emitter = {
    ref: (value) => names.get(value.id)!,
    constant: (constant) => {
      constants.set(constant.name, constant);
      return constant.name;
    },
    node: (name, op, input, attr = {}) => {
      ops.push({ name, op, input, attr: { T: { type: "DT_FLOAT" }, ...attr } });
      return name;
    },
    weight: (weight) => emitter.constant({ name: weight.name, shape: weight.shape, dtype: "float32", weight }),
  };
  for (const node of graph.nodes) {
    const emitNode = EMIT[node.kind] as (node: Node, e: Emitter) => string;
    names.set(node.out.id, emitNode(node, emitter));
  }
  const list = [...constants.values()];
  const constNodes = list.map(({ name, shape, dtype }) => {
    const type = dtype === "int32" ? "DT_INT32" : "DT_FLOAT";
    return {
      name,
      op: "Const",
      attr: { dtype: { type }, value: { tensor: { dtype: type, tensorShape: tensorShape(shape) } } },
    };
  });
  return { nodes: [...constNodes, ...ops], constants: list };
}
