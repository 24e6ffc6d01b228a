import { writeFile } from "node:fs/promises";
import { renderSvg, riskStack } from "../analysis/index.ts";
import {
  computeRiskComponents,
  type Dataset,
  logistic,
  PROBE_NAMES,
  type Probe,
  type ProbeName,
  tuned,
} from "../decompose/index.ts";
import { type Command, type Context, type Options, oneOf, textOption, wholeNumber } from "./command.ts";
import { ENCODER_OPTIONS, loadEncoder, openPair } from "./encoder.ts";
import { riskReport } from "./risk-report.ts";
import { TUNING_OPTIONS, tuningOf } from "./tune.ts";

export const decompose: Command = {
  usage: "decompose <models...>",
  summary: "Decompose the linear-probe risk of encoders on a data set; prints the components, draws the figure",
  options: [
    ["--train <data>", "training images: a folder of class folders, .csv, .jsonl, .tar, digits:train (required)"],
    ["--test <data>", "test images, of the same classes (required)"],
    ["--sup <model>", "supervised model of the same architecture; gives the approximation error"],
    ["--n-sub <n>", "images of the training set to hold out: a number, minimal (10000) or paper (as many as test)"],
    ["--repeats <n>", "subsets that are drawn; gives standard errors", "1"],
    ["--bootstrap <n>", "samples of the bootstrap; gives 95 % intervals"],
    ["--union", "fit on train and test together as well: the alternative decomposition"],
    ["--per-class", "components of each class, and what it is taken for"],
    ["--clip <mode>", "none, or upstream: components below zero become zero, as in the paper's table", "none"],
    ["--probe <name>", `what is fitted on the features: ${PROBE_NAMES.join(", ")}`, "logistic"],
    ["--c <value>", "inverse regularisation C of the logistic probe; default 1"],
    ["--tune <n>", "search the probe's hyper-parameters by so many trials at each fit; the paper took 30"],
    ...TUNING_OPTIONS,
    ["--seed <n>", "seed of the split", "0"],
    ["--svg <file>", "write the figure there"],
    ["--features <dir>", "folder for the features; default the cache"],
    ...ENCODER_OPTIONS,
  ],
  examples: [
    "ssl-hub decompose tiny_ssl tiny_init --sup tiny_sup --train digits:train --test digits:test --svg risk.svg",
    "ssl-hub decompose dino_rn50 --train food/train --test food/test --n-sub minimal",
    "ssl-hub decompose tiny_ssl --train digits:train --test digits:test --repeats 5 --bootstrap 1000 --per-class",
    "ssl-hub decompose dino_rn50 --train in1k/train --test in1k/val --n-sub paper --clip upstream --union",
    "ssl-hub decompose dino_rn50 --train food/train --test food/test --probe sgd --tune 30 --protocol paper",
    "ssl-hub decompose dino_rn50 --train food/train --test food/test --probe knn",
  ],
  async run([models], options, context) {
    const { DTrain, DTest } = await openPair("decompose", options, context);
    const rows = await decomposeModels(models as string[], DTrain, DTest, options, context);
    const title = `Risk decomposition on ${DTrain.name}`;
    const svg = textOption(options, "svg");
    if (svg !== undefined) await writeFile(svg, await renderSvg(riskStack(rows, { title })));
    if (context.json) return context.print(JSON.stringify(rows));
    context.print(riskReport(rows));
    if (svg !== undefined) context.print(`\nFigure: ${svg}`);
  },
};

/** The components of each model on the same split, in the order given. */
export async function decomposeModels(
  models: readonly string[],
  DTrain: Dataset,
  DTest: Dataset,
  options: Options,
  { job }: Pick<Context, "job">,
) {
  const threads = wholeNumber(options, "threads");
  const load = (name: string) => loadEncoder(name, options, { job });
  const sup = textOption(options, "sup");
  using modelSup = sup === undefined ? undefined : await load(sup);
  const rows = [];
  for (const name of models) {
    using modelSsl = await load(name);
    const result = await computeRiskComponents(modelSsl, DTrain, DTest, {
      modelSup,
      nSub: nSubOf(textOption(options, "nSub")),
      probe: probeOf(options),
      seed: wholeNumber(options, "seed"),
      repeats: wholeNumber(options, "repeats"),
      bootstrap: wholeNumber(options, "bootstrap"),
      union: options.union === true,
      perClass: options.perClass === true,
      clip: oneOf(options, "clip", ["none", "upstream"]),
      dir: textOption(options, "features"),
      threads,
      ...job,
    });
    rows.push({ model: modelSsl.name, ...result });
  }
  return rows;
}

/** The probe that `--probe`, `--c` and `--tune` name. */
export function probeOf(options: Options): ProbeName | Probe {
  const name = oneOf(options, "probe", PROBE_NAMES) ?? "logistic";
  const c = textOption(options, "c");
  const trials = wholeNumber(options, "tune");
  if (c !== undefined && name !== "logistic")
    throw new TypeError(`--c is an option of the logistic probe, not of ${name}.`);
  if (c !== undefined && trials !== undefined) throw new TypeError("--tune searches for C: leave out --c.");
  if (trials !== undefined) return tuned({ probe: name, trials, ...tuningOf(options) });
  for (const flag of ["protocol", "trialsDir"]) {
    if (options[flag] !== undefined)
      throw new TypeError(`--${flag === "trialsDir" ? "trials-dir" : flag} belongs to --tune N.`);
  }
  return c === undefined ? name : logistic({ C: positive(c) });
}

/** The value of `--n-sub`. */
export function nSubOf(text: string | undefined): number | "minimal" | "paper" | undefined {
  if (text === undefined || text === "minimal" || text === "paper") return text;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new TypeError(`--n-sub takes a number, minimal or paper, not ${text}.`);
  return value;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new TypeError(`--c takes a positive number, not ${text}.`);
  return value;
}
