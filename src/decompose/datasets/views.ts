import type { ArtifactInfo } from "../../core/artifact.ts";
import { canonicalJson, sha256 } from "../../core/hash.ts";
import type { Augmentation } from "../../core/spec.ts";
import { isView } from "../../encoder/inputs.ts";
import type { Dataset, Sample } from "../dataset.ts";
import { splitIndices } from "../split.ts";

export interface ViewsOptions {
  /** Views of each image. Default 3, as the paper. */
  views?: number;
  /** Images that are taken, drawn by class. Default 42 705, as the paper, or all where there are no more. */
  images?: number;
  /** What draws and augmentations follow from. Default 0. */
  seed?: number;
}

const PAPER_IMAGES = 42_705;

/**
 * Augmented views of images as a data set whose classes are the images: what the columns `trainaug_*` and `trainrealaug_*` of the
 * results table are taken of. `featurizeData` encodes each view as it is, without the encoder's own preprocessing. The same seed
 * gives the same views on every machine; which images are drawn does not change the views of any.
 * @param steps of the augmentation, down to the encoder's side and `normalize`: {@link commonAugmentation}, or the `steps` of
 *   `hub.trainTransform(name)`.
 * @returns rows `views * i` to `views * i + views - 1` are of image `i`.
 * @throws TypeError for options that are no whole numbers, or less than two views.
 */
export function augmentedViews(data: Dataset, steps: readonly Augmentation[], options: ViewsOptions = {}): Dataset {
  const { views = 3, seed = 0, images = Math.min(PAPER_IMAGES, data.length) } = options;
  for (const [name, value, least] of [
    ["views", views, 2],
    ["images", images, 1],
    ["seed", seed, 0],
  ] as const) {
    // biome-ignore format: a line
    if (!Number.isSafeInteger(value) || value < least)
      throw new TypeError(`augmentedViews: ${name} is ${value}, need a whole number from ${least} on`);
  }
  const rows = images < data.length ? splitIndices(data.labels(), images, seed).subset : Int32Array.from({ length: data.length }, (_, i) => i); // biome-ignore format: a line
  const about = { format: 1, data: data.key, steps, views, seed, rows: Array.from(rows) };
  let last: { row: number; sample: Promise<Sample> } | undefined;
  /** Views of an image are asked for one after the other. */
  const source = (row: number) => {
    if (last?.row !== row) last = { row, sample: data.item(row) };
    return last.sample;
  };
  return {
    name: `${views} views of ${data.name}`,
    key: sha256(canonicalJson(about)).slice(0, 32),
    classes: Array.from(rows, String),
    length: rows.length * views,
    labels: () => Int32Array.from({ length: rows.length * views }, (_, i) => Math.trunc(i / views)),
    async item(i) {
      const label = Math.trunc(i / views);
      if (rows[label] === undefined)
        throw new RangeError(`There are ${rows.length * views} views of ${data.name}, there is no view ${i}`);
      const { id, image } = await source(rows[label]!);
      if (isView(image)) throw new TypeError(`${data.name} is a set of views already`);
      const view = i % views;
      return { id: `${id}#${view}`, label, image: { of: image, steps, seed, stream: `view/${view}/${id}` } };
    },
  };
}

/**
 * The augmentation that the paper's columns `trainaug_*` and `testaug_*` share: a random resized crop (area 8 to 100 %, sides 3:4 to
 * 4:3) to the encoder's side by its own interpolation, a flip of every other view, and its own normalisation.
 */
export function commonAugmentation({
  image_size,
  preprocess,
}: Pick<ArtifactInfo, "image_size" | "preprocess">): Augmentation[] {
  const resize = preprocess.find((step) => step.op === "resize");
  const interpolation = resize?.interpolation ?? "bilinear";
  return [
    { op: "randomResizedCrop", size: image_size, scale: [0.08, 1], ratio: [3 / 4, 4 / 3], interpolation },
    { op: "randomHorizontalFlip", p: 0.5 },
    ...preprocess.filter((step) => step.op === "normalize"),
  ];
}
