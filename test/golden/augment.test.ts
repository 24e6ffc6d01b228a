import { describe, expect, it, test } from "vitest";
import type { RGB } from "../../src/core/spec.ts";
import {
  normalize,
  type RandAugmentName,
  randAugmentMagnitude,
  randomResizedCropRegion,
  rng,
} from "../../src/images/index.ts";
import { type Params, runOp } from "../support/augment-ops.ts";
import { digest, type Input, load, makeInput, title } from "../support/golden-images.ts";
import { hasShared } from "../support/shared.ts";

interface Case {
  id: string;
  op: string;
  input: string;
  params: Params;
  out: [number, number];
  sha256: string;
  /** `[x, y, r, g, b]` */
  pixels: number[][];
  tolerance: number;
  chw_f32le_sha256?: string;
}

interface File {
  inputs: Record<string, Input>;
  cases: Case[];
  randaugment_magnitudes_at_bin_10_of_31: {
    image_size_hw: [number, number];
    values: Record<RandAugmentName, { magnitude: number }>;
  };
  random_resized_crop_fallback: {
    width: number;
    height: number;
    scale: [number, number];
    ratio: [number, number];
    fallback_i_j_h_w: number[];
  }[];
}

describe.skipIf(!hasShared)(title("augmentations as PIL 9.4 and torchvision 0.14", hasShared), () => {
  const file = load("augment.json") as File;

  test.each(file.cases.map((c) => [`${c.id} of ${c.input}`, c] as const))("%s", async (_, c) => {
    const got = runOp(await makeInput(c.input, file.inputs[c.input]!), c.op, c.params);
    expect([got.width, got.height]).toEqual(c.out);
    for (const [x, y, ...rgb] of c.pixels) {
      const at = (y! * got.width + x!) * 3;
      const difference = rgb.map((value, channel) => Math.abs(value - got.data[at + channel]!));
      expect(Math.max(...difference)).toBeLessThanOrEqual(c.tolerance);
    }
    if (c.tolerance === 0) expect(digest(got.data)).toBe(c.sha256);
    if (c.chw_f32le_sha256 === undefined) return;
    const { mean, std } = c.params.steps!.at(-1) as unknown as { mean: RGB; std: RGB };
    expect(digest(channelsFirst(normalize(got, mean, std)))).toBe(c.chw_f32le_sha256);
  });

  it("RandAugment's magnitudes are torchvision's float32", () => {
    const { image_size_hw, values } = file.randaugment_magnitudes_at_bin_10_of_31;
    const image = { data: new Uint8Array(), height: image_size_hw[0], width: image_size_hw[1] };
    for (const [name, { magnitude }] of Object.entries(values)) {
      expect([name, randAugmentMagnitude(name as RandAugmentName, 10, 31, image)]).toEqual([name, magnitude]);
    }
  });

  it("shapes no draw fits are cropped in the middle", () => {
    for (const { scale, ratio, fallback_i_j_h_w, ...size } of file.random_resized_crop_fallback) {
      const { top, left, height, width } = randomResizedCropRegion(size, scale, ratio, rng(0));
      expect([top, left, height, width]).toEqual(fallback_i_j_h_w);
    }
  });
});

function channelsFirst(hwc: Float32Array): Float32Array {
  const n = hwc.length / 3;
  return hwc.map((_, i) => hwc[(i % n) * 3 + Math.floor(i / n)]!);
}
