import { describe, expect, test } from "vitest";
import type { Transform } from "../../../src/core/spec.ts";
import { makePreprocess } from "../../../src/encoder/preprocess.ts";

const normalize: Transform = { op: "normalize", mean: [0, 0, 0], std: [1, 1, 1] };
const raw = (width: number, height: number, value = 51) => ({
  data: new Uint8Array(width * height * 3).fill(value),
  width,
  height,
});

describe("preprocess", () => {
  const crop = makePreprocess([{ op: "centerCrop", size: 4 }, normalize], { engine: "cpu" });

  test("one image or several give [n, H, W, 3]; array gives the same numbers", async () => {
    const one = await crop(raw(6, 5));
    const two = await crop([raw(6, 5), raw(4, 9, 255)]);
    expect([one.shape, two.shape]).toEqual([
      [1, 4, 4, 3],
      [2, 4, 4, 3],
    ]);
    const array = await crop.array(raw(6, 5));
    expect(array).toEqual(await one.data());
    expect(array[0]).toBe(Math.fround(0.2));
    expect((await two.data()).slice(0, array.length)).toEqual(array);
    one.dispose();
    two.dispose();
  });

  test("a failing image throws, or is left out and told", async () => {
    const broken = new Uint8Array([1, 2, 3]);
    await expect(crop([raw(4, 4), broken])).rejects.toMatchObject({
      code: "IMAGE",
      message: expect.stringMatching("image 1"),
    });
    const said: unknown[] = [];
    const x = await crop([raw(4, 4), broken], { onError: "skip", onProgress: (event) => said.push(event) });
    expect(x.shape).toEqual([1, 4, 4, 3]);
    expect(said).toMatchObject([{ stage: "warning", code: "IMAGE" }]);
    x.dispose();
  });

  test("images that end in different sizes do not stack", async () => {
    const plain = makePreprocess([normalize], { engine: "cpu" });
    await expect(plain([raw(4, 4), raw(5, 5)])).rejects.toMatchObject({ code: "IMAGE" });
    const resized = makePreprocess([{ op: "resize", size: 4, interpolation: "bilinear" }, normalize], {
      engine: "cpu",
    });
    await expect(resized([raw(8, 5)])).rejects.toMatchObject({ code: "IMAGE" });
    expect(await resized.array(raw(8, 4))).toHaveLength(8 * 4 * 3);
  });
});
