import { writeFile } from "node:fs/promises";
import { renderSvg, type TuningAxis, type TuningRow, tuningFigure } from "../analysis/index.ts";
import {
  type Dimension,
  featurizeData,
  openDataset,
  type Space,
  TUNABLE,
  type TuneOptions,
  type Tuning,
  trainEvalProbe,
  tuneProbe,
} from "../decompose/index.ts";
import { type Command, type Options, oneOf, textOption, wholeNumber } from "./command.ts";
import { ENCODER_OPTIONS, loadEncoder } from "./encoder.ts";
import { table } from "./print.ts";

type TunableName = keyof typeof TUNABLE;
const NAMES = Object.keys(TUNABLE) as TunableName[];

/** Flags of a search, beside its number of trials. */
export const TUNING_OPTIONS: Command["options"] = [
  ["--protocol <name>", "what the search validates on: held-out (a fifth of the rows) or paper (see docs/tuning.md)"],
  ["--trials-dir <dir>", "keep the trials there; a search that was killed goes on"],
];

/** What those flags say. */
export function tuningOf(options: Options): Pick<TuneOptions, "protocol" | "dir"> {
  return { protocol: oneOf(options, "protocol", ["held-out", "paper"]), dir: textOption(options, "trialsDir") };
}

export const tune: Command = {
  usage: "tune <model>",
  summary: "Search the hyper-parameters of a probe on a data set, as the paper does; shows the trials",
  options: [
    ["--train <data>", "training images: a folder of class folders, .csv, .jsonl, .tar, digits:train (required)"],
    ["--test <data>", "test images: the error of the probe that was found, fitted on all training images"],
    ["--probe <name>", `what is tuned: ${NAMES.join(", ")}`, "sgd"],
    ["--trials <n>", "fits of the search", "30"],
    ["--sampler <name>", "tpe, or random", "tpe"],
    ...TUNING_OPTIONS,
    ["--seed <n>", "seed of every draw and fit", "123"],
    ["--svg <file>", "draw the search there: error by trial and by each hyper-parameter"],
    ["--features <dir>", "folder for the features; default the cache"],
    ...ENCODER_OPTIONS,
  ],
  examples: [
    "ssl-hub tune tiny_ssl --train digits:train --test digits:test --svg search.svg",
    "ssl-hub tune tiny_ssl --train digits:train --probe logistic --trials 20 --json",
    "ssl-hub tune dino_rn50 --train food/train --trials 30 --trials-dir search     # killed? The same line goes on",
  ],
  async run([model], options, context) {
    const train = textOption(options, "train");
    if (train === undefined) throw new TypeError("tune needs --train DATA.");
    const probe = oneOf(options, "probe", NAMES)!;
    const seed = wholeNumber(options, "seed");
    const { job } = context;
    const features = { dir: textOption(options, "features"), threads: wholeNumber(options, "threads"), ...job };
    using encoder = await loadEncoder(model as string, options, context);
    const DTrain = await openDataset(train, job);
    // Before the search: a folder that is not there should not be told after hours.
    const test = textOption(options, "test");
    const DTest = test === undefined ? undefined : await openDataset(test, { classes: DTrain.classes, ...job });
    const set = await featurizeData(encoder, DTrain, features);
    const search = { ...tuningOf(options), probe, trials: wholeNumber(options, "trials"), seed, ...job };
    const found = await tuneProbe(set, { ...search, sampler: oneOf(options, "sampler", ["tpe", "random"]) });
    const evaluated =
      DTest &&
      (await trainEvalProbe(set, await featurizeData(encoder, DTest, features), { probe: found.probe, seed, ...job }));
    const svg = textOption(options, "svg");
    const title = `Search of the ${probe} probe: ${encoder.name} on ${DTrain.name}`;
    if (svg !== undefined) await writeFile(svg, await renderSvg(figure(found, TUNABLE[probe].space, title)));
    if (context.json) {
      const { best, trials } = found;
      const test_error = evaluated?.error ?? null;
      return context.print(JSON.stringify({ model: encoder.name, probe, seed, best, test_error, trials }));
    }
    context.print(report(found, Object.keys(TUNABLE[probe].space)));
    if (evaluated !== undefined) {
      context.print(
        `\nFitted on all ${set.n} training images with the best: error ${evaluated.error.toFixed(2)} % on test.`,
      );
    }
    if (svg !== undefined) context.print(`\nFigure: ${svg}`);
  },
};

function report({ best, trials }: Tuning, names: readonly string[]): string {
  const ranked = trials.toSorted((a, b) => a.error - b.error || a.trial - b.trial);
  const short = (value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(3)) : String(value);
  return table(ranked, [
    { title: "", value: ({ trial }) => (trial === best.trial ? "*" : "") },
    { title: "trial", value: ({ trial }) => trial + 1, align: "right" },
    { title: "error %", value: ({ error }) => error.toFixed(2), align: "right" },
    ...names.map((name) => ({
      title: name,
      value: ({ parameters }: (typeof trials)[number]) => short(parameters[name]),
      align: "right" as const,
    })),
    { title: "recipe", value: ({ recipe }) => recipe },
  ]);
}

function figure({ trials }: Tuning, space: Space, title: string) {
  let best = Number.POSITIVE_INFINITY;
  const rows = trials.map(({ trial, error, recipe, parameters }): TuningRow => {
    best = Math.min(best, error);
    return { ...parameters, trial, error, best, recipe };
  });
  const axes = Object.entries(space).map(([name, dimension]): TuningAxis => ({ name, scale: SCALES[dimension.kind] }));
  return tuningFigure(rows, axes, { title });
}

const SCALES: Record<Dimension["kind"], TuningAxis["scale"]> = {
  uniform: "linear",
  "log-uniform": "log",
  integer: "linear",
  "power-of-2": "nominal",
  choice: "nominal",
};
