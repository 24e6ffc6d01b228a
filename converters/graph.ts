import { HubError } from "../src/core/errors.ts";
import {
  ACTIVATIONS,
  type Activation,
  elements,
  type Node,
  type Padding,
  type Param,
  type Value,
  type Weight,
} from "./nodes.ts";
import { affineParams, asIs, type MapOptions, mapWeights } from "./weights.ts";

export type { Param, Value, Weight } from "./nodes.ts";

export interface ConvOptions extends MapOptions {
  /** Output channels. */
  out: number;
  kernel: number;
  stride?: number;
  padding?: Padding;
  relu?: boolean;
}

export interface LinearOptions extends Omit<MapOptions, "inGain"> {
  out: number;
  /** The activation that reads this map's output: the map takes its factor. */
  before?: Activation;
  /** The activation whose output this map reads. */
  after?: Activation;
}

type Draft = Node extends infer N ? (N extends { out: Value } ? Omit<N, "out"> : never) : never;

/**
 * The symbolic builder of an encoder. It is filled without weights: architecture functions only say which key of which
 * shape goes where, so keys, z_dim and parameter counts are known before a byte of a checkpoint is read. Fusion is
 * asked for where the architecture is written; there is no optimiser pass. The one class here, for it holds state.
 */
export class Graph {
  private readonly built: Node[] = [];
  private readonly declared = new Map<string, Param>();
  private values = 0;
  private features: readonly number[] | undefined;

  /** Normalised images, `[-1, size, size, 3]`. */
  input(size: number): Value {
    return this.push({ kind: "input" }, [-1, size, size, 3]);
  }

  /** Square convolution with what stands around it folded in, ReLU fused on request. */
  conv(x: Value, key: string, o: ConvOptions): Value {
    const { stride = 1, padding = 0, relu = false } = o;
    const weights = mapWeights(this.param, key, [o.out, channels(x), o.kernel, o.kernel], o);
    return this.push({ kind: "conv", x, ...weights, stride, padding, relu }, [
      -1,
      ...windows(x, o.kernel, stride, padding),
      o.out,
    ]);
  }

  /** One filter a channel, stride 1; the map keeps its size. */
  depthwise(x: Value, key: string, kernel: number): Value {
    const weights = mapWeights(this.param, key, [channels(x), 1, kernel, kernel], {});
    // [h, w, 1, channels] to TensorFlow's [h, w, channels, 1]: the same bytes.
    const turned: Weight = { ...weights.kernel, shape: [kernel, kernel, channels(x), 1] };
    return this.push({ kind: "depthwise", x, ...weights, kernel: turned, padding: "same" }, x.shape);
  }

  /** y = W x + b of rows: `[-1, in]` to `[-1, out]`. */
  linear(x: Value, key: string, o: LinearOptions): Value {
    if (x.shape.length !== 2) throw bug(`linear map of [${x.shape}]`);
    const before = o.before === undefined ? 1 : ACTIVATIONS[o.before].before;
    const gain = before === 1 ? o.gain : (i: number) => before * (o.gain?.(i) ?? 1);
    const inGain = o.after === undefined ? 1 : ACTIVATIONS[o.after].after;
    const weights = mapWeights(this.param, key, [o.out, channels(x)], { ...o, gain, inGain });
    return this.push({ kind: "linear", x, ...weights }, [-1, o.out]);
  }

  /** Max pool as PyTorch's: padding never wins. */
  maxPool(x: Value, kernel: number, stride: number, padding: Padding): Value {
    const shape = [-1, ...windows(x, kernel, stride, padding), channels(x)];
    return this.push({ kind: "maxPool", x, kernel, stride, padding }, shape);
  }

  /** Mean of windows `size` wide that do not overlap; what is left at the edge is dropped. */
  avgPool(x: Value, size: number): Value {
    if (size === 1) return x;
    return this.push({ kind: "avgPool", x, size }, [-1, ...windows(x, size, size, 0), channels(x)]);
  }

  /** LayerNorm over the last axis without its affine, which a map that follows takes as `norm`, or {@link affine}. */
  normalize(x: Value, eps: number): Value {
    return this.push({ kind: "normalize", x, eps }, x.shape);
  }

  /** The affine of a norm, weight and bias over the last axis. */
  affine(x: Value, key: string): Value {
    const [scale, shift] = affineParams(this.param, key, channels(x));
    return this.push({ kind: "affine", x, scale: asIs(scale), shift: asIs(shift) }, x.shape);
  }

  layerNorm(x: Value, key: string, eps: number): Value {
    return this.affine(this.normalize(x, eps), key);
  }

  /** x times and plus given constants over the last axis. */
  scaleShift(x: Value, scale: Weight, shift: Weight): Value {
    return this.push({ kind: "affine", x, scale, shift }, x.shape);
  }

  /** The maps around it must say so, by `before` and `after`. */
  act(x: Value, act: Activation): Value {
    return this.push({ kind: "act", x, act }, x.shape);
  }

  /**
   * Multi-head self-attention of rows `[-1, 3 dim]`: queries, keys, values, each by head; queries scaled already.
   * @param bias `[1, heads, tokens, tokens]`, added to the logits.
   */
  attention(x: Value, tokens: number, heads: number, bias?: Weight): Value {
    return this.push({ kind: "attention", x, tokens, heads, ...(bias && { bias }) }, [-1, channels(x) / 3]);
  }

