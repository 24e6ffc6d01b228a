import { readFile } from "node:fs/promises";
import { HubError } from "../core/errors.ts";
import { parseRuns, RUN_ERRORS } from "../tables/runs.ts";
import type { Row } from "./study.ts";

/** The text of a file of runs, checked: {@link parseRuns} takes it. @throws HubError `DATA`. */
export async function readRunsText(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((cause) => {
    const found = `Cannot read the runs of ${path}: the file cannot be opened. Give what decompose, compare or fewshot prints with --json.`;
    throw new HubError("DATA", found, { details: { path }, cause });
  });
  parseRuns(text, path);
  return text;
}

/**
 * A user's own runs as rows beside the paper's: see {@link parseRuns} for what a file may hold. Only errors are taken. Runs of one
 * model are joined, over all files: of an error that is there twice the last is taken.
 * @param paths a file, or several.
 * @param like a row of the paper: its other columns are empty in the users' rows.
 * @throws HubError `DATA` when a file holds no runs, or a model no error.
 */
export async function readRuns(paths: string | readonly string[], like: Row): Promise<Row[]> {
  const rows = new Map<string, Row>();
  for (const path of typeof paths === "string" ? [paths] : paths) {
    for (const { model, cells } of parseRuns(await readRunsText(path), path)) {
      const errors = Object.fromEntries(Object.entries(cells).filter(([column]) => RUN_ERRORS.includes(column)));
      if (Object.keys(errors).length === 0)
        throw new HubError("DATA", `Cannot read the runs of ${path}: ${model} has no error.`, { details: { path } });
      rows.set(model, { ...(rows.get(model) ?? blank(model, like)), ...errors });
    }
  }
  return [...rows.values()];
}

function blank(model: string, like: Row): Row {
  return { ...Object.fromEntries(Object.keys(like).map((column) => [column, null])), name: model, enc: model.toLowerCase(), errata: "", own: true } as unknown as Row; // biome-ignore format: one line
}
