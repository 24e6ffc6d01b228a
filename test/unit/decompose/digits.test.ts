import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { assetPath } from "../../../src/core/assets.ts";
import { hashFile } from "../../../src/core/hash.ts";
import { digitsFeatures, opticalDigits } from "../../../src/decompose/digits.ts";

describe("optical digits", () => {
  it("is the file of its README, with its attribution", async () => {
    expect(await hashFile(assetPath("digits.csv.gz"))).toBe(
      "e31b7ccbf8cc2b158de948b1bb7a67bf39a856fb064b3aa8ef489f12a2dc4b63",
    );
    expect(readFileSync(assetPath("digits-LICENSE.txt"), "utf8")).toContain("Licensed under CC BY 4.0");
  });

  it("has the counts and sums of its README", async () => {
    const data = await digitsFeatures();
    const x = await data.rows(0, data.n);
    expect([data.n, data.dim, data.classes.length]).toEqual([1797, 64, 10]);
    expect(x.reduce((sum, v) => sum + v, 0)).toBe(561718);
    expect(x.reduce((sum, v) => sum + v * v, 0)).toBe(6907012);
    const counts = data.classes.map((_, k) => data.labels.filter((label) => label === k).length);
    expect(counts).toEqual([178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    for (const constant of [0, 32, 39]) expect(x.some((v, i) => i % 64 === constant && v !== 0)).toBe(false);
  });

  it("splits by i % 7", async () => {
    const [all, train, test] = [
      await digitsFeatures(),
      await digitsFeatures({ split: "train" }),
      await digitsFeatures({ split: "test" }),
    ];
    expect([train.n, test.n]).toEqual([1540, 257]);
    expect(await test.rows(1, 2)).toEqual(await all.rows(10, 11));
    expect(await train.rows(3, 4)).toEqual(await all.rows(4, 5));
  });

  it("gives the same digits as RGB images", async () => {
    const [images, features] = [await opticalDigits({ split: "test" }), await digitsFeatures({ split: "test" })];
    expect(images.length).toBe(257);
    expect(images.labels()).toEqual(features.labels);
    const { image } = (await images.item(5)) as { image: { data: Uint8Array; width: number; height: number } };
    expect([image.width, image.height, image.data.length]).toEqual([8, 8, 192]);
    const levels = Array.from(
      image.data.filter((_, i) => i % 3 === 2),
      (v) => Math.round((v * 16) / 255),
    );
    expect(levels).toEqual([...(await features.rows(5, 6))]);
    expect(images.key).not.toBe((await opticalDigits({ split: "train" })).key);
  });
});
