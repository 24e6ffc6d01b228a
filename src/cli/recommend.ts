import * as hub from "../index.ts";
import { type Command, textOption, wholeNumber } from "./command.ts";
import { table } from "./print.ts";
import { conditions } from "./where.ts";

export const recommend: Command = {
  usage: "recommend",
  summary: "Which encoder for how many labels, from the paper's results, with the evidence",
  options: [
    ["--shots <n>", "labelled images a class, 1% or full", "full"],
    ["--max-params <n>", "most parameters: 30000000, 30e6 or 30M"],
    ["--max-dim <n>", "most features"],
    ["--family <name>", "resnet, vit or convnext"],
    ["--architecture <name>", "resnet50, vitb, ..."],
    ["--objective <name>", "simclr, dino, ..."],
    ["--commercial", "only weights that are free for commercial use"],
    ["--where <condition>...", "COLUMN=VALUE, COLUMN<=N or COLUMN>=N, as for list"],
    ["--limit <n>", "answers", "5"],
  ],
  examples: [
    "ssl-hub recommend --shots 5 --max-params 30M",
    "ssl-hub recommend --shots 1% --family vit --commercial",
    "ssl-hub recommend --where ssl_mode=contrastive --limit 3 --json",
  ],
  async run(_args, options, { json, print }) {
    const where = (options.where as string[]) ?? [];
    const answer = hub.recommend({
      shots: shotsOf(textOption(options, "shots")!),
      maxParams: amount(textOption(options, "maxParams"), "--max-params"),
      maxDim: wholeNumber(options, "maxDim"),
      family: textOption(options, "family"),
      architecture: textOption(options, "architecture"),
      objective: textOption(options, "objective"),
      commercial: options.commercial === true,
      filter: where.length > 0 ? conditions(where) : undefined,
      limit: wholeNumber(options, "limit"),
    });
    if (json) return print(JSON.stringify(answer));
    print(report(answer));
  },
};

function report({ setting, considered, left_out, models, notes }: hub.Recommendation): string {
  const percent = (value: number | null) => value?.toFixed(1);
  const lines = [`Error with ${setting}, ImageNet-1k; ${considered} encoders compared.`];
  if (left_out.length > 0) {
    lines.push(`Left out: ${left_out.map(({ reason, count }) => `${count} (${reason})`).join(", ")}.`);
  }
  if (models.length > 0) {
    const rows = table(models, [
      { title: "encoder", value: ({ name }) => name },
      { title: "error %", value: ({ error }) => percent(error), align: "right" },
      { title: "approx", value: ({ approx }) => percent(approx), align: "right" },
      { title: "usability", value: ({ usability }) => percent(usability), align: "right" },
      { title: "probe_gen", value: ({ probe_gen }) => percent(probe_gen), align: "right" },
      { title: "enc_gen", value: ({ enc_gen }) => percent(enc_gen), align: "right" },
      { title: "M params", value: ({ n_parameters: n }) => (n === null ? null : (n / 1e6).toFixed(1)), align: "right" },
      { title: "z_dim", value: ({ z_dim }) => z_dim, align: "right" },
      { title: "licence", value: ({ license }) => license },
    ]);
    lines.push(
      "",
      rows,
      "",
      ...models.map(({ name, reason, caveats }) => [`${name}: ${reason}`, ...caveats].join(" ")),
    );
  }
  return [...lines, "", ...notes].join("\n");
}

function shotsOf(text: string): number | "1%" | "full" {
  if (text === "full" || text === "1%") return text;
  const value = Number(text);
  if (!(value > 0)) throw new TypeError(`--shots takes a number of images a class, 1% or full, not ${text}.`);
  return value;
}

function amount(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  const match = /^([\d.]+(?:e\d+)?)([kMG]?)$/.exec(text);
  const value = Number(match?.[1]) * { "": 1, k: 1e3, M: 1e6, G: 1e9 }[(match?.[2] ?? "") as "" | "k" | "M" | "G"];
  if (!(value > 0)) throw new TypeError(`${flag} takes a number such as 30000000 or 30M, not ${text}.`);
  return value;
}
