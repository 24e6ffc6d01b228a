import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { contactSheet, decode, encodePng, type Pixels } from "../images/index.ts";
import * as hub from "../index.ts";
import { type Command, textOption, wholeNumber } from "./command.ts";

const COLUMNS = 4;

export const augment: Command = {
  usage: "augment <name> <image>",
  summary: "Write augmented views of an image, as the model saw images in training, and a contact sheet of them",
  options: [
    ["--out <dir>", "folder for sheet.png and view-SEED.png", "."],
    ["--n <count>", "number of views", "8"],
    ["--seed <seed>", "seed of the first view; the next ones follow", "0"],
  ],
  examples: [
    "ssl-hub augment simclr_rn50 cat.jpg --out views/",
    "ssl-hub augment dino_vitS16 cat.jpg --n 16 --seed 100 --out views/ --json | jq .steps",
  ],
  async run([name, image], options, { json, job, print }) {
    const [n, first, out] = [wholeNumber(options, "n")!, wholeNumber(options, "seed")!, textOption(options, "out")!];
    if (n < 1) throw new TypeError("--n takes a whole number from 1 on.");
    const transform = await hub.trainTransform(name as string);
    const decoded = await decode(image as string, job);
    await mkdir(out, { recursive: true });
    const views: Pixels[] = [];
    const files: string[] = [];
    for (let seed = first; seed < first + n; seed++) {
      const view = await transform.pixels(decoded, { seed, ...job });
      views.push(view);
      files.push(join(out, `view-${seed}.png`));
      await writeFile(files.at(-1)!, await encodePng(view));
    }
    const sheet = join(out, "sheet.png");
    await writeFile(sheet, await encodePng(contactSheet(views, COLUMNS)));
    if (json)
      return print(JSON.stringify({ model: hub.resolveName(name as string), sheet, files, steps: transform.steps }));
    print(sheet);
  },
};
