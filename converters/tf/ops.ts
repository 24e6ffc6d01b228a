import type { Node, Padding, Value, Weight } from "../nodes.ts";

/** The lowest float32: what a max pool's padding must hold so that it never wins. */
const LOWEST = -3.4028234663852886e38;

export type Attr = Record<string, unknown>;

/** A constant that is no weight (axes, shapes, paddings) holds its values. */
export type Constant = { name: string; shape: readonly number[]; dtype: "float32" | "int32" } & (
  | { weight: Weight }
  | { values: readonly number[] }
);

export interface Emitter {
  /** Name of the TensorFlow node that gives a value. */
  ref(value: Value): string;
  /** Equal constants share a name and are stored once. */
  constant(constant: Constant): string;
  weight(weight: Weight): string;
  node(name: string, op: string, input: string[], attr?: Record<string, Attr>): string;
}

type Emit = { [K in Node["kind"]]: (node: Extract<Node, { kind: K }>, e: Emitter) => string };

/** From node kind to TensorFlow operations; returns the name of the one that gives the node's value. */
export const EMIT: Emit = {
  input: ({ out }, e) =>
    e.node("images", "Placeholder", [], { dtype: { type: "DT_FLOAT" }, shape: { shape: tensorShape(out.shape) } }),

  conv: ({ out, x, kernel, bias, stride, padding, relu }, e) => {
    const attr = convAttr(stride, padding);
    const inputs = [e.ref(x), e.weight(kernel)];
    if (bias === undefined) return e.node(`conv${out.id}`, "Conv2D", inputs, attr);
    const fused = fusedAttr(relu ? ["BiasAdd", "Relu"] : ["BiasAdd"]);
    return e.node(`conv${out.id}`, "_FusedConv2D", [...inputs, e.weight(bias)], { ...attr, ...fused });
  },

  depthwise: ({ out, x, kernel, bias, padding }, e) =>
    e.node(
      `depthwise${out.id}`,
      "FusedDepthwiseConv2dNative",
      [e.ref(x), e.weight(kernel), ...(bias === undefined ? [] : [e.weight(bias)])],
      { ...convAttr(1, padding), ...fusedAttr(["BiasAdd"]) },
    ),

  // Pools take no explicit padding in TF.js: pad with the lowest number first.
  maxPool: ({ out, x, kernel, stride, padding }, e) => {
    let from = e.ref(x);
    if (padding !== "same") {
      const paddings = ints32(e, `paddings${padding}`, [4, 2], [0, 0, padding, padding, padding, padding, 0, 0]);
      const lowest = e.constant({ name: "lowest", shape: [], dtype: "float32", values: [LOWEST] });
      from = e.node(`pad${out.id}`, "PadV2", [from, paddings, lowest], { Tpaddings: { type: "DT_INT32" } });
    }
    return e.node(`maxPool${out.id}`, "MaxPool", [from], poolAttr(kernel, stride, padding === "same"));
  },

  avgPool: ({ out, x, size }, e) => e.node(`avgPool${out.id}`, "AvgPool", [e.ref(x)], poolAttr(size, size, false)),

  // On rank 2 only: with more, TF.js's wasm backend adds the bias wrongly for batches above 1.
  linear: ({ out, x, kernel, bias }, e) => {
    const attr = { transpose_a: { b: false }, transpose_b: { b: false } };
    const inputs = [e.ref(x), e.weight(kernel)];
    if (bias === undefined) return e.node(`linear${out.id}`, "MatMul", inputs, attr);
    return e.node(`linear${out.id}`, "_FusedMatMul", [...inputs, e.weight(bias)], {
      ...attr,
      ...fusedAttr(["BiasAdd"]),
    });
  },

  normalize: ({ out: { id }, x, eps }, e) => {
    const mean = e.node(`mean${id}`, "Mean", [e.ref(x), axes(e, [-1])], meanAttr(true));
    const centred = e.node(`centred${id}`, "Sub", [e.ref(x), mean]);
    const squares = e.node(`squares${id}`, "Square", [centred]);
    const variance = e.node(`variance${id}`, "Mean", [squares, axes(e, [-1])], meanAttr(true));
    const guarded = e.node(`guarded${id}`, "AddV2", [variance, scalar(e, `eps${eps}`, eps)]);
    const factor = e.node(`factor${id}`, "Rsqrt", [guarded]);
    return e.node(`normalize${id}`, "Mul", [centred, factor]);
  },

  affine: ({ out: { id }, x, scale, shift }, e) => {
    const scaled = e.node(`scaled${id}`, "Mul", [e.ref(x), e.weight(scale)]);
    return e.node(`affine${id}`, "AddV2", [scaled, e.weight(shift)]);
  },

  act: ({ out: { id }, x, act }, e) => {
    if (act === "quick_gelu")
      return e.node(`act${id}`, "Mul", [e.ref(x), e.node(`sigmoid${id}`, "Sigmoid", [e.ref(x)])]);
    const erf = e.node(`erf${id}`, "Erf", [e.ref(x)]);
    return e.node(`act${id}`, "Mul", [e.ref(x), e.node(`gate${id}`, "AddV2", [erf, scalar(e, "one", 1)])]);
  },

  attention: ({ out, x, tokens, heads, bias }, e) => {
    const { id } = out;
    const dim = out.shape[1]!;
    const turned = byHead(e, `${id}`, e.ref(x), tokens, 3 * heads, dim / heads);
    const q = e.node(`parts${id}`, "Split", [axisScalar(e, 1), turned], { num_split: { i: "3" } });
    const [k, v] = [`${q}:1`, `${q}:2`];
    let logits = e.node(`logits${id}`, "BatchMatMulV2", [q, k], { adj_x: { b: false }, adj_y: { b: true } });
    if (bias !== undefined) logits = e.node(`biased${id}`, "AddV2", [logits, e.weight(bias)]);
    const weights = e.node(`softmax${id}`, "Softmax", [logits]);
    const mixed = e.node(`mixed${id}`, "BatchMatMulV2", [weights, v], { adj_x: { b: false }, adj_y: { b: false } });
    const joined = e.node(`joined${id}`, "Transpose", [mixed, ints32(e, "perm0213", [4], [0, 2, 1, 3])], PERM);
    return reshape(e, `attention${id}`, joined, [-1, dim]);
  },

  // The one token of the query makes its transposition a mere reshape, before and after.
  queryAttention: ({ out, query, keys, values, tokens, heads }, e) => {
    const { id } = out;
    const dim = out.shape[1]!;
    const k = byHead(e, `${id}k`, e.ref(keys), tokens, heads, dim / heads);
    const v = byHead(e, `${id}v`, e.ref(values), tokens, heads, dim / heads);
    const q = reshape(e, `query${id}`, e.ref(query), [-1, heads, 1, dim / heads]);
    const logits = e.node(`logits${id}`, "BatchMatMulV2", [q, k], { adj_x: { b: false }, adj_y: { b: true } });
    const weights = e.node(`softmax${id}`, "Softmax", [logits]);
    const mixed = e.node(`mixed${id}`, "BatchMatMulV2", [weights, v], { adj_x: { b: false }, adj_y: { b: false } });
    return reshape(e, `attention${id}`, mixed, [-1, dim]);
  },

  embed: ({ out: { id }, x, table }, e) => {
    const [, tokens, dim] = table.shape as [number, number, number];
    const patches = reshape(e, `patches${id}`, e.ref(x), [-1, tokens - 1, dim]);
    const paddings = ints32(e, "paddingsToken", [3, 2], [0, 0, 1, 0, 0, 0]);
    const padded = e.node(`pad${id}`, "PadV2", [patches, paddings, scalar(e, "zero", 0)], {
      Tpaddings: { type: "DT_INT32" },
    });
    const placed = e.node(`placed${id}`, "AddV2", [padded, e.weight(table)]);
    return reshape(e, `embed${id}`, placed, [-1, dim]);
  },

  addWeight: ({ out, x, weight }, e) => e.node(`add${out.id}`, "AddV2", [e.ref(x), e.weight(weight)]),

  add: ({ out, a, b }, e) => e.node(`add${out.id}`, "AddV2", [e.ref(a), e.ref(b)]),

  relu: ({ out, x }, e) => e.node(`relu${out.id}`, "Relu", [e.ref(x)]),

  round: ({ out, x }, e) => e.node(`round${out.id}`, "Round", [e.ref(x)]),

  mean: ({ out, x }, e) => {
    const over = x.shape.length === 4 ? ints32(e, "spatial", [2], [1, 2]) : axes(e, [1]);
    return e.node(`mean${out.id}`, "Mean", [e.ref(x), over], meanAttr(false));
  },

  reshape: ({ out, x }, e) => reshape(e, `reshape${out.id}`, e.ref(x), out.shape),

  columns: ({ out, x, from }, e) => {
    const begin = ints32(e, `begin${from}`, [2], [0, from]);
    const size = ints32(e, `size${out.shape[1]}`, [2], [-1, out.shape[1]!]);
    return e.node(`columns${out.id}`, "Slice", [e.ref(x), begin, size], { Index: { type: "DT_INT32" } });
  },

  concat: ({ out, xs, axis }, e) =>
    e.node(`concat${out.id}`, "ConcatV2", [...xs.map(e.ref), axisScalar(e, axis)], {
      N: { i: String(xs.length) },
      Tidx: { type: "DT_INT32" },
    }),

  stack: ({ out, xs, axis }, e) =>
    e.node(`stack${out.id}`, "Pack", xs.map(e.ref), { N: { i: String(xs.length) }, axis: { i: String(axis) } }),

  output: ({ x }, e) => e.node("features", "Identity", [e.ref(x)]),
};

