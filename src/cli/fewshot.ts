import { writeFile } from "node:fs/promises";
import { labelCurveFigure, renderSvg } from "../analysis/index.ts";
import { type Dataset, type FewShotReport, fewShot, labelVerdicts, type Shots } from "../decompose/index.ts";
import { type Command, type Context, type Options, oneOf, textOption, wholeNumber } from "./command.ts";
import { ENCODER_OPTIONS, loadEncoder, openPair } from "./encoder.ts";
import { type Column, table } from "./print.ts";

export const fewshot: Command = {
  usage: "fewshot <models...>",
  summary: "Error of encoders with few labels, as the paper measures it: scaled features, C chosen on other images",
  options: [
    ["--train <data>", "images to draw from: a folder of class folders, .csv, .jsonl, .tar, digits:train (required)"],
    ["--test <data>", "test images, of the same classes (required)"],
    ["--shots <list>", "labelled images a class, or shares of all as 1%, comma-separated", "3,5,30,1%"],
    ["--seeds <list>", "seeds, comma-separated; means and standard errors are over them", "0,1,2,3,4"],
    ["--candidates <n>", "values of C that are tried, log-uniform from 1e-6 to 100", "30"],
    ["--n-val <n>", "training images to choose C on; default as many as test images"],
    ["--validation <which>", "rest: images that are no shots; all: any, as the paper's program", "rest"],
    ["--draws-dir <dir>", "keep what each draw gave there; a run that was killed goes on"],
    ["--svg <file>", "write the curve of errors by the number of labels there"],
    ["--features <dir>", "folder for the features; default the cache"],
    ...ENCODER_OPTIONS,
  ],
  examples: [
    "ssl-hub fewshot tiny_ssl tiny_sup tiny_init --train digits:train --test digits:test --svg curve.svg",
    "ssl-hub fewshot dino_rn50 --train food/train --test food/test --shots 1,5,20 --seeds 0,1,2,3,4,5,6,7,8,9",
    "ssl-hub fewshot dino_rn50 --train in1k/train --test in1k/val --seeds 123 --n-val 50000 --validation all --draws-dir few",
    "ssl-hub fewshot my_model --train in1k/train --test in1k/val --json > few.json; ssl-hub analyze --runs few.json --out analysis",
  ],
  async run([models], options, context) {
    const settings = settingsOf(options);
    const { DTrain, DTest } = await openPair("fewshot", options, context);
    const rows = await evaluateModels(models as string[], DTrain, DTest, { ...settings, options, context });
    const svg = textOption(options, "svg");
    if (svg !== undefined) await writeFile(svg, await renderSvg(curveOf(rows, DTrain.name)));
    // Flat, under the names of the results table, so that rows join with it.
    if (context.json) return context.print(JSON.stringify(rows.map(({ errors, ...row }) => ({ ...row, ...errors }))));
    context.print(report(rows));
    if (svg !== undefined) context.print(`\nFigure: ${svg}`);
  },
};

type Row = FewShotReport & { model: string };

function settingsOf(options: Options) {
  return {
    shots: listOf(options, "shots", /^\d+(\.\d+)?%?$/).map((text) =>
      text.endsWith("%") ? (text as Shots) : Number(text),
    ),
    seeds: listOf(options, "seeds", /^\d+$/).map(Number),
    candidates: wholeNumber(options, "candidates"),
    nVal: wholeNumber(options, "nVal"),
    drawsDir: textOption(options, "drawsDir"),
    validation: oneOf(options, "validation", ["rest", "all"]),
  };
}

function listOf(options: Options, name: "shots" | "seeds", item: RegExp): string[] {
  const items = textOption(options, name)!.split(",").map((text) => text.trim()); // biome-ignore format: one line
  if (items.every((text) => item.test(text))) return items;
  const what = name === "shots" ? "numbers of images a class and shares as 1%" : "whole numbers";
  throw new TypeError(`--${name} takes ${what}, separated by commas, not ${options[name]}.`);
}

/** Few-shot errors of each model on the same draws, in the order given. */
async function evaluateModels(
  models: readonly string[],
  DTrain: Dataset,
  DTest: Dataset,
  { options, context: { job }, ...settings }: ReturnType<typeof settingsOf> & { options: Options; context: Context },
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of models) {
    using model = await loadEncoder(name, options, { job });
    const [dir, threads] = [textOption(options, "features"), wholeNumber(options, "threads")];
    rows.push({ model: model.name, ...(await fewShot(model, DTrain, DTest, { ...settings, dir, threads, ...job })) });
  }
  return rows;
}

function curveOf(rows: readonly Row[], data: string) {
  const points = rows.flatMap(({ model, points }) =>
    points.map(({ images, error, standard_error }) => ({ model, images, error, standard_error: standard_error ?? 0 })),
  );
  return labelCurveFigure(points, { title: `Few-shot error on ${data}` });
}

function report(rows: readonly Row[]): string {
  const { points, seeds, candidates, validation, n_test } = rows[0]!;
  const columns = points.map(({ shots, images }, i): Column<Row> => {
    const title = typeof shots === "number" ? `${shots} a class` : `${shots} (${images})`;
    return { title, value: (row) => cell(row.points[i]!), align: "right" };
  });
  const chosen = points.map(({ shots }, i): Column<Row> => {
    const range = ({ C }: Row["points"][number]) =>
      [...new Set([Math.min(...C), Math.max(...C)])].map((c) => c.toPrecision(2)).join(" .. ");
    return { title: typeof shots === "number" ? `${shots} a class` : shots, value: (row) => range(row.points[i]!) };
  });
  const nVal = [...new Set(points.map(({ n_val }) => n_val))].join(", ");
  const from = validation === "rest" ? "that are no shots" : "of all, shots among them";
  return [
    table(rows, [{ title: "error in %, labels", value: ({ model }) => model }, ...columns]),
    "",
    table(rows, [{ title: "chosen C", value: ({ model }) => model }, ...chosen]),
    "",
    `Means over ${seeds.length === 1 ? `seed ${seeds[0]}` : `${seeds.length} seeds ± their standard errors`}; ${n_test} test images. ` +
      `C from ${candidates} values by the error on ${nVal} training images ${from}.`,
    "",
    ...labelVerdicts(rows.map(({ model, points: curve }) => ({ model, curve }))).map(({ text }) => text),
  ].join("\n");
}

function cell({ error, standard_error }: Row["points"][number]): string {
  return error.toFixed(2) + (standard_error === null ? "" : ` ±${standard_error.toFixed(2)}`);
}
