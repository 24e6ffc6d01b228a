import { createHash } from "node:crypto";
import { type FileHandle, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ArtifactInfo } from "../src/core/artifact.ts";
import type { Job } from "../src/core/events.ts";
import { elements, type Graph, type Node, type Value, type Weight } from "./graph.ts";
import type { TensorSource } from "./source.ts";

/** Bytes in a weight shard: small enough to cache in a browser, large enough to be few. */
const SHARD_BYTES = 64 * 2 ** 20;

/** The lowest float32: what a max pool's padding must hold so that it never wins. */
const LOWEST = -3.4028234663852886e38;

type Attr = Record<string, unknown>;
interface TfNode {
  name: string;
  op: string;
  input?: string[];
  attr?: Record<string, Attr>;
}
/** A constant of the graph; the few that are no weights (axes, paddings) hold their values. */
type Constant = { name: string; shape: readonly number[]; dtype: "float32" | "int32" } & (
  | { weight: Weight }
  | { values: readonly number[] }
);

/**
 * Writes a graph and its weights as a TF.js graph model: `model.json` and `group1-shardIofN.bin` in `dir`.
 * Weights stream: the inputs and the output of one recipe are in memory, and a shard is never held whole.
 * `describe` gets the shards' sizes and hashes and returns what goes to `userDefinedMetadata.ssl_hub`.
 */
export async function emit(
  graph: Graph,
  source: TensorSource,
  dir: string,
  describe: (shards: ArtifactInfo["shards"]) => ArtifactInfo,
  job: Job & { name: string },
): Promise<ArtifactInfo> {
  const { nodes, constants } = graphDef(graph);
  const total = constants.reduce((sum, c) => sum + 4 * elements(c.shape), 0);
  const shards = new ShardWriter(dir, Math.max(1, Math.ceil(total / SHARD_BYTES)));
  try {
    for (const [i, constant] of constants.entries()) {
      job.signal?.throwIfAborted();
      await shards.write(await bytesOf(constant, source, job.signal));
      job.onProgress?.({ stage: "convert", name: job.name, done: i + 1, total: constants.length, unit: "tensors" });
    }
  } finally {
    await shards.close();
  }
  const info = describe(shards.done);
  await writeFile(join(dir, "model.json"), JSON.stringify(modelJson(graph, nodes, constants, info)));
  return info;
}

async function bytesOf(constant: Constant, source: TensorSource, signal?: AbortSignal): Promise<Uint8Array> {
  if ("values" in constant) {
    const array = constant.dtype === "int32" ? Int32Array : Float32Array;
    return new Uint8Array(array.from(constant.values).buffer);
  }
  const params: Float32Array[] = [];
  for (const { key } of constant.weight.params) params.push(await source.read(key, signal));
  const made = constant.weight.make(...params);
  return new Uint8Array(made.buffer, made.byteOffset, made.byteLength);
}

/** Cuts a stream of bytes into files of `SHARD_BYTES`, hashing on the way. */
class ShardWriter {
  readonly done: ArtifactInfo["shards"] = {};
  private readonly dir: string;
  private readonly count: number;
  private index = 0;
  private bytes = 0;
  private hash = createHash("sha256");
  private file: FileHandle | undefined;

  constructor(dir: string, count: number) {
    this.dir = dir;
    this.count = count;
  }

  async write(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length; ) {
      this.file ??= await open(join(this.dir, this.name()), "wx");
      const part = data.subarray(at, at + SHARD_BYTES - this.bytes);
      await this.file.write(part);
      this.hash.update(part);
      this.bytes += part.length;
      at += part.length;
      if (this.bytes === SHARD_BYTES) await this.close();
    }
  }

  /** Ends the current shard; the next write starts another. */
  async close(): Promise<void> {
    if (this.file === undefined) return;
    const file = this.file;
    this.file = undefined;
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    this.done[this.name()] = { bytes: this.bytes, sha256: this.hash.digest("hex") };
    this.index++;
    this.bytes = 0;
    this.hash = createHash("sha256");
  }

  private name(): string {
    return `group1-shard${this.index + 1}of${this.count}.bin`;
  }
}

