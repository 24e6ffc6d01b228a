import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { rng } from "../../../src/core/rng.ts";
import { augmentedViews, commonAugmentation } from "../../../src/decompose/datasets/views.ts";
import { opticalDigits } from "../../../src/decompose/digits.ts";
import { featurizeData } from "../../../src/decompose/featurize.ts";
import { statisticsColumns } from "../../../src/decompose/stats/columns.ts";
import { representationStatistics } from "../../../src/decompose/stats/statistics.ts";
import type { Pixels } from "../../../src/images/pixels.ts";
import { applyTransforms } from "../../../src/images/transforms.ts";
import * as hub from "../../../src/index.ts";
import { resultColumns } from "../../../src/tables/results.ts";
import { scratch } from "../../support/scratch.ts";

const digits = await opticalDigits({ split: "test" });
const [model] = await hub.load("tiny_ssl", { backend: "wasm" });
const common = commonAugmentation(model.info);
const own = (await hub.trainTransform("tiny_ssl")).steps;

describe("augmented views", () => {
  test("the common augmentation is the paper's, at the encoder's size", () => {
    const interpolation = "bilinear";
    expect(common).toEqual([
      { op: "randomResizedCrop", size: 32, scale: [0.08, 1], ratio: [3 / 4, 4 / 3], interpolation },
      { op: "randomHorizontalFlip", p: 0.5 },
      expect.objectContaining({ op: "normalize" }),
    ]);
  });

  test("are images of their own, drawn by class and named after theirs", async () => {
    const set = augmentedViews(digits, common, { views: 3, images: 20, seed: 5 });
    expect([set.length, set.classes.length]).toEqual([60, 20]);
    const drawn = set.classes.map((row) => digits.labels()[Number(row)]!);
    expect(new Set(drawn).size).toBe(10);
    const { id } = await digits.item(Number(set.classes[1]));
    expect([(await set.item(3)).id, (await set.item(5)).id]).toEqual([`${id}#0`, `${id}#2`]);
    expect([...set.labels().subarray(0, 7)]).toEqual([0, 0, 0, 1, 1, 1, 2]);
    await expect(set.item(60)).rejects.toThrow(RangeError);
  });

  test("another seed, augmentation, number of views or of images is another data set; the default is all", () => {
    const keys = [{}, { seed: 1 }, { views: 4 }, { images: 9 }].map((options) => augmentedViews(digits, common, options).key); // biome-ignore format: a line
    expect(new Set([...keys, augmentedViews(digits, own).key]).size).toBe(5);
    expect(augmentedViews(digits, common).key).toBe(keys[0]);
    expect(augmentedViews(digits, common).length).toBe(3 * digits.length);
    for (const options of [{ views: 1 }, { images: 0 }, { seed: 0.5 }]) {
      expect(() => augmentedViews(digits, common, options)).toThrow(TypeError);
    }
  });

  test.each(["common", "own"])("%s: features are those of the view, and come from the disk again", async (which) => {
    const steps = which === "common" ? common : own;
    const set = augmentedViews(digits, steps, { images: 5, views: 2, seed: 3 });
    const dir = scratch();
    const stored = await featurizeData(model, set, { dir });
    const features = await stored.rows(0, stored.n);
    for (const i of [0, 1, 9]) {
      const { image } = await digits.item(Number(set.classes[Math.trunc(i / 2)]));
      const { id } = await digits.item(Number(set.classes[Math.trunc(i / 2)]));
      const pixels = applyTransforms(image as Pixels, steps, rng(3, `view/${i % 2}/${id}`));
      const { tf } = await import("../../../src/engine/engine.ts").then(({ engine }) => engine("wasm"));
      const x = tf.tensor4d(pixels, [1, 32, 32, 3]);
      const wanted = model.predict(x);
      const row = features.subarray(i * model.zDim, (i + 1) * model.zDim);
      const far = row.reduce((most, value, j) => Math.max(most, Math.abs(value - wanted.dataSync()[j]!)), 0);
      expect(far).toBeLessThan(1e-5);
      tf.dispose([x, wanted]);
    }
    expect(features.subarray(0, model.zDim)).not.toEqual(features.subarray(model.zDim, 2 * model.zDim));
    const [folder] = readdirSync(dir);
    expect((await featurizeData(model, set, { dir })).folder).toContain(folder!);
    expect(await (await featurizeData(model, set, { dir: scratch() })).rows(0, 10)).toEqual(features);
  });

  test("give every column of statistics that the results table has", async () => {
    const dir = scratch();
    const plain = await featurizeData(model, digits, { dir });
    const views = await featurizeData(model, augmentedViews(digits, common, { images: 12 }), { dir });
    const sets = {
      train: plain,
      test: plain,
      trainaug: views,
      testaug: views,
      trainrealaug: views,
      testrealaug: views,
    };
    const { columns } = await statisticsColumns(sets);
    const statistic = /^(train|test)((real)?aug)?_(rank|nc1|intra|inter|vars|unif|align)/;
    expect(Object.keys(columns).sort()).toEqual(
      resultColumns()
        .filter((name) => statistic.test(name))
        .sort(),
    );
    const x = await views.rows(0, views.n);
    const wanted = await representationStatistics({ x, y: views.labels, n: 36, d: model.zDim, k: 12 });
    expect(columns.trainaug_alignment).toBe(wanted.alignment);
    expect(columns.trainaug_nc1norm).toBeCloseTo(wanted.nc1 / Math.sqrt(columns.train_rank!), 12);
  });
});
