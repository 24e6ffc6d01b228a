import { analyze as analyzePaper, makeStudy, readRuns, writeAnalysis } from "../analysis/index.ts";
import { type Command, oneOf, textOption } from "./command.ts";
import { table } from "./print.ts";

export const analyze: Command = {
  usage: "analyze",
  summary: "Recompute the paper's figures and tables from its results, with your own runs beside its 169 encoders",
  options: [
    ["--out <dir>", "where index.html, numbers.json and the figures go (SVG, PNG, vega-lite, CSV)"],
    [
      "--runs <file>...",
      "your own runs: what decompose, compare, fewshot or stats prints with --json, with hyper_parameters, or CSV",
    ],
    ["--errata <mode>", "rows that were measured on another model: keep (flagged) or drop", "keep"],
    ["--only <id>...", "a figure to make, default all; only what it needs is computed"],
  ],
  examples: [
    "ssl-hub analyze --out analysis",
    "ssl-hub analyze --out analysis --only fig4_trend --only ranks",
    "ssl-hub decompose my_model --train in1k/train --test in1k/val --json > mine.json; ssl-hub analyze --runs mine.json --out analysis",
    "ssl-hub fewshot my_model --train in1k/train --test in1k/val --json > few.json; ssl-hub analyze --runs mine.json --runs few.json --out analysis",
    "ssl-hub analyze --json > numbers.json",
  ],
  async run(_, options, { json, job, print }) {
    const out = textOption(options, "out");
    if (out === undefined && !json) throw new TypeError("analyze needs --out DIR, or --json for the numbers alone.");
    const like = makeStudy().all[0]!;
    const files = (options.runs as string[] | undefined) ?? [];
    const runs = await readRuns(files, like);
    const errata = oneOf(options, "errata", ["keep", "drop"]);
    const ids = (options.only as string[] | undefined) ?? [];
    const only = ids.length > 0 ? ids : undefined;
    const analysis = analyzePaper({ errata, runs: runs.length > 0 ? runs : undefined, only, ...job });
    if (out !== undefined) await writeAnalysis(analysis, out, job);
    if (json) return print(JSON.stringify(analysis.numbers));
    const columns = ["paper", "id", "title"] as const;
    print(table(analysis.figures, columns.map((title) => ({ title, value: (figure) => figure[title] })))); // biome-ignore format: one line
    print(
      `\n${analysis.figures.length} figures and tables, ${Object.keys(analysis.numbers).length} quantities: ${out}/index.html`,
    );
  },
};
