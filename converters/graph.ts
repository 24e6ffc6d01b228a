import { HubError } from "../src/core/errors.ts";

/** A tensor that flows: NHWC or `[batch, dim]`; the batch size is -1. */
export interface Value {
  readonly id: number;
  readonly shape: readonly number[];
}

/** A parameter of the architecture under its canonical `state_dict` key, shape in PyTorch's order. */
export interface Param {
  readonly key: string;
  readonly shape: readonly number[];
}

/** A constant of the graph as a recipe over parameters, so that weights can stream through one at a time. */
export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly params: readonly Param[];
  /** Parameters in C order, in the order of `params`, to the constant in C order. */
  make(...params: Float32Array[]): Float32Array;
}

export type Node =
  | { kind: "input"; out: Value }
  | {
      kind: "conv";
      out: Value;
      x: Value;
      kernel: Weight;
      bias: Weight;
      stride: number;
      padding: number;
      relu: boolean;
    }
  | { kind: "maxPool"; out: Value; x: Value; kernel: number; stride: number; padding: number }
  | { kind: "add"; out: Value; a: Value; b: Value }
  | { kind: "relu"; out: Value; x: Value }
  | { kind: "mean"; out: Value; x: Value }
  | { kind: "output"; out: Value; x: Value };

export interface ConvOptions {
  /** Output channels. */
  out: number;
  kernel: number;
  stride?: number;
  /** Zeros on every side. */
  padding?: number;
  /** Key of the batch norm that follows; it is folded into kernel and bias. */
  bn: { key: string; eps: number };
  relu?: boolean;
}

/**
 * The symbolic builder of an encoder. It is filled without weights: architecture functions only say which key of which
 * shape goes where, so keys, z_dim and parameter counts are known before a byte of a checkpoint is read. Fusion is
 * asked for where the architecture is written; there is no optimiser pass. The one class here, for it holds state.
 */
export class Graph {
  readonly nodes: Node[] = [];
  private readonly declared = new Map<string, Param>();
  private values = 0;

  /** Normalised images, `[-1, size, size, 3]`. */
  input(size: number): Value {
    const out = this.value([-1, size, size, 3]);
    this.nodes.push({ kind: "input", out });
    return out;
  }

  /** Square convolution without bias, its batch norm folded, ReLU fused on request. */
  conv(x: Value, key: string, o: ConvOptions): Value {
    const { stride = 1, padding = 0 } = o;
    const channels = x.shape[3]!;
    const kernel = this.param(`${key}.weight`, [o.out, channels, o.kernel, o.kernel]);
    const [gamma, beta, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map((name) =>
      this.param(`${o.bn.key}.${name}`, [o.out]),
    ) as [Param, Param, Param, Param];
    const side = (n: number) => Math.floor((n + 2 * padding - o.kernel) / stride) + 1;
    const out = this.value([-1, side(x.shape[1]!), side(x.shape[2]!), o.out]);
    this.nodes.push({
      kind: "conv",
      out,
      x,
      kernel: {
        name: `${key}/kernel`,
        shape: [o.kernel, o.kernel, channels, o.out],
        params: [kernel, gamma, variance],
        make: (w, g, v) => foldKernel(w!, scales(g!, v!, o.bn.eps), kernel.shape),
      },
      bias: {
        name: `${key}/bias`,
        shape: [o.out],
        params: [gamma, beta, mean, variance],
        make: (g, b, m, v) => foldBias(b!, m!, scales(g!, v!, o.bn.eps)),
      },
      stride,
      padding,
      relu: o.relu ?? false,
    });
    return out;
  }

  /** Max pool as PyTorch's: padding never wins. */
  maxPool(x: Value, kernel: number, stride: number, padding: number): Value {
    const side = (n: number) => Math.floor((n + 2 * padding - kernel) / stride) + 1;
    const out = this.value([-1, side(x.shape[1]!), side(x.shape[2]!), x.shape[3]!]);
    this.nodes.push({ kind: "maxPool", out, x, kernel, stride, padding });
    return out;
  }

  add(a: Value, b: Value): Value {
    if (String(a.shape) !== String(b.shape)) throw bug(`add of [${a.shape}] and [${b.shape}]`);
    const out = this.value(a.shape);
    this.nodes.push({ kind: "add", out, a, b });
    return out;
  }

  relu(x: Value): Value {
    const out = this.value(x.shape);
    this.nodes.push({ kind: "relu", out, x });
    return out;
  }

  /** Mean over height and width: `[-1, h, w, c]` to `[-1, c]`. */
  mean(x: Value): Value {
    const out = this.value([-1, x.shape[3]!]);
    this.nodes.push({ kind: "mean", out, x });
    return out;
  }

  /** Names `x` the representation, `features [-1, z_dim]`. */
  output(x: Value): void {
    if (x.shape.length !== 2) throw bug(`output of shape [${x.shape}]`);
    this.nodes.push({ kind: "output", out: x, x });
  }

  /** Every parameter the encoder needs, each once, in the order of use. */
  get params(): Param[] {
    return [...this.declared.values()];
  }

  /** Values in the representation. */
  get zDim(): number {
    return this.outputNode().x.shape[1]!;
  }

  /** Elements of all parameters; batch norm's running statistics are buffers and do not count. */
  get nParameters(): number {
    return this.params
      .filter(({ key }) => !/\.running_(mean|var)$/.test(key))
      .reduce((sum, { shape }) => sum + elements(shape), 0);
  }

  private outputNode() {
    const node = this.nodes.at(-1);
    if (node?.kind !== "output") throw bug("graph without output");
    return node;
  }

  private param(key: string, shape: readonly number[]): Param {
    if (this.declared.has(key)) throw bug(`parameter ${key} declared twice`);
    const param = { key, shape };
    this.declared.set(key, param);
    return param;
  }

  private value(shape: readonly number[]): Value {
    if (shape.some((n) => n < -1 || n === 0 || !Number.isInteger(n))) throw bug(`value of shape [${shape}]`);
    return { id: this.values++, shape };
  }
}

/** Number of elements of a shape; 1 for a scalar. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** gamma / sqrt(var + eps), kept in float64 until the product. */
function scales(gamma: Float32Array, variance: Float32Array, eps: number): Float64Array {
  return Float64Array.from(gamma, (g, i) => g / Math.sqrt(variance[i]! + eps));
}

/** OIHW to HWIO, each output channel times its batch-norm scale. */
function foldKernel(w: Float32Array, scale: Float64Array, shape: readonly number[]): Float32Array {
  const [outs, ins, height, width] = shape as [number, number, number, number];
  const folded = new Float32Array(w.length);
  const area = height * width;
  for (let o = 0; o < outs; o++) {
    const factor = scale[o]!;
    for (let i = 0; i < ins; i++) {
      const from = (o * ins + i) * area;
      for (let p = 0; p < area; p++) folded[(p * ins + i) * outs + o] = w[from + p]! * factor;
    }
  }
  return folded;
}

function foldBias(beta: Float32Array, mean: Float32Array, scale: Float64Array): Float32Array {
  return Float32Array.from(beta, (b, i) => b - mean[i]! * scale[i]!);
}

function bug(what: string): HubError {
  return new HubError("BUG", `Cannot build the graph: ${what}. Please report this.`);
}
