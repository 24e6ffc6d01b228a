import type { FeatureSet } from "../types.ts";
import { featureStatistics, type RepresentationStatistics, type StatisticsOptions } from "./statistics.ts";

/** Statistics that the results table has of plain images. */
const PLAIN = ["rank", "rank_Z", "nc1", "intra_var", "inter_var", "uniformity", "alignment"] as const;
/** And of augmented views, where a class is an image. */
const VIEWS = ["nc1", "intra_var", "inter_var", "alignment"] as const;

/** Features whose statistics the results table has, by the prefix of its columns. */
export type StatisticsSets = {
  /** Plain images; classes are labels. */
  train?: FeatureSet;
  test?: FeatureSet;
  /** Views of images under one augmentation for all models; each image a class of its own, see {@link viewsOf}. */
  trainaug?: FeatureSet;
  testaug?: FeatureSet;
  /** Views under the model's own training augmentation. */
  trainrealaug?: FeatureSet;
  testrealaug?: FeatureSet;
};

export interface StatisticsTable {
  /** `train_rank`, `test_nc1norm`, ...: columns of the results table for the sets that were given. Null: not defined. */
  columns: Record<string, number | null>;
  /** All statistics of each set. */
  sets: Partial<Record<keyof StatisticsSets, RepresentationStatistics>>;
}

/** The statistics columns of the results table, as {@link featureStatistics} defines them. */
export async function statisticsColumns(
  given: StatisticsSets,
  options: StatisticsOptions = {},
): Promise<StatisticsTable> {
  const sets: StatisticsTable["sets"] = {};
  const columns: Record<string, number | null> = {};
  for (const prefix of ["train", "test", "trainaug", "testaug", "trainrealaug", "testrealaug"] as const) {
    const set = given[prefix];
    if (set === undefined) continue;
    const found = await featureStatistics(set, options);
    sets[prefix] = found;
    const names = prefix.endsWith("aug") ? VIEWS : PLAIN;
    for (const name of [...names, "vars"] as const) columns[`${prefix}_${name}`] = defined(found[name]);
    // Of views too it is the rank of the plain images.
    const rank = sets[prefix.startsWith("train") ? "train" : "test"]?.rank;
    columns[`${prefix}_nc1norm`] = rank === undefined ? null : defined(found.nc1 / Math.sqrt(rank));
  }
  return { columns, sets };
}

const defined = (value: number): number | null => (Number.isFinite(value) ? value : null);

/**
 * Features of `views` augmented views of each image as a set whose classes are the images.
 * @param set `images * views` rows.
 * @param order "view-major": all images under the first view, then all under the second; "image-major" (default): all
 *   views of the first image, then of the second.
 * @throws TypeError when the number of rows is no multiple of `views`.
 */
export function viewsOf(
  set: FeatureSet,
  views: number,
  order: "view-major" | "image-major" = "image-major",
): FeatureSet {
  const images = set.n / views;
  if (!Number.isInteger(views) || views < 1 || !Number.isInteger(images)) {
    throw new TypeError(`viewsOf: ${set.n} rows are not ${views} views of a number of images`);
  }
  const image = (row: number) => (order === "view-major" ? row % images : Math.trunc(row / views));
  return {
    ...set,
    classes: Array.from({ length: images }, (_, i) => String(i)),
    labels: Int32Array.from({ length: set.n }, (_, row) => image(row)),
    subset: (index) => ({ ...set.subset(index), labels: index.map(image) }),
  };
}
