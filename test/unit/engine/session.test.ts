import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { GraphNode } from "../../../src/engine/kernels/fuse.ts";
import { savedModel } from "../../../src/engine/saved-model.ts";
import { type SessionBackend, sessions } from "../../../src/engine/session.ts";

/** Fields of a protocol buffer by their numbers; shares nothing with the writer. */
function fields(bytes: Uint8Array): Map<number, (number | Uint8Array)[]> {
  const found = new Map<number, (number | Uint8Array)[]>();
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(BigInt.asIntN(64, value));
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const content = () => {
      const length = key % 8 === 5 ? 4 : varint();
      at += length;
      return bytes.subarray(at - length, at);
    };
    const value = key % 8 === 0 ? varint() : content();
    found.set(key >> 3, [...(found.get(key >> 3) ?? []), value]);
  }
  return found;
}
const inner = (bytes: Uint8Array, ...path: number[]) =>
  path.reduce((at, number) => fields(at).get(number)![0] as Uint8Array, bytes);
const text = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString();

function nodesOf(bytes: Uint8Array) {
  return (fields(inner(bytes, 2, 2)).get(1) as Uint8Array[]).map((one) => {
    const node = fields(one);
    const attrs = ((node.get(5) ?? []) as Uint8Array[]).map(
      (entry) => [text(inner(entry, 1)), inner(entry, 2)] as const,
    );
    return {
      name: text(node.get(1)![0]),
      op: text(node.get(2)![0]),
      input: (node.get(3) ?? []).map(text),
      attr: Object.fromEntries(attrs),
    };
  });
}

const FLOAT = { type: "DT_FLOAT" };
const s = (value: string) => ({ s: Buffer.from(value).toString("base64") });
const GRAPH: GraphNode[] = [
  { name: "images", op: "Placeholder", attr: { T: FLOAT, dtype: FLOAT, shape: { shape: { dim: [{ size: "-1" }, { size: "4" }] } } } }, // biome-ignore format: one line
  { name: "weight", op: "Const", attr: { dtype: FLOAT } },
  { name: "bias", op: "Const", attr: { dtype: FLOAT } },
  { name: "axes", op: "Const", attr: { dtype: { type: "DT_INT32" } } },
  {
    name: "linear",
    op: "_FusedMatMul",
    input: ["images", "weight", "bias"],
    attr: { T: FLOAT, transpose_a: { b: false }, transpose_b: { b: true }, fused_ops: { list: { s: [s("BiasAdd").s, s("Relu").s] } }, num_args: { i: "1" }, epsilon: { f: 0 } }, // biome-ignore format: one line
  },
  { name: "features", op: "Mean", input: ["linear", "axes"], attr: { T: FLOAT, keep_dims: { b: true } } },
];
const SHAPES: Record<string, number[]> = { weight: [300, 4], bias: [300], axes: [2] };
const CONSTANTS = {
  shape: (name: string) => SHAPES[name],
  values: (name: string) => (name === "axes" ? [1, -2] : undefined),
};

