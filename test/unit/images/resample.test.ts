import { describe, expect, test } from "vitest";
import { decode, resize } from "../../../src/images/index.ts";
import { cut } from "../../../src/images/resample.ts";
import { digest, expected, fixture, ramp } from "./fixtures.ts";

describe("resize equals PIL 9.4, bit for bit", () => {
  const { input, cases } = expected.resize;
  test.each(cases.map((c) => [`${c.filter} to ${c.size.join(" x ")}`, c] as const))("%s", async (_, c) => {
    const image = await decode(fixture(input));
    expect(digest(resize(image, ...c.size, c.filter).data)).toBe(c.sha256);
  });
});

describe("resize", () => {
  test.each(["nearest", "bilinear", "lanczos"] as const)("a region of %s is that part of the whole", (filter) => {
    const image = ramp(40, 31);
    for (const [width, height] of [
      [23, 57],
      [40, 12],
      [19, 31],
      [40, 31],
    ] as const) {
      const region = { left: 3, top: 2, width: 9, height: 8 };
      const whole = cut(resize(image, width, height, filter), region);
      expect(resize(image, width, height, filter, region)).toEqual(whole);
    }
  });

  test("the input is left alone and never shared", () => {
    const image = ramp(5, 4);
    const copy = resize(image, 5, 4, "bicubic");
    copy.data.fill(0);
    expect(image).toEqual(ramp(5, 4));
  });

  test("refuses sizes and filters that are none", () => {
    expect(() => resize(ramp(4, 4), 0, 3, "bilinear")).toThrow(RangeError);
    expect(() => resize(ramp(4, 4), 2.5, 3, "bilinear")).toThrow(RangeError);
    expect(() => resize(ramp(4, 4), 2, 2, "toString" as never)).toThrow(TypeError);
    expect(() => resize(ramp(4, 4), 20000, 20000, "bilinear")).toThrow(/the limit is 178956970/);
    const outside = { left: 1, top: 0, width: 2, height: 2 };
    expect(() => resize(ramp(4, 4), 2, 2, "bilinear", outside)).toThrow(RangeError);
  });
});