function modelJson(graph: Graph, nodes: TfNode[], constants: Constant[], info: ArtifactInfo) {
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
        weights: constants.map(({ name, shape, dtype }) => ({ name, shape, dtype })),
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

interface Emitter {
  /** Name of the TensorFlow node that gives a value. */
  ref(value: Value): string;
  /** Equal constants share a name and are stored once. */
  constant(constant: Constant): string;
  weight(weight: Weight): string;
  node(name: string, op: string, input: string[], attr?: Record<string, Attr>): string;
}

/** From node kind to TensorFlow operations; returns the name of the one that gives the node's value. */
const EMIT: { [K in Node["kind"]]: (node: Extract<Node, { kind: K }>, e: Emitter) => string } = {
  input: ({ out }, e) =>
    e.node("images", "Placeholder", [], { dtype: { type: "DT_FLOAT" }, shape: { shape: tensorShape(out.shape) } }),

  // PyTorch's padding at stride 2 is never TensorFlow's SAME, so it is always explicit.
  conv: ({ out, x, kernel, bias, stride, padding, relu }, e) =>
    e.node(`conv${out.id}`, "_FusedConv2D", [e.ref(x), e.weight(kernel), e.weight(bias)], {
      strides: ints([1, stride, stride, 1]),
      padding: text(padding === 0 ? "VALID" : "EXPLICIT"),
      explicit_paddings: ints(padding === 0 ? [] : [0, 0, padding, padding, padding, padding, 0, 0]),
      dilations: ints([1, 1, 1, 1]),
      data_format: text("NHWC"),
      fused_ops: { list: { s: (relu ? ["BiasAdd", "Relu"] : ["BiasAdd"]).map(base64) } },
      num_args: { i: "1" },
      epsilon: { f: 0 },
    }),

  // Pools take no explicit padding in TF.js: pad with the lowest number first.
  maxPool: ({ out, x, kernel, stride, padding }, e) => {
    const paddings = e.constant({
      name: `paddings${padding}`,
      shape: [4, 2],
      dtype: "int32",
      values: [0, 0, padding, padding, padding, padding, 0, 0],
    });
    const lowest = e.constant({ name: "lowest", shape: [], dtype: "float32", values: [LOWEST] });
    const padded = e.node(`pad${out.id}`, "PadV2", [e.ref(x), paddings, lowest], { Tpaddings: { type: "DT_INT32" } });
    return e.node(`maxPool${out.id}`, "MaxPool", [padded], {
      ksize: ints([1, kernel, kernel, 1]),
      strides: ints([1, stride, stride, 1]),
      padding: text("VALID"),
      explicit_paddings: ints([]),
      data_format: text("NHWC"),
    });
  },

  add: ({ out, a, b }, e) => e.node(`add${out.id}`, "AddV2", [e.ref(a), e.ref(b)]),

  relu: ({ out, x }, e) => e.node(`relu${out.id}`, "Relu", [e.ref(x)]),

  mean: ({ out, x }, e) => {
    const axes = e.constant({ name: "spatial", shape: [2], dtype: "int32", values: [1, 2] });
    return e.node(`mean${out.id}`, "Mean", [e.ref(x), axes], { keep_dims: { b: false }, Tidx: { type: "DT_INT32" } });
  },

  output: ({ x }, e) => e.node("features", "Identity", [e.ref(x)]),
};

const base64 = (s: string) => Buffer.from(s).toString("base64");
const text = (s: string): Attr => ({ s: base64(s) });
const ints = (list: number[]): Attr => ({ list: { i: list.map(String) } });
const tensorShape = (shape: readonly number[]) => ({ dim: shape.map((n) => ({ size: String(n) })) });
