/** A tensor that flows: NHWC, or `[-1, dim]` rows; the leading -1 is the batch size, or batch size times tokens. */
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

/** Zeros on every side, or TensorFlow's SAME. */
export type Padding = number | "same";

/** Activations whose constant factors are folded into the linear maps around them; {@link ACTIVATIONS}. */
export type Activation = "gelu" | "quick_gelu";

/**
 * `before` scales the map that feeds an activation, `after` the one that reads it: with u = before * x the node computes
 * u (1 + erf u) for GELU, 0.5 x (1 + erf(x / sqrt 2)), and u sigmoid(u) for QuickGELU, x sigmoid(1.702 x).
 */
export const ACTIVATIONS: Record<Activation, { before: number; after: number }> = {
  gelu: { before: Math.SQRT1_2, after: Math.SQRT1_2 },
  quick_gelu: { before: 1.702, after: 1 / 1.702 },
};

interface Conv {
  out: Value;
  x: Value;
  kernel: Weight;
  bias?: Weight;
  padding: Padding;
}

export type Node =
  | { kind: "input"; out: Value }
  | ({ kind: "conv"; stride: number; relu: boolean } & Conv)
  /** One filter a channel, stride 1. */
  | ({ kind: "depthwise" } & Conv)
  | { kind: "maxPool"; out: Value; x: Value; kernel: number; stride: number; padding: Padding }
  /** Windows that do not overlap. */
  | { kind: "avgPool"; out: Value; x: Value; size: number }
  | { kind: "linear"; out: Value; x: Value; kernel: Weight; bias?: Weight }
  /** To mean 0 and variance 1 over the last axis. */
  | { kind: "normalize"; out: Value; x: Value; eps: number }
  | { kind: "affine"; out: Value; x: Value; scale: Weight; shift: Weight }
  | { kind: "act"; out: Value; x: Value; act: Activation }
  /** `x` is `[-1, 3 dim]`: queries, keys, values side by side, queries scaled; `bias [1, heads, t, t]` adds to the logits. */
  | { kind: "attention"; out: Value; x: Value; tokens: number; heads: number; bias?: Weight }
  /** One query an image, `[-1, dim]`, scaled; keys and values are rows `[-1, dim]`. */
  | { kind: "queryAttention"; out: Value; query: Value; keys: Value; values: Value; tokens: number; heads: number }
  /** `[-1, h, w, dim]` to rows: an empty class token in front of the patches, then a table `[1, t, dim]` added to all. */
  | { kind: "embed"; out: Value; x: Value; table: Weight }
  | { kind: "addWeight"; out: Value; x: Value; weight: Weight }
  | { kind: "add"; out: Value; a: Value; b: Value }
  | { kind: "relu"; out: Value; x: Value }
  /** To the nearest integer, halves to even. */
  | { kind: "round"; out: Value; x: Value }
  /** Over axes 1 and 2 of a map, axis 1 of tokens. */
  | { kind: "mean"; out: Value; x: Value }
  | { kind: "reshape"; out: Value; x: Value }
  /** Columns `from` and on of `[-1, dim]`. */
  | { kind: "columns"; out: Value; x: Value; from: number }
  | { kind: "concat"; out: Value; xs: readonly Value[]; axis: number }
  /** Joined along a new axis. */
  | { kind: "stack"; out: Value; xs: readonly Value[]; axis: number }
  | { kind: "output"; out: Value; x: Value };

/** Number of elements of a shape; 1 for a scalar. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}