  /** Attention of one query an image, `[-1, dim]` and scaled, over rows `[-1, dim]` of keys and of values. */
  queryAttention(query: Value, keys: Value, values: Value, tokens: number, heads: number): Value {
    return this.push({ kind: "queryAttention", query, keys, values, tokens, heads }, query.shape);
  }

  /** Patches `[-1, h, w, dim]` to rows, a class token in front; `table [1, 1 + h w, dim]` holds it and the positions. */
  embed(x: Value, table: Weight): Value {
    return this.push({ kind: "embed", x, table }, [-1, channels(x)]);
  }

  /** x plus a constant of its shape. */
  addWeight(x: Value, weight: Weight): Value {
    return this.push({ kind: "addWeight", x, weight }, x.shape);
  }

  add(a: Value, b: Value): Value {
    if (String(a.shape) !== String(b.shape)) throw bug(`add of [${a.shape}] and [${b.shape}]`);
    return this.push({ kind: "add", a, b }, a.shape);
  }

  relu(x: Value): Value {
    return this.push({ kind: "relu", x }, x.shape);
  }

  /** To the nearest integer, halves to even. */
  round(x: Value): Value {
    return this.push({ kind: "round", x }, x.shape);
  }

  /** Over height and width, `[-1, h, w, c]` to `[-1, c]`, or over tokens, `[-1, t, c]` to `[-1, c]`. */
  mean(x: Value): Value {
    return this.push({ kind: "mean", x }, [-1, channels(x)]);
  }

  reshape(x: Value, shape: readonly number[]): Value {
    return this.push({ kind: "reshape", x }, shape);
  }

  /** Columns `from` to `to` of `[-1, dim]`. */
  columns(x: Value, from: number, to: number): Value {
    return this.push({ kind: "columns", x, from }, [-1, to - from]);
  }

  concat(xs: readonly Value[], axis: number): Value {
    const shape = xs[0]!.shape.map((n, i) => (i === axis ? xs.reduce((sum, x) => sum + x.shape[axis]!, 0) : n));
    return this.push({ kind: "concat", xs, axis }, shape);
  }

  /** Joined along a new axis. */
  stack(xs: readonly Value[], axis: number): Value {
    return this.push({ kind: "stack", xs, axis }, xs[0]!.shape.toSpliced(axis, 0, xs.length));
  }

  /** Names `x` the representation: `features [-1, z_dim]`; a map or tokens are laid out in a row, channels last. */
  output(x: Value): void {
    this.features = x.shape.slice(1);
    const flat = x.shape.length === 2 ? x : this.reshape(x, [-1, elements(this.features)]);
    this.built.push({ kind: "output", out: flat, x: flat });
  }

  /** Declares a parameter; of a representation that does not read all of an architecture's, the rest is declared alone. */
  readonly param = (key: string, shape: readonly number[]): Param => {
    const known = this.declared.get(key);
    if (known !== undefined && String(known.shape) !== String(shape)) throw bug(`parameter ${key} in two shapes`);
    const param = known ?? { key, shape };
    this.declared.set(key, param);
    return param;
  };

  /** What the representation is computed by, in order. */
  get nodes(): Node[] {
    const needed = new Set<number>();
    return this.built
      .toReversed()
      .filter((node) => {
        if (node.kind !== "output" && !needed.has(node.out.id)) return false;
        for (const { id } of inputsOf(node)) needed.add(id);
        return true;
      })
      .toReversed();
  }

  /** Every parameter the architecture has, each once, in the order of use. */
  get params(): Param[] {
    return [...this.declared.values()];
  }

  /** Values in the representation. */
  get zDim(): number {
    return elements(this.zShape);
  }

  /** Shape of one image's representation: `[dim]`, `[tokens, dim]` or `[h, w, channels]`. */
  get zShape(): readonly number[] {
    if (this.features === undefined) throw bug("graph without output");
    return this.features;
  }

  /** Elements of all parameters; batch norm's running statistics are buffers and do not count. */
  get nParameters(): number {
    return this.params
      .filter(({ key }) => !/\.running_(mean|var)$/.test(key))
      .reduce((sum, { shape }) => sum + elements(shape), 0);
  }

  private push(node: Draft, shape: readonly number[]): Value {
    if (shape.some((n) => n < -1 || n === 0 || !Number.isInteger(n))) throw bug(`value of shape [${shape}]`);
    const out = { id: this.values++, shape };
    this.built.push({ ...node, out } as Node);
    return out;
  }
}

/** The values a node reads. */
function inputsOf(node: Node): Value[] {
  const { out: _, ...rest } = node;
  return Object.values(rest)
    .flat()
    .filter((field): field is Value => typeof field === "object" && "id" in field);
}

const channels = (x: Value): number => x.shape.at(-1)!;

/** Height and width of what a window sees. */
function windows(x: Value, kernel: number, stride: number, padding: Padding): number[] {
  return x.shape
    .slice(1, 3)
    .map((n) => (padding === "same" ? Math.ceil(n / stride) : Math.floor((n + 2 * padding - kernel) / stride) + 1));
}

function bug(what: string): HubError {
  return new HubError("BUG", `Cannot build the graph: ${what}. Please report this.`);
}