/** Rows `[-1, heads * size]` to `[-1, heads, tokens, size]`. */
function byHead(e: Emitter, id: string, rows: string, tokens: number, heads: number, size: number): string {
  const split = reshape(e, `heads${id}`, rows, [-1, tokens, heads, size]);
  return e.node(`turned${id}`, "Transpose", [split, ints32(e, "perm0213", [4], [0, 2, 1, 3])], PERM);
}

function reshape(e: Emitter, name: string, x: string, shape: readonly number[]): string {
  const to = ints32(e, `shape${shape.join("_").replace("-", "n")}`, [shape.length], shape);
  return e.node(name, "Reshape", [x, to], { Tshape: { type: "DT_INT32" } });
}

const ints32 = (e: Emitter, name: string, shape: readonly number[], values: readonly number[]) =>
  e.constant({ name, shape, dtype: "int32", values });
const axes = (e: Emitter, list: number[]) => ints32(e, `axes${list.join("_").replace("-", "n")}`, [list.length], list);
const axisScalar = (e: Emitter, axis: number) => ints32(e, `axis${axis}`, [], [axis]);
const scalar = (e: Emitter, name: string, value: number) =>
  e.constant({ name, shape: [], dtype: "float32", values: [value] });

const PERM = { Tperm: { type: "DT_INT32" } };
const meanAttr = (keep: boolean) => ({ keep_dims: { b: keep }, Tidx: { type: "DT_INT32" } });

