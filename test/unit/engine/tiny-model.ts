import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ArtifactInfo } from "../../../src/core/artifact.ts";
import { sha256 } from "../../../src/core/hash.ts";
import { rng } from "../../../src/core/rng.ts";
import type { Transform } from "../../../src/core/spec.ts";

export const SIDE = 12;
export const Z_DIM = 10;

/** The parts of model.json that tests damage. */
interface TinyJson extends Record<string, unknown> {
  weightsManifest: [{ paths: string[]; weights: { name: string; shape: unknown; dtype: string }[] }];
  userDefinedMetadata: { ssl_hub: ArtifactInfo };
}

type Attr = Record<string, unknown>;

const FLOAT = { type: "DT_FLOAT" };
const text = (s: string) => Buffer.from(s).toString("base64");
const ints = (...i: number[]) => ({ list: { i: i.map(String) } });

/**
 * Writes a folder like the converter's, by hand: fused convolution with explicit padding, padded max pool, a second
 * convolution, mean. Weights are random and split over two shards in the middle of a weight.
 */
export function tinyModel(
  o: { seed?: number; name?: string; preprocess?: Transform[]; change?: (model: TinyJson) => void } = {},
): string {
  const random = rng(o.seed ?? 1, "tiny-model");
  const weights: { name: string; shape: number[]; dtype: string; values: Float32Array | Int32Array }[] = [];
  const node: { name: string; op: string; input?: string[]; attr?: Attr }[] = [];
  const constant = (name: string, shape: number[], values?: number[]) => {
    const n = shape.reduce((a, b) => a * b, 1);
    const data = values ? Int32Array.from(values) : Float32Array.from({ length: n }, () => random.normal() / 4);
    const dtype = values ? "int32" : "float32";
    weights.push({ name, shape, dtype, values: data });
    node.push({ name, op: "Const", attr: { dtype: values ? { type: "DT_INT32" } : FLOAT } });
  };
  node.push({
    name: "images",
    op: "Placeholder",
    attr: { dtype: FLOAT, shape: { shape: { dim: dims(-1, SIDE, SIDE, 3) } } },
  });
  const conv = (name: string, input: string, [size, from, to]: [number, number, number], stride: number) => {
    constant(`${name}/weight`, [size, size, from, to]);
    constant(`${name}/bias`, [to]);
    const edge = (size - 1) / 2;
    node.push({
      name,
      op: "_FusedConv2D",
      input: [input, `${name}/weight`, `${name}/bias`],
      attr: {
        T: FLOAT,
        strides: ints(1, stride, stride, 1),
        dilations: ints(1, 1, 1, 1),
        padding: { s: text("EXPLICIT") },
        explicit_paddings: ints(0, 0, edge, edge, edge, edge, 0, 0),
        data_format: { s: text("NHWC") },
        fused_ops: { list: { s: [text("BiasAdd"), text("Relu")] } },
        num_args: { i: "1" },
        epsilon: { f: 0 },
      },
    });
  };
  conv("conv1", "images", [3, 3, 8], 1);
  constant("pad/size", [4, 2], [0, 0, 1, 1, 1, 1, 0, 0]);
  constant("pad/value", []);
  node.push({
    name: "pad",
    op: "PadV2",
    input: ["conv1", "pad/size", "pad/value"],
    attr: { T: FLOAT, Tpaddings: { type: "DT_INT32" } },
  });
  node.push({
    name: "pool",
    op: "MaxPool",
    input: ["pad"],
    attr: {
      T: FLOAT,
      ksize: ints(1, 3, 3, 1),
      strides: ints(1, 2, 2, 1),
      padding: { s: text("VALID") },
      data_format: { s: text("NHWC") },
    },
  });
  conv("conv2", "pool", [3, 8, Z_DIM], 2);
  constant("axes", [2], [1, 2]);
  node.push({
    name: "features",
    op: "Mean",
    input: ["conv2", "axes"],
    attr: { T: FLOAT, Tidx: { type: "DT_INT32" }, keep_dims: { b: false } },
  });

  const bytes = Buffer.concat(weights.map(({ values }) => Buffer.from(values.buffer)));
  const cut = Math.floor(bytes.length / 2) + 1;
  const files = { "group1-shard1of2.bin": bytes.subarray(0, cut), "group1-shard2of2.bin": bytes.subarray(cut) };
  const shards = Object.fromEntries(
    Object.entries(files).map(([file, data]) => [file, { bytes: data.length, sha256: sha256(data) }]),
  );
  const model: TinyJson = {
    format: "graph-model",
    modelTopology: { node, library: {}, versions: { producer: 1, minConsumer: 1 } },
    signature: {
      inputs: { images: { name: "images:0", dtype: "DT_FLOAT", tensorShape: { dim: dims(-1, SIDE, SIDE, 3) } } },
      outputs: { features: { name: "features:0", dtype: "DT_FLOAT", tensorShape: { dim: dims(-1, Z_DIM) } } },
    },
    weightsManifest: [
      { paths: Object.keys(files), weights: weights.map(({ name, shape, dtype }) => ({ name, shape, dtype })) },
    ],
    userDefinedMetadata: {
      ssl_hub: {
        format: 1,
        name: o.name ?? "tiny",
        fingerprint: "0123456789abcdef",
        z_dim: Z_DIM,
        n_parameters: 0,
        image_size: SIDE,
        representation: "avgpool",
        preprocess: o.preprocess ?? [
          { op: "resize", size: SIDE + 2, interpolation: "bilinear" },
          { op: "centerCrop", size: SIDE },
          { op: "normalize", mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
        ],
        source: { url: "test", sha256: null },
        license: null,
        dtype: "float32",
        converter: 1,
        shards,
      },
    },
  };
  o.change?.(model);
  const folder = mkdtempSync(join(tmpdir(), "ssl-hub-tiny-"));
  mkdirSync(folder, { recursive: true });
  for (const [file, data] of Object.entries(files)) writeFileSync(join(folder, file), data);
  writeFileSync(join(folder, "model.json"), JSON.stringify(model));
  return folder;
}

const dims = (...sizes: number[]) => sizes.map((size) => ({ size: String(size) }));
