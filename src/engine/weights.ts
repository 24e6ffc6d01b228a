import { type FileHandle, open, stat } from "node:fs/promises";
import { join } from "node:path";
import type { io, NamedTensorMap, Tensor } from "@tensorflow/tfjs-core";
import { HubError } from "../core/errors.ts";
import type { Constants } from "./kernels/fuse.ts";
import { loadCore } from "./tfjs.ts";

/** Weights in the shards of a converted folder. */
export interface Weights {
  specs: io.WeightsManifestEntry[];
  /** Bytes of each weight, in the order of `specs`. */
  sizes: number[];
  /** The shard files, whose concatenation holds the weights one after the other. */
  parts: Part[];
  bytes: number;
  /** Bytes in the engine, which holds all in 32 bits. */
  held: number;
}

interface Part {
  path: string;
  bytes: number;
}

/**
 * Names, kinds and sizes of the weights against the files on disk: nothing is allocated before they agree.
 * @throws HubError `METADATA` when they do not.
 */
export async function checkShards(
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

const DTYPE_BYTES: Record<string, number> = { float32: 4, int32: 4, bool: 1, float16: 2, uint16: 2, uint8: 1 };

function weightBytes(spec: io.WeightsManifestEntry): number | undefined {
  const each = DTYPE_BYTES[spec.quantization?.dtype ?? spec.dtype];
  const whole = Array.isArray(spec.shape) && spec.shape.every((d) => Number.isSafeInteger(d) && d >= 0);
  return each === undefined || !whole ? undefined : spec.shape.reduce((a, b) => a * b, each);
}

/** Axes, shapes and scalars are at most this long. */
const SMALL_BYTES = 64;

/** The constants that say what a node does, read ahead of the weights. */
export async function smallConstants(weights: Weights): Promise<Constants> {
  const values = new Map<string, readonly number[]>();
  const small = weights.specs.map(
    ({ dtype, quantization }, i) => weights.sizes[i]! <= SMALL_BYTES && quantization === undefined && dtype in ARRAYS,
  );
  await eachWeight(weights, small, ({ name, dtype }, bytes) => {
    values.set(name, Array.from(new ARRAYS[dtype as keyof typeof ARRAYS](bytes)));
  });
  const shapes = new Map(weights.specs.map(({ name, shape }) => [name, shape]));
  return { shape: (name) => shapes.get(name), values: (name) => values.get(name) };
}

const ARRAYS = { float32: Float32Array, int32: Int32Array };

/**
 * The weights as tensors of TF.js's current backend, by name. TF.js's own loader copies each of them four times.
 * @param report called with the bytes read so far.
 * @throws HubError `DISK` when a shard ends early, the reason of `signal` when it is aborted; no tensor is left then.
 */
export async function loadWeights(
  weights: Weights,
  signal: AbortSignal | undefined,
  report: (done: number) => void,
): Promise<NamedTensorMap> {
  const tensors: NamedTensorMap = {};
  let done = 0;
  const all = weights.specs.map(() => true);
  try {
    await eachWeight(weights, all, (spec, bytes) => {
      signal?.throwIfAborted();
      tensors[spec.name] = tensorOf(spec, bytes);
      done += bytes.byteLength;
      report(done);
    });
  } catch (error) {
    for (const tensor of Object.values(tensors)) tensor.dispose();
    throw error;
  }
  return tensors;
}

function tensorOf(spec: io.WeightsManifestEntry, bytes: ArrayBuffer): Tensor {
  const tf = loadCore();
  const { name, shape, dtype, quantization } = spec;
  if (quantization !== undefined || !(dtype in ARRAYS)) return tf.io.decodeWeights(bytes, [spec])[name]!;
  return tf.tensor(new ARRAYS[dtype as keyof typeof ARRAYS](bytes), shape, dtype as "float32");
}

/** Bytes that are read ahead of the weight that is taken; one weight may be larger. */
const AHEAD_BYTES = 2 ** 24;

/** Calls `take` with the bytes of each weight that is `wanted`, in turn, and reads ahead meanwhile. */
async function eachWeight(
  { specs, sizes, parts }: Weights,
  wanted: readonly boolean[],
  take: (spec: io.WeightsManifestEntry, bytes: ArrayBuffer) => void,
): Promise<void> {
  const files = new Shards(parts);
  const starts = [0];
  for (const size of sizes) starts.push(starts.at(-1)! + size);
  const all = specs.map((spec, i) => ({ spec, start: starts[i]!, size: sizes[i]! }));
  const waiting = all.filter((_weight, i) => wanted[i]);
  const ahead: { spec: io.WeightsManifestEntry; size: number; bytes: Promise<ArrayBuffer> }[] = [];
  let held = 0;
  const readAhead = () => {
    while (waiting.length > 0 && (held === 0 || held + waiting[0]!.size <= AHEAD_BYTES)) {
      const { spec, start, size } = waiting.shift()!;
      const bytes = files.read(start, size);
      bytes.catch(() => {}); // it is told when it is its turn
      ahead.push({ spec, size, bytes });
      held += size;
    }
  };
  try {
    for (readAhead(); ahead.length > 0; readAhead()) {
      const { spec, size, bytes } = ahead.shift()!;
      const found = await bytes;
      held -= size;
      readAhead();
      take(spec, found);
    }
  } finally {
    await Promise.allSettled(ahead.map(({ bytes }) => bytes));
    await files.close();
  }
}

/** The concatenation of files, each open while it is read from. */
class Shards {
  private readonly parts: readonly Part[];
  private readonly files = new Map<string, Promise<FileHandle>>();

  constructor(parts: readonly Part[]) {
    this.parts = parts;
  }

  async read(offset: number, size: number): Promise<ArrayBuffer> {
    const target = new Uint8Array(size);
    let start = 0;
    let filled = 0;
    for (const { path, bytes } of this.parts) {
      const from = Math.max(offset + filled, start) - start;
      const length = Math.min(bytes - from, size - filled);
      if (from < bytes && length > 0) {
        await readFully(await this.file(path), path, from, target.subarray(filled, filled + length));
        filled += length;
      }
      start += bytes;
    }
    return target.buffer;
  }

  private file(path: string): Promise<FileHandle> {
    const found = this.files.get(path) ?? open(path);
    this.files.set(path, found);
    return found;
  }

  async close(): Promise<void> {
    for (const file of await Promise.allSettled(this.files.values())) {
      if (file.status === "fulfilled") await file.value.close();
    }
  }
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
