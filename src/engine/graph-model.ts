import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { GraphModel, loadGraphModel } from "@tensorflow/tfjs-converter";
import type { io } from "@tensorflow/tfjs-core";
import { readArtifact } from "../core/artifact.ts";
import { HubError } from "../core/errors.ts";
import type { Job } from "../core/events.ts";
import type { Constants, GraphNode } from "./kernels/fuse.ts";

interface Part {
  path: string;
  bytes: number;
}

interface Weights {
  specs: io.WeightsManifestEntry[];
  /** Bytes of each weight, in the order of `specs`. */
  sizes: number[];
  /** The shard files, whose concatenation holds the weights one after the other. */
  parts: Part[];
  bytes: number;
  /** Bytes in the engine, which holds all in 32 bits. */
  held: number;
}

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
 * Loads a converted folder (`model.json` and its shards) as a TF.js graph model, onto TF.js's current backend. Weights
 * are read one at a time, so memory holds the model once and one tensor besides.
 * @param maxBytes largest sum of weight bytes that the engine can hold.
 * @throws HubError `METADATA` when model.json or the shards are not what they say, `MEMORY` when they do not fit.
 */
export async function loadGraphFolder(
  load: typeof loadGraphModel,
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
  const failure: { error?: unknown } = {};
  const graph = await load({
    load: async () => ({
      modelTopology: model.modelTopology,
      signature: model.signature,
      format: model.format,
      userDefinedMetadata: model.userDefinedMetadata,
      weightSpecs: weights.specs,
      getWeightStream: () => weightStream(weights, job.signal, report, failure),
    }),
  }).catch((error) => {
    undo?.();
    throw error;
  });
  if (undo !== undefined) {
    const dispose = graph.dispose.bind(graph);
    graph.dispose = () => {
      dispose();
      undo();
    };
  }
  if ("error" in failure) {
    graph.dispose();
    throw failure.error;
  }
  return graph;
}

/** Puts in the graph what the engine makes of it; gives what is to be called when the graph goes. */
async function rewriteGraph(model: io.ModelJSON, weights: Weights, rewrite: Rewrite, name: string) {
  const topology = model.modelTopology as { node: GraphNode[] };
  const outputs = Object.values((model.signature as Signature | undefined)?.outputs ?? {}).map(({ name }) => name);
  const { nodes, dispose } = await rewrite(topology.node, await smallConstants(weights), outputs, name);
  topology.node = nodes;
  return dispose;
}

/** Names, kinds and sizes of the weights against the files on disk: nothing is allocated before they agree. */
async function checkShards(
  folder: string,
  model: io.ModelJSON,
  shards: Record<string, { bytes: number }>,
): Promise<Weights> {
  const wrong = (found: string): HubError =>
    new HubError("METADATA", `Cannot load ${folder}: ${found}. Remove the folder and convert or pull it again.`, {
      details: { folder },
    });
  const specs = model.weightsManifest?.flatMap((group) => group.weights) ?? [];
  const names = model.weightsManifest?.flatMap((group) => group.paths) ?? [];
  const parts: Part[] = [];
  for (const name of names) {
    const expected = shards[name]?.bytes;
    if (!/^[\w-][\w.-]*$/.test(name) || expected === undefined) throw wrong(`${name} is not a shard it lists`);
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) throw wrong(`${name} is missing`);
    if (found.size !== expected) throw wrong(`${name} has ${found.size} bytes, model.json says ${expected}`);
    parts.push({ path, bytes: expected });
  }
  const sizes = specs.map((spec) => {
    const size = weightBytes(spec);
    if (size === undefined) throw wrong(`weight ${spec.name} has a dtype or shape that is not known`);
    return size;
  });
  const bytes = sum(sizes);
  const held = sum(parts.map((part) => part.bytes));
  if (bytes !== held) throw wrong(`its weights take ${bytes} bytes, its shards hold ${held}`);
  const elements = specs.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
  return { specs, sizes, parts, bytes, held: 4 * sum(elements) };
}

