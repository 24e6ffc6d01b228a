import { toFloat16 } from "../../converters/tf/float16.ts";
import { fill } from "./formula.ts";
import type { GoldenModel } from "./golden-model.ts";
import { type ArrayEntry, type ArrayTree, writeHaiku, writeNpz } from "./write-numpy.ts";
import { type TensorEntry, type TorchForm, type Tree, writeTorch } from "./write-torch.ts";

/** The forms a case's file comes in; lossyless's two files, each of its own form, count as one. */
export type Form = TorchForm | "npz" | "haiku-pickle" | "lossyless";

export function formsOf({ formats, rounding }: GoldenModel): Form[] {
  return rounding === undefined ? (formats as Form[]) : ["lossyless"];
}

/** Writes a case's file as its authors' would be; gives the files that are needed besides. */
export async function writeOfficial(golden: GoldenModel, form: Form, path: string): Promise<string[]> {
  if (form === "npz") await writeNpz(path, augregArrays(golden));
  else if (form === "haiku-pickle") await writeHaiku(path, haikuState(golden));
  else if (form === "lossyless") return [await writeLossyless(golden, path)];
  else await writeTorch(path, officialTree(golden), form);
  return [];
}

/** What a file of torch holds, container and bystanders included. */
function officialTree(golden: GoldenModel): Tree {
  const { container, prefix, rename = {}, extraKeys = {}, extraEntries = [], absentKeys = [] } = golden.rawLayout;
  const state: Tree = {};
  for (const [key, tensor] of weights(golden)) {
    if (absentKeys.some((text) => key.includes(text))) continue;
    state[(rename as Record<string, string>)[key] ?? prefix + key] = tensor;
  }
  for (const [key, shape] of Object.entries(extraKeys)) state[key] = bystander(golden, key, shape);
  const wrapped = container.reduceRight<Tree>((inner, key) => ({ [key]: inner }), state);
  return container.length === 0
    ? wrapped
    : { ...Object.fromEntries(extraEntries.map((name) => [name, 1])), ...wrapped };
}

function weights(golden: GoldenModel): [key: string, TensorEntry][] {
  const half = new Set(golden.float16Keys);
  return Object.entries(golden.canonicalKeys).map(([key, shape], j) => {
    const rule = golden.init.rules[golden.init.of[j]!]!;
    if (typeof rule === "string") return [key, { shape, dtype: "int64", values: () => new BigInt64Array(size(shape)) }];
    const values = () => fill(golden.alias[key] ?? key, size(shape), golden.seed, ...rule);
    return [
      key,
      half.has(key) ? { shape, dtype: "float16", values: () => toFloat16(values(), key) } : { shape, values },
    ];
  });
}

/** Something else the file holds. Its values do not matter. */
function bystander({ seed }: GoldenModel, key: string, shape: readonly (number | null)[]): TensorEntry {
  const sides = shape.map((n) => n ?? 1);
  return { shape: sides, values: () => fill(key, size(sides), seed, 0, 0.1) };
}

/** The weights that are no counters, as arrays. */
const arraysOf = (golden: GoldenModel) =>
  weights(golden).filter(([key]) => !key.endsWith("num_batches_tracked")) as [string, ArrayEntry][];

/** BYOL's states: kernels `[h, w, in, out]`, norms `[1, 1, 1, c]`, of each average a value, a hidden one and a count. */
function haikuState(golden: GoldenModel): ArrayTree {
  const [params, state]: [Record<string, ArrayTree>, Record<string, ArrayTree>] = [{}, {}];
  const { rename, extraKeys = {} } = golden.rawLayout;
  for (const [key, { shape, values }] of arraysOf(golden)) {
    const [module, leaf] = (rename as Record<string, string>)[key]!.split("|") as [string, string];
    const array =
      shape.length === 4
        ? { shape: hwio.map((axis) => shape[axis]!), values: () => permute(values(), shape, hwio) }
        : { shape: [1, 1, 1, ...shape], values };
    const row = { ...array, values: () => new Float32Array(size(shape)) };
    if (leaf === "average") state[module] = { hidden: row, average: array, counter: { shape: [1], values: count } };
    else params[module] = { ...params[module], [leaf]: array };
  }
  for (const [key, shape] of Object.entries(extraKeys)) {
    const [module, leaf] = key.split("|") as [string, string];
    params[module] = { ...params[module], [leaf]: bystander(golden, key, shape) as ArrayEntry };
  }
  return { online_params: params, target_params: {}, online_state: state, target_state: {} };
}