/** PyTorch's padding at stride 2 is never TensorFlow's SAME, so it is always explicit. */
const convAttr = (stride: number, padding: Padding) => ({
  strides: ints([1, stride, stride, 1]),
  padding: text(padding === "same" ? "SAME" : padding === 0 ? "VALID" : "EXPLICIT"),
  explicit_paddings: ints(padding === "same" || padding === 0 ? [] : [0, 0, padding, padding, padding, padding, 0, 0]),
  dilations: ints([1, 1, 1, 1]),
  data_format: text("NHWC"),
});

const fusedAttr = (ops: string[]) => ({
  fused_ops: { list: { s: ops.map(base64) } },
  num_args: { i: "1" },
  epsilon: { f: 0 },
});

const poolAttr = (kernel: number, stride: number, same: boolean) => ({
  ksize: ints([1, kernel, kernel, 1]),
  strides: ints([1, stride, stride, 1]),
  padding: text(same ? "SAME" : "VALID"),
  explicit_paddings: ints([]),
  data_format: text("NHWC"),
});

const base64 = (s: string) => Buffer.from(s).toString("base64");
const text = (s: string): Attr => ({ s: base64(s) });
const ints = (list: readonly number[]): Attr => ({ list: { i: list.map(String) } });
export const tensorShape = (shape: readonly number[]) => ({ dim: shape.map((n) => ({ size: String(n) })) });
