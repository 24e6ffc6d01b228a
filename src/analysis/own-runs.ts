import { readFile } from "node:fs/promises";
import { HubError } from "../core/errors.ts";
import { BUDGETS, COMPONENTS, type Row } from "./study.ts";

/** Columns of the table that a run may fill, in percent; `agg_risk` is the error with all labels. */
const FIELDS: Record<string, string> = {
  ...Object.fromEntries(COMPONENTS.map((component) => [component, component])),
  ...Object.fromEntries(Object.values(BUDGETS).map((column) => [column, column])),
  ...BUDGETS,
  agg_risk: BUDGETS.full,
};

/**
 * A user's own runs as rows beside the paper's: what `decompose`, `compare` and `fewshot` print with `--json`, or any JSON
 * list of objects with `model` and errors in percent (components, `agg_risk`, and budgets under the table's column names or
 * `shot30`, `pct1`, `shot5`, `shot3`). Runs of one model are joined, over all files: of an error that is there twice the last
 * is taken.
 * @param paths a file, or several.
 * @param like a row of the paper: its other columns are empty in the users' rows.
 * @throws HubError `DATA` when a file is not such JSON or an error is not a number from -100 to 200.
 */
export async function readRuns(paths: string | readonly string[], like: Row): Promise<Row[]> {
  const rows = new Map<string, Row>();
  for (const path of typeof paths === "string" ? [paths] : paths) {
    for (const { model, errors } of await readFileOfRuns(path)) {
      rows.set(model, { ...(rows.get(model) ?? blank(model, like)), ...errors });
    }
  }
  return [...rows.values()];
}

async function readFileOfRuns(path: string): Promise<{ model: string; errors: Record<string, number> }[]> {
  const fail = (found: string, cause?: unknown) =>
    new HubError("DATA", `Cannot read the runs of ${path}: ${found} Give what decompose, compare or fewshot prints with --json.`, { details: { path }, cause }); // biome-ignore format: one line
  const text = await readFile(path, "utf8").catch((cause) => {
    throw fail("the file cannot be opened.", cause);
  });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw fail("it is not JSON.", cause);
  }
  const entries = listOf(parsed);
  if (entries.length === 0) throw fail("it holds no model.");
  return entries.map((entry) => {
    const errors = errorsOf(entry, fail);
    if (Object.keys(errors).length === 0) throw fail(`${entry.model} has no error that is known here.`);
    return { model: entry.model, errors };
  });
}

type Entry = Record<string, unknown> & { model: string };

function listOf(parsed: unknown): Entry[] {
  if (typeof parsed !== "object" || parsed === null) return [];
  const list = Array.isArray(parsed) ? parsed : Object.values(parsed).find(Array.isArray);
  const entries = (list ?? [parsed]) as Record<string, unknown>[];
  return entries.filter((entry): entry is Entry => typeof entry?.model === "string");
}

/** Errors of an entry, its `risk` and its `shots` (label -> `{ error }` or number). */
function errorsOf(entry: Entry, fail: (found: string) => Error): Record<string, number> {
  const inner = ["risk", "components", "errors", "shots"].map((key) => entry[key]);
  const sources = [entry, ...inner].filter(
    (value): value is Record<string, unknown> => typeof value === "object" && value !== null,
  );
  const found: Record<string, number> = {};
  for (const source of sources) {
    for (const [key, value] of Object.entries(source)) {
      const column = FIELDS[key];
      const error = typeof value === "object" && value !== null ? (value as { mean?: unknown }).mean : value;
      if (column === undefined || error === null || error === undefined) continue;
      if (typeof error !== "number" || !(error >= -100 && error <= 200))
        throw fail(`${entry.model} has ${key} ${String(error)}.`);
      found[column] = error;
    }
  }
  return found;
}

function blank(model: string, like: Row): Row {
  return { ...Object.fromEntries(Object.keys(like).map((column) => [column, null])), name: model, enc: model.toLowerCase(), errata: "", own: true } as unknown as Row; // biome-ignore format: one line
}
