/** A TensorFlow node as model.json has it. */
export interface GraphNode {
  name: string;
  op: string;
  input?: string[];
  attr?: Record<string, unknown>;
}

/** What is known of the constants: shapes of all, values of the small ones. */
export interface Constants {
  shape(name: string): readonly number[] | undefined;
  values(name: string): readonly number[] | undefined;
}

/** Activations by the nodes they are made of; {@link ACT} has their numbers. */
type Activation = "linear" | "relu" | "gelu" | "quick_gelu";

/**
 * Joins the nodes that one kernel of ours computes together: layer normalisation, GELU and QuickGELU, self-attention, and
 * what follows a linear map or convolution (sum, activation). The stored graph stays as it is: this is done as it is
 * loaded, by form alone, so any graph with these forms gains. A value that is used elsewhere too is never swallowed.
 * @param outputs names of nodes whose values are asked for.
 */
export function fuse(nodes: readonly GraphNode[], constants: Constants, outputs: readonly string[]): GraphNode[] {
  let graph = nodes.slice();
  for (const rule of [normalize, gelu, quickGelu, attention, sumOfMap, activationOfMap]) {
    const view = new View(graph, constants, outputs);
    graph = view.without(graph.map((node) => rule(node, view) ?? node));
  }
  return graph;
}

type Rule = (node: GraphNode, g: View) => GraphNode | undefined;

/** The graph between two rules: who makes a value and how many read it. */
class View {
  private readonly byName: Map<string, GraphNode>;
  private readonly uses = new Map<string, number>();
  private readonly swallowed = new Set<string>();

  private readonly constants: Constants;
  private readonly outputs: readonly string[];

  constructor(nodes: readonly GraphNode[], constants: Constants, outputs: readonly string[]) {
    this.constants = constants;
    this.outputs = outputs;
    this.byName = new Map(nodes.map((node) => [node.name, node]));
    for (const name of [...nodes.flatMap((node) => node.input ?? []), ...outputs]) {
      const key = nodeName(name);
      this.uses.set(key, (this.uses.get(key) ?? 0) + 1);
    }
  }

  /** The node behind input `index`, if it is of an `op` and its first output is read. */
  from(node: GraphNode | undefined, index: number, ...ops: string[]): GraphNode | undefined {
    const input = node?.input?.[index];
    const found = input === undefined || /:[1-9]|^\^/.test(input) ? undefined : this.byName.get(nodeName(input));
    return found !== undefined && (ops.length === 0 || ops.includes(found.op)) ? found : undefined;
  }

  /** Values of the small constant behind input `index`. */
  values(node: GraphNode | undefined, index: number): readonly number[] | undefined {
    const constant = this.from(node, index, "Const");
    return constant && this.constants.values(constant.name);
  }

  shape(node: GraphNode | undefined, index: number): readonly number[] | undefined {
    const constant = this.from(node, index, "Const");
    return constant && this.constants.shape(constant.name);
  }

  /** Takes `parts` out of the graph if no one else reads them; `[node, readers]` where a part has several within. */
  take(...parts: (GraphNode | [GraphNode, number] | undefined)[]): boolean {
    const list = parts.map((part) => (Array.isArray(part) ? part : ([part, 1] as const)));
    for (const [node, readers] of list) {
      if (node === undefined || this.uses.get(node.name) !== readers || this.swallowed.has(node.name)) return false;
      if (this.outputs.some((name) => nodeName(name) === node.name)) return false;
    }
    for (const [node] of list) this.swallowed.add(node!.name);
    return true;
  }

  without(nodes: readonly GraphNode[]): GraphNode[] {
    return nodes.filter((node) => !this.swallowed.has(node.name));
  }
}

/** Who makes the value that an input or output names. */
export const nodeName = (input: string): string => input.replace(/^\^|:\d+$/g, "");
const is = (found: readonly number[] | undefined, ...expected: number[]): boolean => String(found) === String(expected);
const flag = (node: GraphNode | undefined, name: string): boolean =>
  (node?.attr?.[name] as { b?: boolean })?.b === true;
const float = (f: number) => ({ f });
const int = (i: number) => ({ i: String(i) });
const text = (s: string) => ({ s: btoa(s) });

/** (x - mean x) rsqrt(mean (x - mean x)^2 + eps) over the last axis. */
const normalize: Rule = (node, g) => {
  if (node.op !== "Mul") return undefined;
  const centred = g.from(node, 0, "Sub");
  const factor = g.from(node, 1, "Rsqrt");
  const guarded = g.from(factor, 0, "AddV2");
  const variance = g.from(guarded, 0, "Mean");
  const squares = g.from(variance, 0, "Square");
  const mean = g.from(centred, 1, "Mean");
  const eps = g.values(guarded, 1);
  const lastAxis = [variance, mean].every((m) => is(g.values(m, 1), -1) && flag(m, "keep_dims"));
  const same = g.from(squares, 0) === centred && mean?.input?.[0] === centred?.input?.[0];
  if (!lastAxis || !same || eps?.length !== 1) return undefined;
  if (!g.take(factor, guarded, variance, squares, mean, [centred!, 2])) return undefined;
  return { name: node.name, op: "HubNormalize", input: [centred!.input![0]!], attr: { eps: float(eps[0]!) } };
};

const activation = (name: string, x: string, act: Activation): GraphNode => ({
  name,
  op: "HubAct",
  input: [x],
  attr: { activation: text(act) },
});

