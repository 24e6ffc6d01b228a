import { writeFile } from "node:fs/promises";
import { renderSvg, riskStack } from "../analysis/index.ts";
import { openDataset } from "../decompose/index.ts";
import * as hub from "../index.ts";
import { type Command, textOption } from "./command.ts";
import { decomposeModels } from "./decompose.ts";
import { duration } from "./print.ts";
import { riskReport } from "./risk-report.ts";

const MODELS = ["tiny_sup", "tiny_ssl", "tiny_init"];

export const demo: Command = {
  usage: "demo",
  summary: "Featurize the embedded images with the embedded encoders and decompose their risk; needs no network",
  options: [["--svg <file>", "where to write the figure", "ssl-hub-demo.svg"]],
  examples: ["ssl-hub demo"],
  async run(_args, options, context) {
    const started = performance.now();
    const [DTrain, DTest] = [await openDataset("digits:train"), await openDataset("digits:test")];
    const { name, why } = await hub.backend();
    if (!context.json) {
      context.print(`Optical digits: ${DTrain.length} training and ${DTest.length} test images of 10 classes.`);
      context.print(
        `Encoders: ${MODELS.join(", ")} (pretrained on CIFAR-10, or not at all). Engine: ${name} (${why}).\n`,
      );
    }
    const rows = await decomposeModels(MODELS, DTrain, DTest, { sup: "tiny_sup", nSub: "paper" }, context);
    const svg = textOption(options, "svg")!;
    await writeFile(svg, await renderSvg(riskStack(rows, { title: "Risk decomposition on optical digits" })));
    const seconds = (performance.now() - started) / 1000;
    if (context.json) return context.print(JSON.stringify({ rows, svg, seconds }));
    context.print(riskReport(rows));
    context.print(`\nFigure: ${svg} (${duration(seconds)})`);
  },
};