interface Signature {
  outputs?: Record<string, { name: string }>;
}

/** Axes, shapes and scalars are at most this long. */
const SMALL_BYTES = 64;

/** The constants that say what a node does, read ahead of the weights. */
async function smallConstants({ specs, sizes, parts }: Weights): Promise<Constants> {
  const read = reader(parts);
  const values = new Map<string, readonly number[]>();
  let offset = 0;
  for (const [i, spec] of specs.entries()) {
    const size = sizes[i]!;
    if (size <= SMALL_BYTES && spec.quantization === undefined && spec.dtype in ARRAYS) {
      const bytes = new Uint8Array(size);
      await read(offset, bytes);
      values.set(spec.name, Array.from(new ARRAYS[spec.dtype as keyof typeof ARRAYS](bytes.buffer)));
    }
    offset += size;
  }
  const shapes = new Map(specs.map(({ name, shape }) => [name, shape]));
  return { shape: (name) => shapes.get(name), values: (name) => values.get(name) };
}

const ARRAYS = { float32: Float32Array, int32: Int32Array };

const DTYPE_BYTES: Record<string, number> = { float32: 4, int32: 4, bool: 1, float16: 2, uint16: 2, uint8: 1 };

function weightBytes(spec: io.WeightsManifestEntry): number | undefined {
  const each = DTYPE_BYTES[spec.quantization?.dtype ?? spec.dtype];
  const whole = Array.isArray(spec.shape) && spec.shape.every((d) => Number.isSafeInteger(d) && d >= 0);
  return each === undefined || !whole ? undefined : spec.shape.reduce((a, b) => a * b, each);
}

/**
 * One chunk a weight, because TF.js copies what is left over of a chunk for every weight it cuts from it.
 * TF.js also cannot take back the weights it has when a stream fails: after a failure the rest is zeros, the failure is
 * left in `failure`, and the caller disposes the whole model.
 */
function weightStream(
  weights: Weights,
  signal: AbortSignal | undefined,
  report: (done: number) => void,
  failure: { error?: unknown },
): ReadableStream<ArrayBuffer> {
  const read = reader(weights.parts);
  let index = 0;
  let done = 0;
  const pull = async (controller: ReadableStreamDefaultController<ArrayBuffer>) => {
    // TF.js asks no bytes for an empty weight.
    while (weights.sizes[index] === 0) index++;
    const size = weights.sizes[index++];
    if (size === undefined) {
      controller.close();
      return;
    }
    const chunk = new Uint8Array(size);
    try {
      if (!("error" in failure)) {
        signal?.throwIfAborted();
        await read(done, chunk);
        report(done + size);
      }
    } catch (error) {
      failure.error = error;
    }
    done += size;
    controller.enqueue(chunk.buffer);
  };
  return new ReadableStream({ pull }, { highWaterMark: 0 });
}

/** Fills `target` from the concatenation of files, `offset` bytes from its start. */
function reader(parts: readonly Part[]): (offset: number, target: Uint8Array) => Promise<void> {
  return async (offset, target) => {
    let start = 0;
    let filled = 0;
    for (const part of parts) {
      const from = Math.max(offset + filled, start) - start;
      const length = Math.min(part.bytes - from, target.length - filled);
      if (from < part.bytes && length > 0) {
        const file = await open(part.path);
        try {
          await readFully(file, part.path, from, target.subarray(filled, filled + length));
        } finally {
          await file.close();
        }
        filled += length;
      }
      start += part.bytes;
    }
  };
}

async function readFully(file: FileHandle, path: string, offset: number, target: Uint8Array): Promise<void> {
  for (let filled = 0; filled < target.length; ) {
    const { bytesRead } = await file.read(target, filled, target.length - filled, offset + filled);
    if (bytesRead === 0) {
      throw new HubError("DISK", `Cannot load ${path}: it ended at byte ${offset + filled}. Pull the model again.`, {
        details: { path, offset: offset + filled },
      });
    }
    filled += bytesRead;
  }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
