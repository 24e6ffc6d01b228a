import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { convertSeed } from "../../../converters/convert.ts";
import { rng } from "../../../src/core/rng.ts";
import type { ArchSpec, ModelSpec } from "../../../src/core/spec.ts";
import { type Engine, engine } from "../../../src/engine/engine.ts";
import { loadGraphFolder } from "../../../src/engine/graph-model.ts";
import { type Constants, fuse, type GraphNode } from "../../../src/engine/kernels/fuse.ts";
import { installKernels } from "../../../src/engine/kernels/install.ts";
import { hasSimd } from "../../../src/engine/kernels/module.ts";
import { registerOps } from "../../../src/engine/kernels/ops.ts";
import { BINARIES } from "../../../src/engine/wasm.ts";
import { makeInput } from "../../support/formula.ts";
import { relativeL2 } from "../../support/golden-model.ts";

/** Fused on our kernels against unfused on TF.js's: float32 sums in another order. */
const TOLERANCE = 2e-6;

const SIDE = 32;
const transformer = { size: SIDE, patch: 8, width: 24, depth: 2, heads: 3 };
const ARCHS: { arch: ArchSpec; representation: ModelSpec["representation"]; ops: Record<string, number> }[] = [
  {
    arch: { kind: "resnet", size: SIDE, layers: [1, 2], width: 8, stem: { kernel: 7, stride: 2, pool: true } },
    representation: "avgpool",
    ops: { _FusedConv2D: 1 + 3 * 2 + 2, HubConv: 3, PadV2: 1, MaxPool: 1, Mean: 1 },
  },
  {
    arch: { kind: "vit", ...transformer },
    representation: "cls",
    ops: { Conv2D: 1, _FusedMatMul: 2, HubLinear: 6, HubAttention: 2, HubNormalize: 5 },
  },
  {
    arch: { kind: "beit", ...transformer },
    representation: "avg",
    ops: { Conv2D: 1, _FusedMatMul: 2, HubLinear: 6, HubAttention: 2, HubNormalize: 5 },
  },
  {
    arch: { kind: "clip-vit", ...transformer, hidden: 64, act: "quick_gelu", embedDim: 10 },
    representation: "proj",
    ops: { Conv2D: 1, _FusedMatMul: 3, HubLinear: 6, HubAttention: 2, HubNormalize: 6 },
  },
  {
    arch: { kind: "convnext", size: SIDE, depths: [1, 1], dims: [8, 12], layerScale: true, poolFirst: true },
    representation: "avgpool",
    ops: { _FusedConv2D: 2, FusedDepthwiseConv2dNative: 2, HubConv: 4, HubNormalize: 5 },
  },
];

let wasm: Engine;
beforeAll(async () => {
  vi.stubEnv("SSL_HUB_KERNELS", "off");
  wasm = await engine("wasm");
  const { registerOp } = await import("@tensorflow/tfjs-converter");
  registerOps(registerOp, wasm.tf);
});
afterAll(() => vi.unstubAllEnvs());

async function converted(arch: ArchSpec, representation: ModelSpec["representation"]): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "ssl-hub-fuse-"));
  const spec: ModelSpec = { weights: { seed: 5 }, arch, representation, preprocess: [] };
  const source = { url: "seed:5", sha256: null };
  await convertSeed(5, { name: "small", spec, dir, fingerprint: "test", license: null, source });
  randomize(dir);
  return dir;
}

/** Random numbers for all weights: an initial projection or position bias is zero and would prove nothing. */
function randomize(dir: string): void {
  const manifest = JSON.parse(readFileSync(join(dir, "model.json"), "utf8")).weightsManifest[0];
  const [file] = manifest.paths;
  const bytes = readFileSync(join(dir, file));
  const random = rng(6, "fuse");
  let offset = 0;
  for (const { shape, dtype } of manifest.weights as { shape: number[]; dtype: string }[]) {
    const size = shape.reduce((a, b) => a * b, 1);
    const scale = 1 / Math.sqrt(shape.slice(0, -1).reduce((a, b) => a * b, 1));
    if (dtype === "float32" && shape.length > 0) {
      for (let i = 0; i < size; i++) bytes.writeFloatLE(scale * random.normal(), offset + 4 * i);
    }
    offset += 4 * size;
  }
  writeFileSync(join(dir, file), bytes);
}

