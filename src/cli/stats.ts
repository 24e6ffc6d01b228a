import { stat } from "node:fs/promises";
import {
  type FeatureSet,
  featurizeData,
  openDataset,
  openFeatures,
  type RepresentationStatistics,
  type StatisticsSets,
  statisticsColumns,
} from "../decompose/index.ts";
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
    ["--seed <n>", "seed of that draw", "123"],
    ["--products <where>", "large products: auto, float64 or engine (float32)", "auto"],
    ["--features <dir>", "folder for the features; default the cache"],
    ...ENCODER_OPTIONS,
  ],
  examples: [
    "ssl-hub stats tiny_ssl --train digits:train --test digits:test",
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
    print(report(found));
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
  const threads = wholeNumber(options, "threads");
  using encoder = await loadEncoder(source, options, { job });
  const sets: Partial<Record<"train" | "test", FeatureSet>> = {};
  for (const [name, data] of Object.entries({ train, test })) {
    if (data === undefined) continue;
    const classes = sets.train?.classes;
    const images = await openDataset(data, { classes, ...job });
    const dir = textOption(options, "features");
    sets[name as "train" | "test"] = await featurizeData(encoder, images, { dir, threads, ...job });
  }
  return sets;
}

function report(sets: Partial<Record<string, RepresentationStatistics>>): string {
  const names = Object.keys(sets);
  const number = (value: number) => (Number.isInteger(value) ? String(value) : value.toPrecision(5));
  const shape = names.map((name) => `${name}: ${sets[name]!.n} rows of ${sets[name]!.d}, ${sets[name]!.k} classes`);
  const body = table(ROWS, [
    { title: "", value: ([field]) => field },
    ...names.map((name) => ({
      title: name,
      value: ([field]: (typeof ROWS)[number]) => number(sets[name]![field]),
      align: "right" as const,
    })),
    { title: "what", value: ([, what]) => what },
  ]);
  const sampled = names.filter((name) => sets[name]!.uniformity_all_pairs === null);
  const notes = sampled.map((name) => `Uniformity of ${name}: all pairs of ${sets[name]!.uniformity_rows} rows drawn.`);
  return [shape.join("; "), "", body, ...(notes.length > 0 ? ["", ...notes] : [])].join("\n");
}
