import { HubError } from "../core/errors.ts";
import type { Constants, GraphNode } from "./kernels/fuse.ts";
import { Wire } from "./wire.ts";

/** A graph as a TensorFlow SavedModel. */
export interface SavedModel {
  /** What `saved_model.pb` holds. */
  bytes: Uint8Array;
  /** Placeholders of the graph, then the constants that are fed like them, because they are large. */
  fed: string[];
}

/**
 * A TF.js graph for a TensorFlow session: nodes that TF.js has fused are taken apart, for TensorFlow joins more than that, and
 * all but small constants become inputs, so that weights are neither written nor held twice.
 * Numbers of fields are those of TensorFlow's saved_model.proto, meta_graph.proto, graph.proto and attr_value.proto.
 * @throws HubError `BUG` on an attribute of a kind that no converted graph has.
 */
export function savedModel(nodes: readonly GraphNode[], constants: Constants): SavedModel {
  const placeholders = nodes.filter(({ op }) => op === "Placeholder").map(({ name }) => name);
  const large = nodes.filter(({ op, name }) => op === "Const" && constants.values(name) === undefined);
  const fed = [...placeholders, ...large.map(({ name }) => name)];
  const plainNodes = nodes.flatMap((node) => (node.op === "Const" ? constant(node, constants) : apart(node)));
  const wire = new Wire();
  wire.int(1, 1);
  wire.message(2, () => {
    wire.message(1, () => wire.text(4, TAG));
    wire.message(2, () => {
      for (const node of plainNodes) wire.message(1, () => writeNode(wire, node));
      wire.message(4, () => wire.int(1, PRODUCER));
    });
  });
  return { bytes: wire.written(), fed };
}

/** The tag that the graph is asked for by. */
export const TAG = "serve";

/** Version of graphs of TensorFlow 2.9, the oldest that tfjs-node 4.22 comes with. */
const PRODUCER = 1087;

/**
 * A linear map, which has two dimensions in a converted graph, is a MatMul and no BatchMatMul: TensorFlow joins the bias with
 * it, and what oneDNN has for the other takes up to twice the time where the outputs are 3072, 3840 or 5120.
 */
const BASES: Record<string, string> = {
  _FusedConv2D: "Conv2D",
  FusedDepthwiseConv2dNative: "DepthwiseConv2dNative",
  _FusedMatMul: "MatMul",
};

/** A fused node as the nodes it stands for, the last under its name. */
function apart(node: GraphNode): GraphNode[] {
  const { name, input = [], attr = {} } = node;
  const base = BASES[node.op];
  if (base === undefined) return [plain(node)];
  const { fused_ops, num_args: _, epsilon: __, ...rest } = attr;
  const then = ((fused_ops as Attr).list!.s ?? []).map((op) => Buffer.from(op, "base64").toString());
  const names = ["", ...then].map((_op, i) => (i === then.length ? name : `${name}/${i}`));
  const first = { name: names[0]!, op: base, input: input.slice(0, 2), attr: rest };
  const others = then.map((op, i): GraphNode => {
    const inputs = op === "BiasAdd" ? [names[i]!, input[2]!] : [names[i]!];
    return { name: names[i + 1]!, op, input: inputs, attr: { T: attr.T } };
  });
  return [first, ...others];
}

/** Attributes that TF.js has, or ignores, and TensorFlow's operation has not. */
const UNKNOWN: Record<string, string> = { Placeholder: "T", AvgPool: "explicit_paddings" };

function plain(node: GraphNode): GraphNode {
  const { op, attr = {} } = node;
  const known = Object.entries(attr).filter(([name]) => name !== UNKNOWN[op]);
  return { ...node, attr: Object.fromEntries(known) };
}

/** A small constant with its values, a large one as an input. */
function constant({ name, attr }: GraphNode, { shape, values }: Constants): GraphNode {
  const dtype = attr!.dtype as Attr;
  const dims = { dim: (shape(name) ?? []).map((size) => ({ size })) };
  const small = values(name);
  if (small === undefined) return { name, op: "Placeholder", attr: { dtype, shape: { shape: dims } } };
  const content = new Uint8Array(VIEWS[dtype.type as keyof typeof VIEWS].from(small).buffer);
  return { name, op: "Const", attr: { dtype, value: { tensor: { dtype: dtype.type, shape: dims, content } } } };
}

/** An attribute as model.json has it: whole numbers as text, text in base64. Of a constant's value the content is added. */
interface Attr {
  s?: string;
  i?: string;
  f?: number;
  b?: boolean;
  type?: string;
  shape?: Shape;
  list?: { s?: string[]; i?: string[] };
  tensor?: { dtype: string; shape: Shape; content: Uint8Array };
}

interface Shape {
  dim?: { size: string | number }[];
}

const TYPES: Record<string, number> = { DT_FLOAT: 1, DT_INT32: 3, DT_BOOL: 10 };
const VIEWS = { DT_FLOAT: Float32Array, DT_INT32: Int32Array } as const;

function writeNode(wire: Wire, { name, op, input = [], attr = {} }: GraphNode): void {
  wire.text(1, name);
  wire.text(2, op);
  for (const from of input) wire.text(3, from);
  for (const [key, value] of Object.entries(attr)) {
    if (value === undefined) continue;
    wire.message(5, () => {
      wire.text(1, key);
      wire.message(2, () => writeAttr(wire, value as Attr));
    });
  }
}

function writeAttr(wire: Wire, value: Attr): void {
  const { list, shape, tensor, s, i, f, b, type } = value;
  if (list !== undefined) {
    wire.message(1, () => {
      for (const one of list.s ?? []) wire.bytes(2, Buffer.from(one, "base64"));
      for (const one of list.i ?? []) wire.int(3, one);
    });
  } else if (shape !== undefined) {
    wire.message(7, () => writeShape(wire, shape));
  } else if (tensor !== undefined) {
    wire.message(8, () => {
      wire.int(1, TYPES[tensor.dtype]!);
      wire.message(2, () => writeShape(wire, tensor.shape));
      wire.bytes(4, tensor.content);
    });
  } else if (s !== undefined) wire.bytes(2, Buffer.from(s, "base64"));
  else if (i !== undefined) wire.int(3, i);
  else if (f !== undefined) wire.float(4, f);
  else if (b !== undefined) wire.int(5, Number(b));
  else if (type !== undefined && type in TYPES) wire.int(6, TYPES[type]!);
  else throw new HubError("BUG", `Cannot write the attribute ${JSON.stringify(value)} of a graph. Please report it.`);
}

function writeShape(wire: Wire, { dim = [] }: Shape): void {
  for (const { size } of dim) wire.message(2, () => wire.int(1, size));
}
