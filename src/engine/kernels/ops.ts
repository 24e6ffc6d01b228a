import type { registerOp } from "@tensorflow/tfjs-converter";
import type * as core from "@tensorflow/tfjs-core";

/** A node as TF.js gives it to a custom operation. */
type CustomNode = Parameters<Parameters<typeof registerOp>[1]>[0];

/** Attributes of the nodes that {@link fuse} makes. */
interface Attrs {
  eps: number;
  activation: string;
  tokens: number;
  heads: number;
  bias: boolean;
  add: boolean;
  strides: number[];
  padding: string;
  explicit_paddings: number[];
}

/** Tells TF.js's graph executor how to compute the nodes that {@link fuse} makes. They need the kernels installed. */
export function registerOps(register: typeof registerOp, tf: typeof core): void {
  const run = (name: string, inputs: Record<string, core.Tensor | undefined>, attrs: object): core.Tensor =>
    tf.engine().runKernel(name, inputs as core.NamedTensorMap, attrs as core.NamedAttrMap) as core.Tensor;
  const attrsOf = (node: CustomNode) => node.attrs as unknown as Attrs;

  register("HubNormalize", (node) => run("HubNormalize", { x: node.inputs[0] }, { eps: attrsOf(node).eps }));
  register("HubAct", (node) => run("HubAct", { x: node.inputs[0] }, { activation: attrsOf(node).activation }));
  register("HubAttention", (node) => {
    const { tokens, heads } = attrsOf(node);
    return run("HubAttention", { x: node.inputs[0], bias: node.inputs[1] }, { tokens, heads });
  });
  /** A map whose summand is of its own shape, which is all the kernel takes, or must be broadcast. */
  const map = (name: string, inputs: Operands, shape: number[], attrs: { activation: string }): core.Tensor => {
    const { add, ...rest } = inputs;
    if (add === undefined || String(add.shape) === String(shape)) return run(name, inputs, attrs);
    return tf.tidy(() => {
      const sum = tf.add(run(name, rest, { ...attrs, activation: "linear" }), add);
      return attrs.activation === "linear" ? sum : run("HubAct", { x: sum }, attrs);
    });
  };
  register("HubLinear", (node) => {
    const inputs = operands(node, "a", "b");
    const shape = [...inputs.a!.shape.slice(0, -1), inputs.b!.shape.at(-1)!];
    return map("HubLinear", inputs, shape, { activation: attrsOf(node).activation });
  });
  register("HubConv", (node) => {
    const inputs = operands(node, "x", "filter");
    const { activation, strides, padding, explicit_paddings: e } = attrsOf(node);
    const pairs = [0, 2, 4, 6].map((i) => [e?.[i], e?.[i + 1]]);
    const pad = (padding === "explicit" ? pairs : padding) as "same";
    const stride = strides.slice(1, 3) as [number, number];
    const { outShape } = tf.backend_util.computeConv2DInfo(
      inputs.x!.shape as [number, number, number, number],
      inputs.filter!.shape as [number, number, number, number],
      stride,
      1,
      pad,
    );
    return map("HubConv", inputs, outShape, {
      ...{ activation, strides: stride, pad, dilations: 1, dataFormat: "NHWC" },
    });
  });
}

type Operands = Record<string, core.Tensor | undefined>;

/** The inputs of a map by name; bias and summand only where its attributes say so. */
function operands(node: CustomNode, x: string, weight: string): Operands {
  const { bias, add } = node.attrs as unknown as Attrs;
  const names = [x, weight, ...(bias ? ["bias"] : []), ...(add ? ["add"] : [])];
  return Object.fromEntries(names.map((name, i) => [name, node.inputs[i]]));
}
