import { describe, expect, test } from "vitest";
import type { Transform } from "../../../src/core/spec.ts";
import { applyTransforms, centerCrop, decode, normalize, resizeShort } from "../../../src/images/index.ts";
import { digest, expected, fixture, ramp } from "./fixtures.ts";

describe.each([expected.pipeline, expected.pipeline_small])("pipelines equal torchvision on $input", (set) => {
  test.each(set.cases)("$interpolation $size, crop $crop", async ({ size, crop, interpolation, mean, std, sha256 }) => {
    const steps: Transform[] = [
      { op: "resize", size, interpolation },
      { op: "centerCrop", size: crop },
      { op: "normalize", mean, std },
    ];
    const image = await decode(fixture(set.input));
    const got = applyTransforms(image, steps);
    expect(got.length).toBe(crop * crop * 3);
    expect(digest(got)).toBe(sha256);
    // Step by step must give what the fused pipeline gives.
    expect(normalize(centerCrop(resizeShort(image, size, interpolation), crop), mean, std)).toEqual(got);
  });
});

describe("sizes are torchvision's", () => {
  test("the longer side is truncated, not rounded", () => {
    expect(resizeShort(ramp(75, 50), 25, "nearest")).toMatchObject({ width: 37, height: 25 });
    expect(resizeShort(ramp(50, 75), 25, "nearest")).toMatchObject({ width: 25, height: 37 });
    expect(resizeShort(ramp(90, 30), 25, "nearest", 60)).toMatchObject({ width: 60, height: 20 });
    expect(() => resizeShort(ramp(9, 9), 25, "nearest", 25)).toThrow(RangeError);
  });

  test("the crop is centred with halves rounded to even, after padding with zeros", () => {
    const left = (width: number, crop: number) => centerCrop(ramp(width, 1), { width: crop, height: 1 }).data[0]! / 3;
    expect([left(5, 4), left(7, 4), left(9, 4), left(11, 4)]).toEqual([0, 2, 2, 4]);
    const padded = centerCrop({ data: Uint8Array.of(9, 9, 9), width: 1, height: 1 }, 2);
    expect([...padded.data]).toEqual([9, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });
});

test("a pipeline that does not end with normalize is a TypeError", () => {
  expect(() => applyTransforms(ramp(4, 4), [{ op: "centerCrop", size: 2 }])).toThrow(TypeError);
  expect(() => applyTransforms(ramp(4, 4), [])).toThrow(TypeError);
  const normal: Transform = { op: "normalize", mean: [0, 0, 0], std: [1, 1, 1] };
  expect(() => applyTransforms(ramp(4, 4), [normal, normal])).toThrow(TypeError);
  expect(() => applyTransforms(ramp(4, 4), [{ op: "flip" } as never, normal])).toThrow(TypeError);
});

test("a very long image costs no more than its crop", () => {
  const steps: Transform[] = [
    { op: "resize", size: 256, interpolation: "bicubic" },
    { op: "centerCrop", size: 224 },
    { op: "normalize", mean: [0, 0, 0], std: [1, 1, 1] },
  ];
  // Whole, it would be 256 x 25 600 000 pixels.
  expect(applyTransforms(ramp(1, 100_000), steps).length).toBe(224 * 224 * 3);
});