const count = () => new Float32Array(1);

/** Google's names and axes for a ViT: heads are axes, kernels are `[in, out]` and `[h, w, in, out]`. */
function augregArrays(golden: GoldenModel): Record<string, ArrayEntry> {
  const arrays: Record<string, ArrayEntry> = {};
  const heads = (golden as unknown as { arch: { heads: number } }).arch.heads;
  for (const [key, { shape, values }] of arraysOf(golden)) {
    const name = augregName(key);
    const split = [heads, shape.at(-1)! / heads];
    const put = (name: string, shape: readonly number[], values: () => Float32Array) => {
      arrays[name] = { shape, values };
    };
    const turned = () => permute(values(), shape, [1, 0]);
    if (/attn\.qkv\./.test(key)) {
      const rows = shape[0]! / 3;
      ["query", "key", "value"].forEach((part, i) => {
        const third = () => values().subarray((i * size(shape)) / 3, ((i + 1) * size(shape)) / 3);
        if (shape.length === 1) put(name.replace("qkv", part), [heads, rows / heads], third);
        else put(name.replace("qkv", part), [shape[1]!, ...split], () => permute(third(), [rows, shape[1]!], [1, 0]));
      });
    } else if (key.endsWith("attn.proj.weight")) put(name, [...split, shape[0]!], turned);
    else if (shape.length === 4)
      put(
        name,
        hwio.map((axis) => shape[axis]!),
        () => permute(values(), shape, hwio),
      );
    else if (shape.length === 2) put(name, shape.toReversed(), turned);
    else put(name, shape, values);
  }
  const { extraKeys = {} } = golden.rawLayout;
  for (const [key, shape] of Object.entries(extraKeys)) arrays[key] = bystander(golden, key, shape) as ArrayEntry;
  return arrays;
}

const AUGREG: [RegExp, string][] = [
  [/^blocks\.(\d+)\./, "Transformer/encoderblock_$1/"],
  [/norm1\./, "LayerNorm_0/"],
  [/norm2\./, "LayerNorm_2/"],
  [/^norm\./, "Transformer/encoder_norm/"],
  [/(LayerNorm_\d|encoder_norm)\/weight$/, "$1/scale"],
  [/attn\.qkv\./, "MultiHeadDotProductAttention_1/qkv/"],
  [/attn\.proj\./, "MultiHeadDotProductAttention_1/out/"],
  [/mlp\.fc1\./, "MlpBlock_3/Dense_0/"],
  [/mlp\.fc2\./, "MlpBlock_3/Dense_1/"],
  [/^patch_embed\.proj\./, "embedding/"],
  [/^cls_token$/, "cls"],
  [/^pos_embed$/, "Transformer/posembed_input/pos_embedding"],
  [/\/weight$/, "/kernel"],
];
const augregName = (key: string) => AUGREG.reduce((name, [from, to]) => name.replace(from, to), key);

/** The compressor's own file at `path`, and CLIP's archive beside it. */
async function writeLossyless(golden: GoldenModel, path: string): Promise<string> {
  const own: Tree = {};
  const clip: Tree = { positional_embedding: bystander(golden, "text", [77, 64]) };
  for (const [key, tensor] of weights(golden)) {
    if (key.startsWith("clip.")) clip[key.replace("clip.", "visual.")] = tensor;
    else own[key] = tensor;
  }
  const { extraKeys = {} } = golden.rawLayout;
  for (const [key, shape] of Object.entries(extraKeys)) own[key] = bystander(golden, key, shape);
  await writeTorch(path, own, "torch-legacy");
  await writeTorch(`${path}.clip`, clip, "torchscript");
  return `${path}.clip`;
}

const hwio = [2, 3, 1, 0] as const;
const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Axis `i` of the result is axis `axes[i]` of the values. */
function permute(values: Float32Array, shape: readonly number[], axes: readonly number[]): Float32Array {
  const strides = shape.map((_, i) => size(shape.slice(i + 1)));
  const [sides, steps] = [axes.map((axis) => shape[axis]!), axes.map((axis) => strides[axis]!)];
  const out = new Float32Array(values.length);
  const at = sides.map(() => 0);
  for (let i = 0, from = 0; i < out.length; i++) {
    out[i] = values[from]!;
    for (let axis = sides.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++at[axis]! < sides[axis]!) break;
      from -= steps[axis]! * sides[axis]!;
      at[axis] = 0;
    }
  }
  return out;
}
