import { describe, expect, test } from "vitest";
import { buildGraph } from "../../../converters/build.ts";
import { seedSource } from "../../../converters/seed.ts";
import type { ArchSpec } from "../../../src/core/spec.ts";

const VIT: ArchSpec = { kind: "vit", size: 32, patch: 8, width: 64, depth: 2, heads: 2 };
const RESIZED: ArchSpec = {
  kind: "resnet",
  size: 32,
  layers: [1, 1, 1, 1],
  width: 8,
  stem: { kernel: 7, stride: 2, pool: true },
  resizer: { dim: 512, residual: false },
};

async function drawn(arch: ArchSpec, key: string, seed = 0) {
  const representation = arch.kind === "vit" ? "cls" : "avgpool";
  const values = await seedSource(buildGraph({ arch, representation }), seed).read(key);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  return { values, mean, std, peak: values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) };
}

/** Five standard errors of the deviation of `n` independent draws, as a share of it. */
const slack = (n: number) => 5 / Math.sqrt(2 * n);
const close = (value: number, wanted: number, n: number) => expect(Math.abs(value / wanted - 1)).toBeLessThan(slack(n));

describe("random ViTs start as timm's", () => {
  test("linear maps and positions are normal of 0.02, class token of 1e-6", async () => {
    for (const key of ["blocks.0.attn.qkv.weight", "blocks.1.mlp.fc1.weight", "pos_embed"]) {
      const { std, values } = await drawn(VIT, key);
      close(std, 0.02, values.length);
    }
    const { peak } = await drawn(VIT, "cls_token");
    expect(peak).toBeGreaterThan(1e-7);
    expect(peak).toBeLessThan(6e-6);
  });

  test("the patch embedding is uniform within 1 / sqrt(fan-in), its bias too", async () => {
    const bound = 1 / Math.sqrt(3 * 8 * 8);
    for (const key of ["patch_embed.proj.weight", "patch_embed.proj.bias"]) {
      const { peak, std, values } = await drawn(VIT, key);
      expect(peak).toBeLessThanOrEqual(bound);
      close(std, bound / Math.sqrt(3), values.length);
    }
  });

  test("norms are 1 and 0, other biases 0", async () => {
    expect(new Set((await drawn(VIT, "norm.weight")).values)).toEqual(new Set([1]));
    for (const key of ["norm.bias", "blocks.0.attn.qkv.bias", "blocks.0.mlp.fc2.bias"]) {
      expect(new Set((await drawn(VIT, key)).values)).toEqual(new Set([0]));
    }
  });
});

describe("random ResNets start as torchvision's", () => {
  test("convolutions by fan-out; the layer before the pool as DISSL's", async () => {
    const conv = await drawn(RESIZED, "layer1.0.conv2.weight");
    close(conv.std, Math.sqrt(2 / (8 * 9)), conv.values.length);
    const first = await drawn(RESIZED, "resizer.conv1.weight");
    close(first.std, 1 / Math.sqrt(512), first.values.length);
    const second = await drawn(RESIZED, "resizer.conv2.weight");
    const fanIn = 512 * 9;
    // Cut at two deviations of the normal that it is cut from; the rest has the deviation sqrt(1 / fan-in).
    close(second.std, Math.sqrt(1 / fanIn), second.values.length);
    expect(second.peak).toBeLessThanOrEqual((2 * Math.sqrt(1 / fanIn)) / 0.87962566);
    expect(new Set((await drawn(RESIZED, "resizer.bn3.running_var")).values)).toEqual(new Set([1]));
  });

  test("a seed gives the same numbers every time, another seed others", async () => {
    const [a, b, c] = [await drawn(VIT, "pos_embed"), await drawn(VIT, "pos_embed"), await drawn(VIT, "pos_embed", 1)];
    expect(a.values).toEqual(b.values);
    expect(a.values).not.toEqual(c.values);
  });
});
