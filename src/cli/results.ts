import { csvText } from "../analysis/index.ts";
import * as hub from "../index.ts";
import { type Command, oneOf, textOption } from "./command.ts";
import { table } from "./print.ts";
import { conditions } from "./where.ts";

const COLUMNS = "name,objective,architecture,approx,usability,probe_gen,enc_gen,train_test";

type Row = Record<string, string | number | boolean | string[] | null>;

export const results: Command = {
  usage: "results [pattern]",
  summary: "Show the paper's results: 169 encoders, errors in percent on ImageNet-1k",
  options: [
    ["--where <condition>...", "COLUMN=VALUE, COLUMN<=N or COLUMN>=N, as for list"],
    ["--columns <names>", "columns to show, comma-separated, or all", COLUMNS],
    ["--sort <column>", "sort by a column, smallest first"],
    ["--limit <n>", "rows to show"],
    ["--errata <mode>", "faulty rows: flag, drop or correct", "flag"],
    ["--csv", "print CSV"],
  ],
  examples: [
    "ssl-hub results --sort train_test --limit 10",
    "ssl-hub results 'dino*' --columns name,train_test,train-nperclass-5_test",
    "ssl-hub results --columns all --csv > results.csv",
  ],
  async run([pattern], options, { json, print }) {
    const errata = oneOf(options, "errata", ["flag", "drop", "correct"]);
    const all = hub.resultsDf({ errata });
    const columns = columnsOf(textOption(options, "columns")!, all.columnNames());
    const where = conditions((options.where as string[]) ?? []);
    const filter = pattern === undefined ? where : { name: pattern as string, ...where };
    const names = all.array("name") as string[];
    const kept = new Set(hub.matchNames(names, filter));
    let rows = (all.objects() as Row[]).filter((row) => kept.has(row.name as string));
    const sort = textOption(options, "sort");
    if (sort !== undefined) rows = sorted(rows, columnsOf(sort, all.columnNames())[0]!);
    rows = rows.slice(0, Number(textOption(options, "limit") ?? rows.length));
    const shown = rows.map((row) => Object.fromEntries(columns.map((column) => [column, row[column] ?? null])));
    if (json) print(JSON.stringify(shown));
    else if (options.csv === true) print(csvText(shown, columns));
    else
      print(
        table(
          shown,
          columns.map((title) => column(title, shown)),
        ),
      );
  },
};

function columnsOf(text: string, known: string[]): string[] {
  const columns = text === "all" ? known : text.split(",");
  const unknown = columns.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new TypeError(`There is no column ${unknown.join(", ")}. See: ssl-hub results --columns all`);
  return columns;
}

/** Missing values come last. */
function sorted(rows: Row[], column: string): Row[] {
  const rank = (row: Row) => row[column] ?? null;
  return rows.toSorted((a, b) => {
    const [x, y] = [rank(a), rank(b)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return x < y ? -1 : x > y ? 1 : 0;
  });
}

function column(title: string, rows: readonly Row[]) {
  const numeric = rows.some((row) => typeof row[title] === "number");
  return {
    title,
    align: numeric ? ("right" as const) : ("left" as const),
    value: (row: Row) => {
      const value = row[title];
      if (value === null || value === undefined) return null;
      return typeof value === "number" && !Number.isInteger(value) ? value.toFixed(2) : String(value);
    },
  };
}
