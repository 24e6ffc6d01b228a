import * as hub from "../index.ts";
import type { Command } from "./command.ts";
import { type Column, table } from "./print.ts";
import { conditions } from "./where.ts";

const COLUMNS: Column<hub.CardData>[] = [
  { title: "name", value: ({ name }) => name },
  { title: "objective", value: ({ ssl }) => ssl.objective ?? ssl.ssl_mode },
  { title: "architecture", value: ({ model }) => model.architecture_exact },
  { title: "z_dim", value: ({ representation }) => representation.z_dim, align: "right" },
  { title: "params", value: ({ model }) => millions(model.n_parameters), align: "right" },
  { title: "error %", value: ({ results }) => results?.agg_risk.toFixed(1), align: "right" },
  { title: "licence", value: ({ meta }) => meta.license },
];

export const list: Command = {
  usage: "list [pattern]",
  summary: "List the models, by name pattern and by any column of the metadata or the results",
  options: [["--where <condition>...", "COLUMN=VALUE (wildcards, comma-separated values), COLUMN<=N or COLUMN>=N"]],
  examples: [
    'ssl-hub list "dino*"',
    "ssl-hub list --where objective=simclr --where 'train_test<=35'",
    "ssl-hub list --where license=MIT,Apache-2.0 --where 'n_parameters<=30e6' --json",
  ],
  async run([pattern], options, { json, print }) {
    const filter = conditions((options.where as string[]) ?? []);
    const names = hub.list(pattern === undefined ? filter : { name: spread(pattern as string), ...filter });
    if (json) return print(JSON.stringify(names));
    print(table(names.map(hub.card), COLUMNS));
    const { length } = names;
    print(`\n${length} ${length === 1 ? "model" : "models"}. Error: linear probe on ImageNet-1k, from the paper.`);
  },
};

/** A bare word stands anywhere in a name. */
const spread = (pattern: string) => (/[*?]/.test(pattern) ? pattern : `*${pattern}*`);

const millions = (n: number | null) =>
  n === null ? null : n < 1e6 ? `${(n / 1e3).toFixed(0)}k` : `${(n / 1e6).toFixed(1)}M`;
