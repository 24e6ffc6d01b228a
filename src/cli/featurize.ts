import { featurizeData, openDataset } from "../decompose/index.ts";
import { type Command, oneOf, textOption, wholeNumber } from "./command.ts";
import { ENCODER_OPTIONS, loadEncoder } from "./encoder.ts";
import { duration } from "./print.ts";
import { VARIANT_OPTIONS, variantOptions } from "./variant.ts";

export const featurize: Command = {
  usage: "featurize <model> <data>",
  summary: "Write the features of a data set as safetensors shards; a killed run goes on where it ended",
  options: [
    ["--out <dir>", "folder that will hold the features folder", "features"],
    ["--batch-size <n>", "images in one forward pass"],
    ...ENCODER_OPTIONS,
    ["--on-error <what>", "broken images: throw or skip", "throw"],
    ["--shard <i/n>", "make only every n-th shard from the i-th (from 0), to share the work among machines"],
    ...VARIANT_OPTIONS,
  ],
  examples: [
    "ssl-hub featurize dino_rn50 photos/            # photos/CLASS/IMAGE.jpg",
    "ssl-hub featurize dino_rn50 train.csv          # columns path,label; also .jsonl and WebDataset .tar",
    "ssl-hub featurize tiny_ssl digits --out features",
  ],
  async run([name, data], options, { json, job, print }) {
    const threads = wholeNumber(options, "threads");
    const dataset = await openDataset(data as string, job);
    const model = await loadEncoder(name as string, options, { job }, variantOptions(options));
    const started = performance.now();
    const features = await featurizeData(model, dataset, {
      dir: textOption(options, "out"),
      batchSize: wholeNumber(options, "batchSize"),
      threads,
      onError: oneOf(options, "onError", ["throw", "skip"]),
      shard: shardOf(textOption(options, "shard")),
      ...job,
    });
    const seconds = (performance.now() - started) / 1000;
    const { folder, n, dim, errors } = features;
    if (json) return print(JSON.stringify({ folder, n, dim, classes: features.classes, errors, seconds }));
    print(`${folder}: ${n} rows of ${dim} features in ${duration(seconds)}`);
    for (const { id, error } of errors) print(`skipped ${id}: ${error}`);
  },
};

function shardOf(text: string | undefined): { index: number; count: number } | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  if (!(index < count)) throw new TypeError(`--shard takes i/n with i from 0 to n - 1, not ${text}.`);
  return { index, count };
}
