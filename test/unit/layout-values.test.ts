import { describe, expect, test } from "vitest";
import { withRules } from "../../converters/rules.ts";
import { augreg, HAIKU_RESNET, HF_CLIP, HF_VIT } from "../../hub/layouts.ts";
import type { KeyRule } from "../../src/core/spec.ts";
import { type MemoryTensor, memorySource } from "../support/memory-source.ts";

/** Values 0, 1, 2 ... from `start` in C order. */
const counted = (shape: number[], start = 0): MemoryTensor => ({
  shape,
  values: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => start + i),
});

async function read(tensors: Record<string, MemoryTensor>, rules: KeyRule[], name: string) {
  const layer = withRules(memorySource(tensors).source, rules);
  return { shape: [...layer.meta(name).shape], values: [...(await layer.read(name))] };
}

describe("AugReg's axes", () => {
  const [D, heads, d] = [4, 2, 2];
  const block = "Transformer/encoderblock_0/";
  const attention = `${block}MultiHeadDotProductAttention_1/`;
  const tensors: Record<string, MemoryTensor> = {
    cls: counted([1, 1, D]),
    "Transformer/posembed_input/pos_embedding": counted([1, 2, D]),
    "Transformer/encoder_norm/scale": counted([D]),
    "embedding/kernel": counted([2, 2, 3, D]),
    "embedding/bias": counted([D]),
    [`${block}LayerNorm_0/scale`]: counted([D]),
    [`${block}LayerNorm_2/bias`]: counted([D]),
    [`${block}MlpBlock_3/Dense_0/kernel`]: counted([D, 16]),
    [`${block}MlpBlock_3/Dense_1/kernel`]: counted([16, D]),
    [`${attention}out/kernel`]: counted([heads, d, D]),
    "head/bias": counted([3]),
  };
  ["query", "key", "value"].forEach((part, i) => {
    tensors[`${attention}${part}/kernel`] = counted([D, heads, d], 100 * i);
    tensors[`${attention}${part}/bias`] = counted([heads, d], 100 * i);
  });

  test("qkv has a row a head and dimension, queries first, a column an input", async () => {
    const { shape, values } = await read(tensors, augreg(D), "blocks.0.attn.qkv.weight");
    expect(shape).toEqual([3 * D, D]);
    for (let part = 0; part < 3; part++)
      for (let head = 0; head < heads; head++)
        for (let i = 0; i < d; i++)
          for (let input = 0; input < D; input++) {
            const row = part * D + head * d + i;
            expect(values[row * D + input]).toBe(100 * part + (input * heads + head) * d + i);
          }
    const bias = await read(tensors, augreg(D), "blocks.0.attn.qkv.bias");
    expect(bias.values).toEqual([0, 1, 2, 3, 100, 101, 102, 103, 200, 201, 202, 203]);
  });

  test("the output projection has a row an output, a column a head and dimension", async () => {
    const { shape, values } = await read(tensors, augreg(D), "blocks.0.attn.proj.weight");
    expect(shape).toEqual([D, D]);
    for (let out = 0; out < D; out++)
      for (let column = 0; column < D; column++) expect(values[out * D + column]).toBe(column * D + out);
  });

  test("the patch embedding is [out, in, height, width], the MLP [out, in]", async () => {
    const patch = await read(tensors, augreg(D), "patch_embed.proj.weight");
    expect(patch.shape).toEqual([D, 3, 2, 2]);
    const [out, input, y, x] = [3, 1, 1, 0];
    expect(patch.values[((out * 3 + input) * 2 + y) * 2 + x]).toBe(((y * 2 + x) * 3 + input) * D + out);
    const fc1 = await read(tensors, augreg(D), "blocks.0.mlp.fc1.weight");
    expect([fc1.shape, fc1.values[4]]).toEqual([[16, D], 1]);
    expect((await read(tensors, augreg(D), "blocks.0.norm2.bias")).values).toEqual([0, 1, 2, 3]);
  });
});

test("Haiku's kernels become [out, in, height, width], averages lose their hidden copies", async () => {
  const at = "experiment_state.online_params.res_net50/~/";
  const state = "experiment_state.online_state.res_net50/~/";
  const tensors: Record<string, MemoryTensor> = {
    [`${at}initial_conv.w`]: counted([3, 3, 2, 4]),
    [`${at}initial_batchnorm.scale`]: counted([1, 1, 1, 4]),
    [`${at}initial_batchnorm.offset`]: counted([1, 1, 1, 4]),
    [`${state}initial_batchnorm/~/mean_ema.average`]: counted([1, 1, 1, 4], 7),
    [`${state}initial_batchnorm/~/mean_ema.hidden`]: counted([1, 1, 1, 4], 70),
    [`${state}initial_batchnorm/~/var_ema.average`]: counted([1, 1, 1, 4], 9),
  };
  for (const group of [0, 1, 2, 3]) {
    const block = `block_group_${group}/~/block_0/~/`;
    for (const i of [0, 1, 2]) {
      tensors[`${at}${block}conv_${i}.w`] = counted([1, 1, 4, 4]);
      tensors[`${at}${block}batchnorm_${i}.scale`] = counted([1, 1, 1, 4], 100 * group + 10 * i);
    }
    tensors[`${at}${block}shortcut_conv.w`] = counted([1, 1, 4, 4]);
    tensors[`${state}${block}shortcut_batchnorm/~/var_ema.average`] = counted([1, 1, 1, 4], group);
  }
  const conv = await read(tensors, HAIKU_RESNET, "conv1.weight");
  expect(conv.shape).toEqual([4, 2, 3, 3]);
  const [out, input, y, x] = [2, 1, 0, 2];
  expect(conv.values[((out * 2 + input) * 3 + y) * 3 + x]).toBe(((y * 3 + x) * 2 + input) * 4 + out);
  expect((await read(tensors, HAIKU_RESNET, "bn1.running_mean")).values).toEqual([7, 8, 9, 10]);
  expect((await read(tensors, HAIKU_RESNET, "layer3.0.bn2.weight")).values[0]).toBe(210);
  expect((await read(tensors, HAIKU_RESNET, "layer4.0.downsample.1.running_var")).values[0]).toBe(3);
});

test("transformers' query, key and value are stacked in this order in every block", async () => {
  const parts = (at: string, names: string[]) =>
    Object.fromEntries(
      [1, 0].flatMap((block) =>
        names.toReversed().flatMap((name) => {
          const start = 100 * block + 10 * names.indexOf(name);
          return ["weight", "bias"].map((leaf) => [
            `${at.replace("#", String(block))}${name}.${leaf}`,
            counted(leaf === "bias" ? [2] : [2, 2], start),
          ]);
        }),
      ),
    ) as Record<string, MemoryTensor>;
  const stack = stackOf(HF_VIT);
  const vit = parts("blocks.#.attention.attention.", ["query", "key", "value"]);
  expect((await read(vit, stack, "blocks.1.attn.qkv.bias")).values).toEqual([100, 101, 110, 111, 120, 121]);
  expect((await read(vit, stack, "blocks.0.attn.qkv.weight")).shape).toEqual([6, 2]);
  const clip = parts("transformer.resblocks.#.self_attn.", ["q_proj", "k_proj", "v_proj"]);
  const { values } = await read(clip, stackOf(HF_CLIP), "transformer.resblocks.0.attn.in_proj_bias");
  expect(values).toEqual([0, 1, 10, 11, 20, 21]);
});

const stackOf = (rules: KeyRule[]) => rules.filter((rule) => "concat" in rule);