/** u (1 + erf u) */
const gelu: Rule = (node, g) => {
  if (node.op !== "Mul") return undefined;
  const gate = g.from(node, 1, "AddV2");
  const erf = g.from(gate, 0, "Erf");
  const u = node.input![0]!;
  if (erf?.input?.[0] !== u || !is(g.values(gate, 1), 1) || !g.take(gate, erf)) return undefined;
  return activation(node.name, u, "gelu");
};

/** u sigmoid(u) */
const quickGelu: Rule = (node, g) => {
  if (node.op !== "Mul") return undefined;
  const sigmoid = g.from(node, 1, "Sigmoid");
  const u = node.input![0]!;
  if (sigmoid?.input?.[0] !== u || !g.take(sigmoid)) return undefined;
  return activation(node.name, u, "quick_gelu");
};

/** From rows of queries, keys, values to rows of mixed values: nine or ten nodes. */
const attention: Rule = (node, g) => {
  if (node.op !== "Reshape") return undefined;
  const joined = g.from(node, 0, "Transpose");
  const mixed = g.from(joined, 0, "BatchMatMulV2");
  const softmax = g.from(mixed, 0, "Softmax");
  const biased = g.from(softmax, 0, "AddV2");
  const logits = g.from(biased ?? softmax, 0, "BatchMatMulV2");
  const split = g.from(logits, 0, "Split");
  const turned = g.from(split, 1, "Transpose");
  const heads3 = g.from(turned, 0, "Reshape");
  const shape = g.values(heads3, 1);
  if (split === undefined || shape?.length !== 4 || shape[0] !== -1) return undefined;
  const [, tokens, parts, size] = shape as [number, number, number, number];
  const heads = parts / 3;
  const forms =
    [joined, turned].every((t) => is(g.values(t, 1), 0, 2, 1, 3)) &&
    is(g.values(node, 1), -1, heads * size) &&
    is(g.values(split, 0), 1) &&
    logits!.input![1] === `${split.name}:1` &&
    mixed!.input![1] === `${split.name}:2` &&
    flag(logits, "adj_y") &&
    !flag(logits, "adj_x") &&
    !flag(mixed, "adj_x") &&
    !flag(mixed, "adj_y") && // biome-ignore format: one thing
    (biased === undefined || is(g.shape(biased, 1), 1, heads, tokens, tokens));
  const inner = [joined, mixed, softmax, logits, [split, 3], turned, heads3] as const;
  if (!forms || !g.take(...(inner as unknown as GraphNode[]), ...(biased ? [biased] : []))) return undefined;
  const input = [heads3!.input![0]!, ...(biased ? [biased.input![1]!] : [])];
  return { name: node.name, op: "HubAttention", input, attr: { tokens: int(tokens), heads: int(heads) } };
};

const MAPS: Record<string, string> = {
  MatMul: "HubLinear",
  _FusedMatMul: "HubLinear",
  Conv2D: "HubConv",
  _FusedConv2D: "HubConv",
};

/** A map without activation, as a node of ours; its inputs are x, weight, bias if `bias`, summand if `add`. */
function asMap(map: GraphNode | undefined, name: string): GraphNode | undefined {
  if (map === undefined) return undefined;
  if (map.op in { HubLinear: 1, HubConv: 1 }) {
    return (map.attr!.activation as { s: string }).s === btoa("linear") ? { ...map, name } : undefined;
  }
  const fused = (map.attr?.fused_ops as { list?: { s?: string[] } } | undefined)?.list?.s?.map(atob) ?? [];
  const ones = (map.attr?.dilations as { list?: { i?: unknown[] } } | undefined)?.list?.i?.every(
    (d) => Number(d) === 1,
  );
  const layout = (map.attr?.data_format as { s?: string } | undefined)?.s ?? btoa("NHWC");
  const plain = ["transpose_a", "transpose_b"].every((t) => !flag(map, t)) && ones !== false && layout === btoa("NHWC");
  if (!plain || String(fused) !== (map.op.startsWith("_") ? "BiasAdd" : "")) return undefined;
  const attr = { ...map.attr, bias: { b: fused.length === 1 }, add: { b: false }, activation: text("linear") };
  return { name, op: MAPS[map.op]!, input: map.input, attr };
}

/** map(x) + y */
const sumOfMap: Rule = (node, g) => {
  if (node.op !== "AddV2" && node.op !== "Add") return undefined;
  for (const [i, other] of [
    [0, 1],
    [1, 0],
  ] as const) {
    // biome-ignore format: a table
    const map = g.from(node, i, ...Object.keys(MAPS));
    const joined = asMap(map, node.name);
    if (joined === undefined || g.from(node, other, "Const") !== undefined || !g.take(map)) continue;
    return { ...joined, input: [...joined.input!, node.input![other]!], attr: { ...joined.attr, add: { b: true } } };
  }
  return undefined;
};

/** relu(map), and the activations found before. */
const activationOfMap: Rule = (node, g) => {
  if (node.op !== "Relu" && node.op !== "HubAct") return undefined;
  const map = g.from(node, 0, ...Object.keys(MAPS), "HubLinear", "HubConv");
  const joined = asMap(map, node.name);
  if (joined === undefined || !g.take(map)) return undefined;
  const act = node.op === "Relu" ? text("relu") : node.attr!.activation;
  return { ...joined, attr: { ...joined.attr, activation: act } };
};
