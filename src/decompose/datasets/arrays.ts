import { sha256 } from "../../core/hash.ts";
import type { Pixels } from "../../images/pixels.ts";
import { type Dataset, makeDataset } from "../dataset.ts";
import { inMemory } from "../features.ts";
import type { FeatureSet } from "../types.ts";

/**
 * Features that are in memory already.
 * @param features `[n * dim]` row-major; kept, not copied.
 * @param labels `[n]` class numbers.
 * @param options.dim features in a row.
 * @param options.classes class names; by default `"0"`, `"1"`, ... up to the largest label.
 * @throws TypeError when lengths or labels do not fit.
 */
export function arrays(
  features: Float32Array,
  labels: ArrayLike<number>,
  options: { dim: number; classes?: readonly string[] },
): FeatureSet {
  const classes = options.classes ?? numbered(labels);
  return inMemory(features, checkedLabels(labels, classes), { dim: options.dim, classes });
}

/**
 * A data set of raw pixels that are in memory already. Its key covers every byte.
 * @param labels class number of each image.
 * @throws TypeError when lengths or labels do not fit.
 */
export function imageArrays(
  images: readonly Pixels[],
  labels: ArrayLike<number>,
  options: { classes?: readonly string[]; name?: string } = {},
): Dataset {
  if (images.length !== labels.length) throw new TypeError(`${images.length} images, but ${labels.length} labels`);
  const classes = options.classes ?? numbered(labels);
  return makeDataset({
    name: options.name ?? "images",
    classes,
    labels: checkedLabels(labels, classes),
    entries: images.map(({ data, width, height }, i) => ({
      id: String(i),
      bytes: data.length,
      digest: `${width}x${height}:${sha256(data)}`,
    })),
    read: (i) => images[i]!,
  });
}

function numbered(labels: ArrayLike<number>): string[] {
  const count = Array.from(labels).reduce((max, label) => Math.max(max, label + 1), 0);
  return Array.from({ length: count }, (_, i) => String(i));
}

function checkedLabels(labels: ArrayLike<number>, classes: readonly string[]): Int32Array {
  return Int32Array.from(labels, (label, i) => {
    if (Number.isInteger(label) && label >= 0 && label < classes.length) return label;
    throw new TypeError(`label ${i} is ${label}, need a class number in 0..${classes.length - 1}`);
  });
}
