import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as hubconf from "../../../hubconf.ts";
import type { SpecLoader } from "../../../src/core/family.ts";
import type { Augmentation } from "../../../src/core/spec.ts";
import {
  adjustHue,
  applyTransforms,
  contactSheet,
  crop,
  decode,
  encodePng,
  gaussianBlur,
  kernelGaussianBlur,
  type Pixels,
  posterize,
  randomCropRegion,
  randomResizedCropRegion,
  rng,
  transformPixels,
} from "../../../src/images/index.ts";
import { type Params, runOp } from "../../support/augment-ops.ts";
import { digest, fixture, ramp } from "./fixtures.ts";

/** What PIL 9.4 and torchvision 0.14 make; written by scripts/make_augment.py. Hashes are 16 hex digits long. */
interface Expected {
  operations: { op: string; params: Params; input: [number, number]; size: [number, number]; sha256: string }[];
  kernel_blurs: { params: { kernel: number; sigma: number }; input: [number, number]; data: string }[];
  pipelines: { input: string; seeds: number[]; cases: { name: string; shape: number[]; sha256: string[] }[] };
}

const expected: Expected = JSON.parse(readFileSync(fixture("augment.json"), "utf8"));
const short = (data: Uint8Array | Float32Array) => digest(data).slice(0, 16);

