import * as hub from "../index.ts";
import { type Command, textOption, wholeNumber } from "./command.ts";
import { OWN_OPTIONS, ownOptions } from "./own-options.ts";

export const newCommand: Command = {
  usage: "new <name>",
  summary: "Scaffold a model in a checkout: its line in hubconf.ts, entry in metadata.yaml and family file",
  options: [
    ["--arch <name>", "architecture (required); ssl-hub convert --list-archs lists them"],
    ["--url <https>", "address of the checkpoint (required)"],
    ["--checkpoint <file>", "the file, if it is here: key rules, hash and size are found in it"],
    ["--family <name>", "family file; default the name up to its first underscore"],
    ["--license <spdx>", "licence of the weights, as MIT"],
    ["--where <https>", "page of the authors"],
    ["--objective <name>", "what it was trained for, as simclr"],
    [
      "--train-like <model>",
      "a model of the hub that has its training augmentation; default the usual of its objective",
    ],
    ["--title <text>", "title of the paper"],
    ["--authors <text>", "its authors"],
    ["--paper <https>", "its address"],
    ["--year <n>", "year of publication"],
    ["--month <n>", "month of publication"],
    ["--root <dir>", "the checkout; default the working directory"],
    ["--representation <name>", "which output; default avgpool, or cls of transformers"],
    ["--image-size <pixels>", "side of the input, where the file does not tell it"],
    ...OWN_OPTIONS,
  ],
  examples: [
    "ssl-hub new mine_rn50 --arch resnet50 --url https://my.host/mine_rn50.pth --checkpoint mine_rn50.pth --license MIT",
  ],
  async run([name], options, { json, job, print }) {
    const text = (option: string) => textOption(options, option);
    const [arch, url] = [text("arch"), text("url")];
    if (arch === undefined || url === undefined)
      throw new TypeError("new needs --arch ARCHITECTURE and --url ADDRESS.");
    const made = await hub.newModel(name as string, {
      arch,
      url,
      checkpoint: text("checkpoint"),
      family: text("family"),
      license: text("license"),
      where: text("where"),
      objective: text("objective"),
      trainLike: text("trainLike"),
      title: text("title"),
      authors: text("authors"),
      paper: text("paper"),
      year: wholeNumber(options, "year"),
      month: wholeNumber(options, "month"),
      root: text("root"),
      representation: text("representation") as hub.NewModelOptions["representation"],
      imageSize: wholeNumber(options, "imageSize"),
      ...ownOptions(options),
      ...job,
    });
    if (json) return print(JSON.stringify(made));
    print(`Wrote ${made.written.join(", ")}.\n\nNext:`);
    for (const step of made.next) print(`- ${step}`);
  },
};
