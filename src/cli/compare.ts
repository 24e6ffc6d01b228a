import { writeFile } from "node:fs/promises";
import { comparePage, renderSvg, riskStack } from "../analysis/index.ts";
import {
  computeRiskComponents,
  type Dataset,
  featurizeData,
  type LabelPoint,
  labelCurve,
  PROBE_NAMES,
  type RiskReport,
  type Verdicts,
  verdicts,
} from "../decompose/index.ts";
import { type Command, type Context, type Options, textOption, wholeNumber } from "./command.ts";
import { nSubOf, probeOf } from "./decompose.ts";
import { ENCODER_OPTIONS, loadEncoder, openPair } from "./encoder.ts";
import { table } from "./print.ts";
import { riskReport } from "./risk-report.ts";

export const compare: Command = {
  usage: "compare <models...>",
  summary: "Compare encoders on a data set: what limits each, and which suits which number of labels",
  options: [
    ["--train <data>", "training images: a folder of class folders, .csv, .jsonl, .tar, digits:train (required)"],
    ["--test <data>", "test images, of the same classes (required)"],
    ["--sup <model>", "supervised model of the same architecture; gives the approximation error"],
    ["--html <file>", "write the report there: one file, nothing else is loaded"],
    ["--svg <file>", "write the figure of the components there"],
    ["--shots <list>", "labelled images a class, comma-separated; those that a class has not are left out", "3,5,30"],
    ["--draws <n>", "draws of each number of labels", "5"],
    ["--n-sub <n>", "images of the training set to hold out: a number, minimal (10000) or paper (as many as test)"],
    ["--repeats <n>", "subsets that are drawn; gives standard errors", "1"],
    ["--probe <name>", `what is fitted on the features: ${PROBE_NAMES.join(", ")}`, "logistic"],
    ["--c <value>", "inverse regularisation C of the logistic probe; default 1"],
    ["--seed <n>", "seed of every draw", "0"],
    ["--features <dir>", "folder for the features; default the cache"],
    ...ENCODER_OPTIONS,
  ],
  examples: [
    "ssl-hub compare tiny_ssl tiny_sup tiny_init --train digits:train --test digits:test --html report.html",
    "ssl-hub compare dino_rn50 simclr_rn50 --train food/train --test food/test --repeats 5 --svg risk.svg",
  ],
  async run([models], options, context) {
    const { train, test, DTrain, DTest } = await openPair("compare", options, context);
    const rows = await compareModels(models as string[], DTrain, DTest, options, context);
    const found = verdicts(rows);
    const title = `Encoders on ${DTrain.name}`;
    const [html, svg] = [textOption(options, "html"), textOption(options, "svg")];
    if (svg !== undefined) await writeFile(svg, await renderSvg(riskStack(rows, { title })));
    if (html !== undefined) await writeFile(html, await pageOf(title, rows, found, { train, test }));
    if (context.json) return context.print(JSON.stringify({ rows, verdicts: found }));
    context.print(report(rows, found));
    for (const [what, file] of Object.entries({ Report: html, Figure: svg })) {
      if (file !== undefined) context.print(`\n${what}: ${file}`);
    }
  },
};

type Row = RiskReport & { model: string; z_dim: number; curve: LabelPoint[] };

/** Components and errors by the number of labels of each model, in the order given. */
async function compareModels(
  models: readonly string[],
  DTrain: Dataset,
  DTest: Dataset,
  options: Options,
  { job }: Pick<Context, "job">,
): Promise<Row[]> {
  const threads = wholeNumber(options, "threads");
  const dir = textOption(options, "features");
  const load = (name: string) => loadEncoder(name, options, { job });
  const probe = probeOf(options);
  const seed = wholeNumber(options, "seed");
  const shots = shotsOf(textOption(options, "shots")!);
  const draws = wholeNumber(options, "draws");
  const sup = textOption(options, "sup");
  using modelSup = sup === undefined ? undefined : await load(sup);
  const supervised = modelSup && (await featurizeData(modelSup, DTrain, { dir, threads, ...job }));
  const rows: Row[] = [];
  for (const name of models) {
    using model = await load(name);
    const train = await featurizeData(model, DTrain, { dir, threads, ...job });
    const test = await featurizeData(model, DTest, { dir, threads, ...job });
    const risk = await computeRiskComponents(null, train, test, {
      modelSup: supervised,
      nSub: nSubOf(textOption(options, "nSub")),
      repeats: wholeNumber(options, "repeats"),
      probe,
      seed,
      ...job,
    });
    const curve = await labelCurve(train, test, { shots, draws, probe, seed, ...job });
    rows.push({ model: model.name, z_dim: model.zDim, ...risk, curve });
  }
  return rows;
}

function pageOf(title: string, rows: readonly Row[], found: Verdicts, data: { train: string; test: string }) {
  const { n_train, n_test, n_sub, probe, seed, cs_repeats } = rows[0]!;
  return comparePage({
    title,
    rows,
    curve: rows.flatMap(({ model, curve }) => curve.map((point) => ({ model, ...point }))),
    limits: found.models.map(({ text }) => text),
    labels: found.labels.map(({ text }) => text),
    facts: [
      ["Training images", `${n_train} (${data.train})`],
      ["Test images", `${n_test} (${data.test})`],
      ["Held out of train", `${n_sub}, drawn ${cs_repeats.length === 1 ? "once" : `${cs_repeats.length} times`}`],
      ["Features", rows.map(({ model, z_dim }) => `${model} ${z_dim}`).join(", ")],
      ["Probe", probe],
      ["Draws of few labels", String(rows[0]!.curve[0]!.draws.length)],
      ["Seed", String(seed)],
    ],
  });
}

function report(rows: readonly Row[], { models, labels }: Verdicts): string {
  const points = rows[0]!.curve;
  const curve = table(rows, [
    { title: "error in %, labels", value: ({ model }) => model },
    ...points.map(({ shots }, i) => ({
      title: shots === null ? "all" : `${shots} a class`,
      value: (row: Row) => `${row.curve[i]!.error.toFixed(2)} ±${row.curve[i]!.standard_error.toFixed(2)}`,
      align: "right" as const,
    })),
  ]);
  const words = [...models, ...labels].map(({ text }) => text);
  return [riskReport(rows), "", curve, "", ...words].join("\n");
}

function shotsOf(text: string): number[] {
  const shots = text.split(",").map(Number);
  if (shots.every((count) => Number.isInteger(count) && count > 0)) return shots;
  throw new TypeError(`--shots takes whole numbers separated by commas, not ${text}.`);
}