/** As the script makes it. */
function noise(width: number, height: number): Pixels {
  let state = width * 1000 + height;
  const data = Uint8Array.from({ length: width * height * 3 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
  return { data, width, height };
}

describe("operations equal PIL and torchvision to the byte", () => {
  const names = [...new Set(expected.operations.map(({ op }) => op))];
  it.each(names)("%s", (op) => {
    for (const c of expected.operations.filter((c) => c.op === op)) {
      const image = noise(...c.input);
      const before = image.data.slice();
      const got = runOp(image, op, c.params);
      const about = `${op} ${JSON.stringify(c.params)} of ${c.input}`;
      expect([about, got.width, got.height, short(got.data)]).toEqual([about, ...c.size, c.sha256]);
      expect(image.data).toEqual(before);
      expect(got.data.buffer).not.toBe(image.data.buffer);
    }
  });

  it("torchvision's own blur within 1", () => {
    for (const { params, input, data } of expected.kernel_blurs) {
      const got = kernelGaussianBlur(noise(...input), params.kernel, params.sigma);
      const want = Buffer.from(data, "hex");
      expect(Math.max(...got.data.map((byte, i) => Math.abs(byte - want[i]!)))).toBeLessThanOrEqual(1);
    }
  });
});

describe("the hub's pipelines equal torchvision's, drawing from our generator", () => {
  const { input, seeds, cases } = expected.pipelines;
  it.each(cases)("$name", async ({ name, shape, sha256 }) => {
    const { trainTransform } = await (hubconf as Record<string, SpecLoader>)[name]!();
    const image = await decode(fixture(input));
    for (const [i, seed] of seeds.entries()) {
      const got = applyTransforms(image, trainTransform as Augmentation[], rng(seed, "augment/0"));
      expect(got.length).toBe(shape.reduce((a, b) => a * b));
      expect([seed, short(got)]).toEqual([seed, sha256[i]]);
    }
    expect(new Set(sha256).size).toBe(seeds.length);
  });

  it("every pipeline of the registry is among them", async () => {
    const specs = await Promise.all(Object.values(hubconf).map((line) => (line as SpecLoader)()));
    const distinct = new Set(
      specs.flatMap(({ trainTransform }) => (Array.isArray(trainTransform) ? JSON.stringify(trainTransform) : [])),
    );
    const tested = await Promise.all(cases.map(({ name }) => (hubconf as Record<string, SpecLoader>)[name]!()));
    expect(new Set(tested.map(({ trainTransform }) => JSON.stringify(trainTransform)))).toEqual(distinct);
  });
});

describe("parameters", () => {
  const image = noise(12, 10);

  it("what torchvision refuses is a RangeError", () => {
    const refused = [
      () => adjustHue(image, 0.51),
      () => adjustHue(image, Number.NaN),
      () => runOp(image, "brightness", { factor: -0.1 }),
      () => runOp(image, "contrast", { factor: -1 }),
      () => runOp(image, "saturation", { factor: Number.NaN }),
      () => runOp(image, "sharpness", { factor: -1 }),
      () => gaussianBlur(image, -1),
      () => kernelGaussianBlur(image, 4, 1),
      () => kernelGaussianBlur(image, 21, 1),
      () => kernelGaussianBlur(image, 3, 0),
      () => posterize(image, 9),
      () => crop(image, { left: 3, top: 0, width: 10, height: 2 }),
      () => crop(image, { left: -1, top: 0, width: 2, height: 2 }),
      () => randomCropRegion(image, 11, rng(0)),
      () => contactSheet([], 3),
    ];
    for (const call of refused) expect(call).toThrow(RangeError);
  });

  it("a blur of radius 0 copies", () => {
    expect(gaussianBlur(image, 0).data).toEqual(image.data);
  });

  it("crops lie inside and have the asked share and shape", () => {
    const random = rng(5);
    const [size, ratio] = [{ width: 320, height: 200 }, [3 / 4, 4 / 3] as [number, number]];
    const shares: number[] = [];
    for (let i = 0; i < 2000; i++) {
      const { left, top, width, height } = randomResizedCropRegion(size, [0.2, 0.6], ratio, random);
      expect(left >= 0 && top >= 0 && left + width <= size.width && top + height <= size.height).toBe(true);
      expect(width / height).toBeGreaterThan(0.73);
      expect(width / height).toBeLessThan(1.36);
      shares.push((width * height) / (size.width * size.height));
    }
    expect(Math.min(...shares)).toBeGreaterThan(0.195);
    expect(Math.max(...shares)).toBeLessThan(0.605);
    expect(shares.reduce((a, b) => a + b) / shares.length).toBeCloseTo(0.4, 1);
  });

  it("of extreme shapes the middle is taken", () => {
    const region = (width: number, height: number) =>
      randomResizedCropRegion({ width, height }, [0.9, 1], [3 / 4, 4 / 3], rng(0));
    expect(region(3000, 5)).toEqual({ left: 1496, top: 0, width: 7, height: 5 });
    expect(region(5, 1200)).toEqual({ left: 0, top: 596, width: 5, height: 7 });
  });
});

describe("running augmentations", () => {
  const flip: Augmentation = { op: "randomHorizontalFlip", p: 0.5 };

  it("needs a generator where something is drawn", () => {
    const normalize: Augmentation = { op: "normalize", mean: [0, 0, 0], std: [1, 1, 1] };
    expect(() => applyTransforms(ramp(4, 4), [flip, normalize])).toThrow(/generator/);
    expect(() => transformPixels(ramp(4, 4), [normalize], rng(0))).toThrow(TypeError);
  });

  it("applies a step with its probability", () => {
    const image = ramp(2, 1);
    const share = (step: Augmentation) => {
      const random = rng(1);
      let changed = 0;
      for (let i = 0; i < 4000; i++) if (transformPixels(image, [step], random).data[0] !== image.data[0]) changed++;
      return changed / 4000;
    };
    expect(share(flip)).toBeCloseTo(0.5, 1);
    expect(share({ op: "randomApply", p: 0.2, transforms: [{ op: "solarize", threshold: 0 }] })).toBeCloseTo(0.2, 1);
    expect(share({ op: "randomHorizontalFlip", p: 0 })).toBe(0);
    expect(share({ op: "randomHorizontalFlip", p: 1 })).toBe(1);
  });

  it("a contact sheet holds every image in its cell", async () => {
    const sheet = contactSheet([ramp(3, 2), ramp(2, 2), ramp(3, 1)], 2);
    expect([sheet.width, sheet.height]).toEqual([10, 8]);
    const again = await decode(await encodePng(sheet));
    expect(again).toEqual(sheet);
    expect([...sheet.data.subarray(0, 9)]).toEqual([...ramp(3, 2).data.subarray(0, 9)]);
    expect([...sheet.data.subarray(9, 12)]).toEqual([255, 255, 255]);
  });
});