describe.skipIf(!hasSimd())("fuse (skipped without SIMD)", () => {
  test.each(ARCHS)(
    "$arch.kind: one node for what one kernel computes, the same features, no tensor left",
    async (o) => {
      const folder = await converted(o.arch, o.representation);
      const { tf } = wasm;
      const before = tf.memory().numTensors;
      let nodes: GraphNode[] = [];
      const plain = await loadGraphFolder(folder, 2 ** 30);
      const fused = await loadGraphFolder(folder, 2 ** 30, {}, (given, constants, outputs) => {
        nodes = fuse(given, constants, outputs);
        return { nodes };
      });
      const count = (op: string) => nodes.filter((node) => node.op === op).length;
      expect(Object.fromEntries(Object.keys(o.ops).map((op) => [op, count(op)]))).toEqual(o.ops);
      for (const op of ["Softmax", "Erf", "Rsqrt", "Relu", "Square", "HubAct"]) expect(count(op)).toBe(0);

      const x = tf.tensor4d(makeInput(3, SIDE, SIDE, 4), [3, SIDE, SIDE, 3]);
      const features = (graph: typeof plain) => {
        const y = wasm.run(() => graph.predict(x) as Tensor);
        const values = y.dataSync() as Float32Array;
        y.dispose();
        return values;
      };
      const expected = features(plain);
      const kernels = (await installKernels(tf, BINARIES))!;
      const [own, again] = [features(fused), features(fused)];
      kernels.uninstall();
      expect(relativeL2(own, expected)).toBeLessThanOrEqual(TOLERANCE);
      expect(again).toEqual(own);
      tf.dispose(x);
      plain.dispose();
      fused.dispose();
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  test("a value that is read elsewhere, asked for or of another form is left alone", () => {
    const node = (name: string, op: string, input: string[] = [], attr = {}): GraphNode => ({ name, op, input, attr });
    const constants: Constants = { shape: () => [], values: (name) => (name === "one" ? [1] : [2]) };
    const biasAdd = { fused_ops: { list: { s: [btoa("BiasAdd")] } } };
    const map = [
      ...["x", "w", "b", "y"].map((name) => node(name, "Placeholder")),
      node("map", "_FusedMatMul", ["x", "w", "b"], biasAdd),
    ];
    const ops = (nodes: GraphNode[], outputs = ["out:0"]) => fuse(nodes, constants, outputs).map(({ op }) => op);
    const sum = [...map, node("out", "AddV2", ["y", "map"])];
    expect(ops(sum)).toContain("HubLinear");
    expect(ops(sum, ["out:0", "map:0"])).toContain("_FusedMatMul");
    expect(ops([...sum, node("other", "Relu", ["map"])])).toContain("_FusedMatMul");
    const gelu = (one: string) => [
      ...["one", "two"].map((name) => node(name, "Const")),
      ...map,
      node("erf", "Erf", ["map"]),
      node("gate", "AddV2", ["erf", one]),
      node("out", "Mul", ["map", "gate"]),
    ];
    expect(ops(gelu("one"))).not.toContain("Erf");
    expect(ops(gelu("two"))).toContain("Erf");
    const turned = [
      ...map.slice(0, 4),
      node("map", "_FusedMatMul", ["x", "w", "b"], { ...biasAdd, transpose_b: { b: true } }),
    ];
    expect(ops([...turned, node("out", "Relu", ["map"])])).toContain("Relu");
  });

  test("a summand that must be broadcast is added apart", async () => {
    const { tf } = wasm;
    const { GraphModel } = await import("@tensorflow/tfjs-converter");
    const float = { type: "DT_FLOAT" };
    const place = (name: string, ...shape: number[]): GraphNode => ({
      name,
      op: "Placeholder",
      attr: { dtype: float, shape: { shape: { dim: shape.map((size) => ({ size: String(size) })) } } },
    });
    const nodes = [
      ...[place("x", -1, 4), place("w", 4, 5), place("y", 1, 5)],
      { name: "map", op: "MatMul", input: ["x", "w"], attr: { T: float } },
      { name: "sum", op: "AddV2", input: ["map", "y"], attr: { T: float } },
      { name: "out", op: "Relu", input: ["sum"], attr: { T: float } },
    ];
    const none: Constants = { shape: () => undefined, values: () => undefined };
    const inputs = { x: tf.randomNormal([3, 4], 0, 1, "float32", 1), w: tf.randomNormal([4, 5], 0, 1, "float32", 2), y: tf.randomNormal([1, 5], 0, 1, "float32", 3) }; // biome-ignore format: a list
    const kernels = (await installKernels(tf, BINARIES))!;
    const [plain, fused] = await Promise.all(
      [nodes, fuse(nodes, none, ["out:0"])].map(async (node) => {
        const graph = new GraphModel({ load: async () => ({ modelTopology: { node, versions: {} }, weightSpecs: [], weightData: new ArrayBuffer(0) }) }); // biome-ignore format: a list
        await graph.load();
        return (graph.execute(inputs, "out") as Tensor).dataSync();
      }),
    );
    kernels.uninstall();
    expect(Array.from(fused!)).toEqual(Array.from(plain!, (v) => expect.closeTo(v, 6)));
  });
});
