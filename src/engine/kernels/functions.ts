import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import type * as core from "@tensorflow/tfjs-core";
import { ACT, type KernelModule } from "./module.ts";

type TensorInfo = core.TensorInfo;

export interface KernelArgs {
  inputs: Record<string, TensorInfo | undefined>;
  // biome-ignore lint/suspicious/noExplicitAny: each kernel has attributes of its own
  attrs: Record<string, any>;
  backend: BackendWasm;
}

/** A kernel of ours: its result, or undefined for a case it leaves to the stock one. */
export type OwnKernel = (args: KernelArgs) => TensorInfo | undefined;

const size = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);
const fits = (...tensors: (TensorInfo | undefined)[]): boolean =>
  tensors.every((x) => x === undefined || (x.dtype === "float32" && size(x.shape) > 0));
const sameShape = (a: readonly number[], b: readonly number[]): boolean => String(a) === String(b);
const isVector = (x: TensorInfo | undefined, n: number): boolean =>
  x === undefined || (x.shape.length === 1 && x.shape[0] === n);

/** Our kernels by TF.js's names; those that begin with "Hub" are what {@link fuse} makes of several nodes. */
export function ownKernels(tf: typeof core, m: KernelModule): Record<string, OwnKernel> {
  const at = (x: TensorInfo | undefined): number =>
    x === undefined ? 0 : (m.backend.dataIdMap.get(x.dataId) as { memoryOffset: number }).memoryOffset;
  const output = (shape: number[]): TensorInfo => m.backend.makeOutput(shape, "float32");

  const map =
    (act: number): OwnKernel =>
    ({ inputs: { x } }) => {
      if (!fits(x)) return undefined;
      const y = output(x!.shape);
      m.activate(at(x), at(y), size(x!.shape), act);
      return y;
    };

  /** Rows of x to rows of y. */
  const rows =
    (f: (x: number, y: number, rows: number, n: number) => void) =>
    (x: TensorInfo, shape: number[]): TensorInfo => {
      const y = output(shape);
      const n = x.shape.at(-1)!;
      f(at(x), at(y), size(x.shape) / n, n);
      return y;
    };

  const softmax: OwnKernel = ({ inputs: { logits: x }, attrs: { dim } }) =>
    fits(x) && dim === x!.shape.length - 1 ? rows(m.softmax)(x!, x!.shape) : undefined;

  const mean: OwnKernel = ({ inputs: { x }, attrs: { axis, keepDims } }) => {
    const axes = tf.util.parseAxisParam(axis, x!.shape);
    if (!fits(x) || axes.length !== 1 || axes[0] !== x!.shape.length - 1) return undefined;
    return rows(m.mean)(x!, [...x!.shape.slice(0, -1), ...(keepDims ? [1] : [])]);
  };

  const normalize: OwnKernel = ({ inputs: { x }, attrs: { eps } }) =>
    !fits(x) ? undefined : rows((from, to, count, n) => m.normalize(from, to, count, n, eps))(x!, x!.shape);

  const batchMatMul: OwnKernel = ({ inputs: { a, b }, attrs: { transposeA, transposeB } }) => {
    if (!fits(a, b)) return undefined;
    const [batchA, batchB] = [a!.shape.slice(0, -2), b!.shape.slice(0, -2)];
    const [left, right] = [a!.shape.slice(-2), b!.shape.slice(-2)] as [[number, number], [number, number]];
    const [n, k] = transposeA ? [left[1], left[0]] : left;
    const [inner, cols] = transposeB ? [right[1], right[0]] : right;
    if (inner !== k) return undefined; // the stock kernel says what is wrong
    const batch = tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
    const y = output([...batch, n, cols]);
    m.withScratch(m.productScratch(k, cols), (scratch) => {
      const multiply = (i: number, j: number, o: number, count: number) =>
        m.matmul(at(a) + 4 * i * n * k, +transposeA, at(b) + 4 * j * k * cols, +transposeB, 0, 0,
          at(y) + 4 * o * n * cols, count, k, cols, ACT.linear, scratch); // biome-ignore format: one call
      if (size(batchB) === 1 && !transposeA) multiply(0, 0, 0, n * size(batch));
      else
        for (let o = 0; o < size(batch); o++)
          multiply(unbroadcast(o, batch, batchA), unbroadcast(o, batch, batchB), o, n);
    });
    return y;
  };

  const linear: OwnKernel = ({ inputs: { a, b, bias, add, preluActivationWeights }, attrs }) => {
    const act = ACT[attrs.activation as keyof typeof ACT];
    const [k, cols] = b!.shape.slice(-2) as [number, number];
    const shape = [...a!.shape.slice(0, -1), cols];
    const plain = !attrs.transposeA && !attrs.transposeB && preluActivationWeights === undefined;
    const known = act !== undefined && size(b!.shape) === k * cols && a!.shape.at(-1) === k && isVector(bias, cols);
    if (!plain || !known || !fits(a, b, bias, add) || (add !== undefined && !sameShape(add.shape, shape)))
      return undefined;
    const y = output(shape);
    m.withScratch(m.productScratch(k, cols), (scratch) =>
      m.matmul(at(a), 0, at(b), 0, at(bias), at(add), at(y), size(shape) / cols, k, cols, act, scratch),
    );
    return y;
  };

  const convolve: OwnKernel = ({ inputs: { x, filter, bias, add, preluActivationWeights }, attrs }) => {
    const act = ACT[(attrs.activation ?? "linear") as keyof typeof ACT];
    const { strides, pad, dilations, dataFormat, dimRoundingMode } = attrs;
    if (dataFormat !== "NHWC" || act === undefined || preluActivationWeights !== undefined) return undefined;
    const [shapeX, shapeF] = [x!.shape, filter!.shape] as [Shape4, Shape4];
    const c = tf.backend_util.computeConv2DInfo(shapeX, shapeF, strides, dilations, pad, dimRoundingMode);
    const usual = c.dilationHeight === 1 && c.dilationWidth === 1 && shapeF[2] === c.inChannels;
    if (!usual || !fits(x, filter, bias, add) || !isVector(bias, c.outChannels) || size(c.outShape) === 0)
      return undefined;
    if (add !== undefined && !sameShape(add.shape, c.outShape)) return undefined;
    const y = output(c.outShape);
    m.withScratch(
      m.convolveScratch(c.batchSize, c.inChannels, c.filterHeight, c.filterWidth, c.strideHeight, c.strideWidth,
        c.outHeight, c.outWidth, c.outChannels), // biome-ignore format: one call
      (scratch) =>
      m.convolve(at(x), at(filter), at(bias), at(add), at(y), c.batchSize, c.inHeight, c.inWidth, c.inChannels,
        c.filterHeight, c.filterWidth, c.strideHeight, c.strideWidth, c.padInfo.top, c.padInfo.left,
        c.outHeight, c.outWidth, c.outChannels, act, scratch), // biome-ignore format: one call
    );
    return y;
  };

  const attend: OwnKernel = ({ inputs: { x, bias }, attrs: { heads, tokens } }) => {
    if (!fits(x, bias)) return undefined;
    const dim = x!.shape[1]! / 3;
    const batch = x!.shape[0]! / tokens;
    if (!Number.isInteger(batch) || !Number.isInteger(dim / heads)) {
      throw new TypeError(`attention of [${x!.shape}]: not rows of ${tokens} tokens and ${heads} heads.`);
    }
    const y = output([x!.shape[0]!, dim]);
    m.withScratch(m.attentionScratch(tokens, dim / heads), (scratch) =>
      m.attend(at(x), at(bias), at(y), batch, tokens, heads, dim / heads, scratch),
    );
    return y;
  };

  return {
    BatchMatMul: batchMatMul,
    _FusedMatMul: linear,
    Conv2D: convolve,
    FusedConv2D: convolve,
    Erf: map(ACT.erf),
    Sigmoid: map(ACT.sigmoid),
    Softmax: softmax,
    Mean: mean,
    HubLinear: linear,
    HubConv: convolve,
    HubAct: (args) => map(ACT[args.attrs.activation as keyof typeof ACT])(args),
    HubNormalize: normalize,
    HubAttention: attend,
  };
}

type Shape4 = [number, number, number, number];

/** Index of the matrix of `shape` that meets matrix `index` of the broadcast `batch`. */
function unbroadcast(index: number, batch: readonly number[], shape: readonly number[]): number {
  let [rest, at, stride] = [index, 0, 1];
  for (let i = 1; i <= batch.length; i++) {
    const n = batch.at(-i)!;
    const own = shape.at(-i) ?? 1;
    if (own !== 1) at += (rest % n) * stride;
    stride *= own;
    rest = Math.floor(rest / n);
  }
  return at;
}
