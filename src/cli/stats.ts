import { stat } from "node:fs/promises";
import {
  augmentedViews,
  commonAugmentation,
  type Dataset,
  type FeatureSet,
  featurizeData,
  openDataset,
  openFeatures,
  type StatisticsSets,
  type StatisticsTable,
  statisticsColumns,
} from "../decompose/index.ts";
import * as hub from "../index.ts";
import { type Command, type Context, type Options, oneOf, textOption, wholeNumber } from "./command.ts";
import { ENCODER_OPTIONS, loadEncoder } from "./encoder.ts";
import { table } from "./print.ts";

const ROWS = [
  ["rank", "effective dimension (correlation)"],
  ["rank_Z", "rank of the features"],
  ["uniformity", "uniformity"],
  ["alignment", "alignment"],
  ["intra_var", "variance within classes"],
  ["inter_var", "variance between classes"],
  ["vars", "within / between"],
  ["nc1", "neural collapse"],
  ["nc1norm", "nc1 / sqrt(rank)"],
] as const;

export const stats: Command = {
  usage: "stats <model>",
  summary: "Statistics of a representation: rank, variances, neural collapse, alignment, uniformity",
  options: [
    ["--train <data>", "images: a folder of class folders, .csv, .jsonl, .tar, digits:train"],
    ["--test <data>", "images that the encoder has not seen"],
    ["--uniformity-rows <n>", "rows that all pairs are taken of for uniformity; of more, so many are drawn", "8192"],
    ["--views <n>", "augmented views of each image, as well: statistics with the image as the class; the paper has 3"],
    ["--view-images <n>", "images that views are made of; default all, 42705 at most"],
    ["--seed <n>", "seed of the draws and of the views", "123"],
    ["--products <where>", "large products: auto, float64 or engine (float32)", "auto"],
    ["--features <dir>", "folder for the features; default the cache"],
    ...ENCODER_OPTIONS,
  ],
  examples: [
    "ssl-hub stats tiny_ssl --train digits:train --test digits:test",
    "ssl-hub stats tiny_ssl --train digits:train --test digits:test --views 3 --view-images 500",
    "ssl-hub stats features/0123456789abcdef        # a folder that ssl-hub featurize has written",
    "ssl-hub stats features/of-train --test features/of-test --json",
  ],
  async run([source], options, { json, job, print }) {
    const sets = await setsOf(source as string, options, job);
    const { columns, sets: found } = await statisticsColumns(sets, {
      uniformityRows: wholeNumber(options, "uniformityRows"),
      seed: wholeNumber(options, "seed"),
      products: oneOf(options, "products", ["auto", "float64", "engine"]),
      ...job,
    });
    if (json) return print(JSON.stringify({ name: source, columns, ...found }));
    print(report({ columns, sets: found }));
  },
};

async function setsOf(source: string, options: Options, job: Context["job"]): Promise<StatisticsSets> {
  const [train, test] = [textOption(options, "train"), textOption(options, "test")];
  const isFolder = await stat(source).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) {
    if (train !== undefined) throw new TypeError("A folder of features is the training set itself: leave out --train.");
    return { train: await openFeatures(source), ...(test !== undefined && { test: await openFeatures(test) }) };
  }
  if (train === undefined && test === undefined) {
    throw new TypeError("stats needs --train DATA or --test DATA, or a folder of features in place of a model.");
  }
  const [threads, dir] = [wholeNumber(options, "threads"), textOption(options, "features")];
  using encoder = await loadEncoder(source, options, { job });
  const own = await ownAugmentation(source, options, job);
  const sets: Partial<Record<keyof StatisticsSets, FeatureSet>> = {};
  const add = async (name: keyof StatisticsSets, images: Dataset) => {
    sets[name] = await featurizeData(encoder, images, { dir, threads, ...job });
  };
  const [views, images] = [wholeNumber(options, "views"), wholeNumber(options, "viewImages")];
  for (const [name, data] of Object.entries({ train, test }) as ["train" | "test", string | undefined][]) {
    if (data === undefined) continue;
    const plain = await openDataset(data, { classes: sets.train?.classes, ...job });
    await add(name, plain);
    if (views === undefined) continue;
    const of = { views, images, seed: wholeNumber(options, "seed") };
    await add(`${name}aug`, augmentedViews(plain, commonAugmentation(encoder.info), of));
    if (own !== undefined) await add(`${name}realaug`, augmentedViews(plain, own, of));
  }
  return sets;
}

/** The augmentation that the model was trained with; a model without one is told of, and has no such columns. */
async function ownAugmentation(source: string, { views }: Options, job: Context["job"]) {
  if (views === undefined) return undefined;
  try {
    return (await hub.trainTransform(source)).steps;
  } catch (error) {
    if (!(error instanceof hub.HubError) || error.code !== "METADATA") throw error;
    job.onProgress({
      stage: "warning",
      code: "AUGMENTATION",
      message: `${error.message} Views are of the common one only.`,
    });
    return undefined;
  }
}

function report({ columns, sets }: StatisticsTable): string {
  const names = Object.keys(sets) as (keyof StatisticsSets)[];
  const number = (value: number) => (Number.isInteger(value) ? String(value) : value.toPrecision(5));
  const cell = (value: number | null | undefined) =>
    value === undefined ? "" : value === null ? "none" : number(value);
  const shape = names.map((name) => `${name}: ${sets[name]!.n} rows of ${sets[name]!.d}, ${sets[name]!.k} ${name.endsWith("aug") ? "images" : "classes"}`); // biome-ignore format: a line
  const body = table(ROWS, [
    { title: "", value: ([field]) => field },
    ...names.map((name) => ({
      title: name,
      value: ([field]: (typeof ROWS)[number]) => cell(columns[`${name}_${field}`]),
      align: "right" as const,
    })),
    { title: "what", value: ([, what]) => what },
  ]);
  const sampled = names.filter((name) => !name.endsWith("aug") && sets[name]!.uniformity_all_pairs === null);
  const notes = sampled.map((name) => `Uniformity of ${name}: all pairs of ${sets[name]!.uniformity_rows} rows drawn.`);
  return [shape.join("\n"), "", body, ...(notes.length > 0 ? ["", ...notes] : [])].join("\n");
}