describe("savedModel", () => {
  const { bytes, fed } = savedModel(GRAPH, CONSTANTS);
  const nodes = nodesOf(bytes);

  test("has the tag that it is loaded by, and feeds inputs and large constants", () => {
    expect(text(inner(bytes, 2, 1, 4))).toBe("serve");
    expect(fed).toEqual(["images", "weight", "bias"]);
    expect(nodes.filter(({ op }) => op === "Placeholder").map(({ name }) => name)).toEqual(fed);
  });

  test("takes apart what TF.js has fused, under the names that are read", () => {
    expect(nodes.slice(4).map(({ name, op, input }) => [name, op, ...input])).toEqual([
      ["linear/0", "MatMul", "images", "weight"],
      ["linear/1", "BiasAdd", "linear/0", "bias"],
      ["linear", "Relu", "linear/1"],
      ["features", "Mean", "linear", "axes"],
    ]);
    const { transpose_a, transpose_b, ...rest } = nodes[4]!.attr;
    expect([fields(transpose_a!).get(5), fields(transpose_b!).get(5), Object.keys(rest)]).toEqual([[0], [1], ["T"]]);
  });

  test("shapes, types and values are the graph's", () => {
    const [images, weight, , axes] = nodes;
    const dims = (shape: Uint8Array) => (fields(shape).get(2) as Uint8Array[]).map((dim) => fields(dim).get(1)![0]);
    expect(Object.keys(images!.attr)).toEqual(["dtype", "shape"]);
    expect(dims(inner(images!.attr.shape!, 7))).toEqual([-1, 4]);
    expect(dims(inner(weight!.attr.shape!, 7))).toEqual([300, 4]);
    expect(fields(weight!.attr.dtype!).get(6)).toEqual([1]);
    const tensor = fields(inner(axes!.attr.value!, 8));
    expect(tensor.get(1)).toEqual([3]);
    const content = Uint8Array.from(tensor.get(4)![0] as Uint8Array);
    expect([...new Int32Array(content.buffer)]).toEqual([1, -2]);
  });

  test("leaves out what TensorFlow's operation does not know", () => {
    const pool = { name: "pool", op: "AvgPool", attr: { T: FLOAT, explicit_paddings: { list: { i: [] } } } };
    expect(nodesOf(savedModel([pool], CONSTANTS).bytes).map(({ attr }) => Object.keys(attr))).toEqual([["T"]]);
  });

  test("an attribute that no converted graph has is an error", () => {
    const odd = [{ name: "x", op: "Relu", attr: { T: { type: "DT_VARIANT" } } }];
    expect(() => savedModel(odd, CONSTANTS)).toThrow(/the attribute {"type":"DT_VARIANT"} of a graph/);
  });
});

describe("sessions", () => {
  /** A backend that keeps what it was given, and the operation that was registered. */
  function fake(load: (folder: string) => number) {
    const calls: unknown[] = [];
    let op: (node: { attrs: object; inputs: unknown[] }) => unknown = () => undefined;
    const backend: SessionBackend = {
      loadSavedModelMetaGraph: load,
      runSavedModel: (...args) => {
        calls.push(["run", ...args]);
        return args[1];
      },
      deleteSavedModel: (id) => calls.push(["delete", id]),
    };
    const register = (_name: string, run: unknown) => {
      op = run as typeof op;
    };
    return {
      calls,
      rewrite: sessions(backend, register as never),
      run: (...node: Parameters<typeof op>) => op(...node),
    };
  }

  test("leave one node that is fed with input and weights, and an output under its name", async () => {
    let folder = "";
    const { calls, rewrite, run } = fake((given) => {
      folder = given;
      expect([...readFileSync(join(folder, "saved_model.pb"))]).toEqual([...savedModel(GRAPH, CONSTANTS).bytes]);
      return 7;
    });
    const { nodes, dispose } = await rewrite(GRAPH, CONSTANTS, ["features:0"], "dino_rn50");
    expect(existsSync(folder)).toBe(false);
    expect(nodes.map(({ name, op, input }) => [name, op, input ?? []])).toEqual([
      ["images", "Placeholder", []],
      ["weight", "Const", []],
      ["bias", "Const", []],
      ["session7", "HubSession", ["images", "weight", "bias"]],
      ["features", "Identity", ["session7"]],
    ]);
    run({ attrs: { session: 7 }, inputs: ["x", "w", "b"] });
    const infos = ["images:0", "weight:0", "bias:0"].map((name) => ({ name }));
    dispose!();
    dispose!();
    expect(calls).toEqual([
      ["run", 7, ["x", "w", "b"], infos, ["features:0"]],
      ["delete", 7],
    ]);
  });

  test("a graph that TensorFlow refuses is told, with the way round it", async () => {
    let folder = "";
    const { rewrite } = fake((given) => {
      folder = given;
      throw new Error("No attr named 'T'\nmore");
    });
    await expect(rewrite(GRAPH, CONSTANTS, ["features:0"], "dino_rn50")).rejects.toMatchObject({
      code: "ENGINE",
      message:
        "Cannot load dino_rn50 into TensorFlow: No attr named 'T'. SSL_HUB_KERNELS=off computes it node by node.",
    });
    expect(existsSync(folder)).toBe(false);
  });
});
