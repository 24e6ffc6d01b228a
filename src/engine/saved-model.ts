import { HubError } from "../core/errors.ts";
import type { Constants, GraphNode } from "./kernels/fuse.ts";

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
  const graph = message(2, ...plainNodes.map(nodeDef), message(4, int(1, PRODUCER)));
  const about = message(1, text(4, TAG));
  return { bytes: Buffer.concat([int(1, 1), message(2, about, graph)]), fed };
}

/** The tag that the graph is asked for by. */
export const TAG = "serve";

/** Version of graphs of TensorFlow 2.9, the oldest that tfjs-node 4.22 comes with. */
const PRODUCER = 1087;

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
  const first = plain({ name: names[0]!, op: base, input: input.slice(0, 2), attr: rest });
  const others = then.map((op, i): GraphNode => {
    const inputs = op === "BiasAdd" ? [names[i]!, input[2]!] : [names[i]!];
    return { name: names[i + 1]!, op, input: inputs, attr: { T: attr.T } };
  });
  return [first, ...others];
}

/** Attributes that TF.js has, or ignores, and TensorFlow's operation has not. */
const UNKNOWN: Record<string, string> = { Placeholder: "T", AvgPool: "explicit_paddings" };

/** TF.js multiplies matrices of any rank by MatMul; TensorFlow's takes two dimensions, and this any number. */
function plain(node: GraphNode): GraphNode {
  const { op, attr = {} } = node;
  if (op === "MatMul") {
    const { T, transpose_a, transpose_b } = attr;
    return { ...node, op: "BatchMatMulV2", attr: { T, adj_x: transpose_a, adj_y: transpose_b } };
  }
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

function nodeDef({ name, op, input = [], attr = {} }: GraphNode): Uint8Array {
  const attrs = Object.entries(attr).filter(([, value]) => value !== undefined);
  const entry = ([key, value]: [string, unknown]) => message(5, text(1, key), message(2, attrValue(value as Attr)));
  return message(1, text(1, name), text(2, op), ...input.map((from) => text(3, from)), ...attrs.map(entry));
}

function attrValue(value: Attr): Uint8Array {
  const { list, shape, tensor } = value;
  if (list !== undefined) {
    const [s, i] = [list.s ?? [], list.i ?? []];
    return message(1, ...s.map((one) => bytes(2, Buffer.from(one, "base64"))), ...i.map((one) => int(3, one)));
  }
  if (shape !== undefined) return message(7, shapeProto(shape));
  if (tensor !== undefined) {
    return message(8, int(1, TYPES[tensor.dtype]!), message(2, shapeProto(tensor.shape)), bytes(4, tensor.content));
  }
  if (value.s !== undefined) return bytes(2, Buffer.from(value.s, "base64"));
  if (value.i !== undefined) return int(3, value.i);
  if (value.f !== undefined) return float(4, value.f);
  if (value.b !== undefined) return int(5, Number(value.b));
  if (value.type !== undefined && value.type in TYPES) return int(6, TYPES[value.type]!);
  throw new HubError("BUG", `Cannot write the attribute ${JSON.stringify(value)} of a graph. Please report it.`);
}

const shapeProto = ({ dim = [] }: Shape): Uint8Array => Buffer.concat(dim.map(({ size }) => message(2, int(1, size))));

// The wire format of protocol buffers: a field is its number and kind, then a varint, four bytes, or a length and so many bytes.
const VARINT = 0;
const LENGTH = 2;
const FOUR_BYTES = 5;

function varint(value: string | number): Uint8Array {
  if (Number(value) >= 0 && Number(value) < 128) return Uint8Array.of(Number(value));
  const digits: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) digits.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...digits, Number(rest)]);
}

const field = (number: number, kind: number, ...content: Uint8Array[]): Uint8Array =>
  Buffer.concat([varint((number << 3) | kind), ...content]);
const int = (number: number, value: string | number): Uint8Array => field(number, VARINT, varint(value));
const bytes = (number: number, content: Uint8Array): Uint8Array =>
  field(number, LENGTH, varint(content.length), content);
const text = (number: number, content: string): Uint8Array => bytes(number, Buffer.from(content));
const message = (number: number, ...fields: Uint8Array[]): Uint8Array => bytes(number, Buffer.concat(fields));
const float = (number: number, value: number): Uint8Array =>
  field(number, FOUR_BYTES, new Uint8Array(Float32Array.of(value).buffer));
