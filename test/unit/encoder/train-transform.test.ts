import { describe, expect, it } from "vitest";
import type { Augmentation } from "../../../src/core/spec.ts";
import { makeTrainTransform } from "../../../src/encoder/train-transform.ts";
import * as hub from "../../../src/index.ts";
import { fixture } from "../images/fixtures.ts";

const steps: Augmentation[] = [
  {
    op: "randomResizedCrop",
    size: 8,
    scale: [0.2, 1],
    ratio: [0.75, 4 / 3],
    interpolation: "bilinear",
  },
  { op: "randomHorizontalFlip", p: 0.5 },
  { op: "normalize", mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
];
const image = fixture("png-rgb.png");

describe("a training transform", () => {
  it("gives the same bytes for the same seed, by whatever way", async () => {
    const augment = makeTrainTransform(steps, { engine: "cpu" });
    const array = await augment.array(image, { seed: 7 });
    const tensor = await augment([image, image], { seed: 7 });
    expect(tensor.shape).toEqual([2, 8, 8, 3]);
    const data = await tensor.data();
    tensor.dispose();
    expect(data.slice(0, array.length)).toEqual(array);
    // The second image of a call is another view.
    expect(data.slice(array.length)).not.toEqual(array);
    expect(await makeTrainTransform(steps).array(image, { seed: 7 })).toEqual(array);
    expect(await augment.array(image, { seed: 8 })).not.toEqual(array);
    const { data: bytes, width, height } = await augment.pixels(image, { seed: 7 });
    expect([width, height]).toEqual([8, 8]);
    expect(Float32Array.from(bytes, (b) => Math.fround(Math.fround(b / 255) - 0.5) / 0.5)).toEqual(array);
  });

  it("without a seed goes on from call to call, and repeats in the next run", async () => {
    const [a, b] = [makeTrainTransform(steps), makeTrainTransform(steps)];
    const first = await a.array(image);
    const second = await a.array(image);
    expect(second).not.toEqual(first);
    expect(await b.array(image, { seed: 99 })).not.toEqual(first);
    expect([await b.array(image), await b.array(image)]).toEqual([first, second]);
    expect(await b.array(image, { seed: 1 })).toEqual(second);
  });

  it("keeps an image's view when others are added or broken", async () => {
    const augment = makeTrainTransform(steps, { engine: "cpu" });
    const [broken, warnings] = [fixture("jpeg-truncated.jpg"), [] as string[]];
    const both = await augment([image, image], { seed: 3 });
    const kept = await augment([broken, image], {
      seed: 3,
      onError: "skip",
      onProgress: (event) => event.stage === "warning" && warnings.push(event.message),
    });
    expect(kept.shape).toEqual([1, 8, 8, 3]);
    expect(await kept.data()).toEqual((await both.data()).slice(8 * 8 * 3));
    expect(warnings).toEqual([expect.stringContaining("jpeg-truncated.jpg")]);
    await expect(augment([broken], { seed: 3 })).rejects.toMatchObject({ code: "IMAGE" });
    for (const tensor of [both, kept]) tensor.dispose();
  });

  it("takes whole seeds only", async () => {
    await expect(makeTrainTransform(steps).array(image, { seed: 0.5 })).rejects.toThrow(TypeError);
  });
});

describe("hub", () => {
  it("load gives the training transform of the model as the third", async () => {
    const [model, preprocess, augment] = await hub.load("tiny_ssl", { backend: "cpu", trainTransform: true });
    const x = await augment(image, { seed: 0 });
    const z = model.predict(x);
    expect(z.shape).toEqual([1, 256]);
    expect(preprocess.steps.map(({ op }) => op)).toEqual(["resize", "centerCrop", "normalize"]);
    expect(augment.steps[0]).toMatchObject({ op: "randomResizedCrop", size: 32, scale: [0.2, 1] });
    for (const owned of [x, z, model]) owned.dispose();
    const without = await hub.load("tiny_ssl", { backend: "cpu" });
    expect(without.length).toBe(2);
    without[0].dispose();
  });

  it("says why a model has none, before it loads anything", async () => {
    const options = { trainTransform: true } as const;
    await expect(hub.load("sup_rn50", options)).rejects.toMatchObject({
      code: "METADATA",
      message: expect.stringContaining("trained with labels"),
    });
    await expect(hub.trainTransform("INIT_rn50")).rejects.toThrow(/init_rn50: it is not trained/);
    await expect(hub.trainTransform("simclr_rn5")).rejects.toMatchObject({ code: "UNKNOWN_MODEL" });
  });
});
