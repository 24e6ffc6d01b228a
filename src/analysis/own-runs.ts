import { readFile } from "node:fs/promises";
import { HubError } from "../core/errors.ts";
import { derivedColumns } from "../tables/derived.ts";
import { ERRORS } from "../tables/error-columns.ts";
import { type Cell, flatten } from "../tables/fields.ts";
import { loadMetadata } from "../tables/metadata.ts";
import { loadResults } from "../tables/results.ts";
import { parseRuns } from "../tables/runs.ts";
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
 * A user's own runs as rows beside the paper's: see {@link parseRuns} for what a file may hold. Runs of one model are joined, over
 * all files: of a value that is there twice the last is taken. A model that has a hub name is described by its metadata, where the
 * file does not say otherwise. A name that a row of the paper has is followed by "(yours)".
 * @param paths a file, or several.
 * @param like a row of the paper: its other columns are empty in the users' rows.
 * @throws HubError `DATA` when a file holds no runs, or a model no error.
 */
export async function readRuns(paths: string | readonly string[], like: Row): Promise<Row[]> {
  const cells = new Map<string, Record<string, Cell>>();
  for (const path of typeof paths === "string" ? [paths] : paths) {
    for (const run of parseRuns(await readRunsText(path), path)) {
      cells.set(run.model, { ...cells.get(run.model), ...run.cells });
    }
  }
  return [...cells].map(([model, found]) => {
    if (ERRORS.some((column) => typeof found[column] === "number")) return ownRow(model, found, like);
    const message = `Cannot draw the run of ${model}: its files hold statistics and no error. Add what decompose, compare or fewshot prints with --json.`;
    throw new HubError("DATA", message, { details: { model } });
  });
}

function ownRow(model: string, cells: Record<string, Cell>, like: Row): Row {
  const enc = model.toLowerCase();
  const name = loadResults().some((row) => row.enc === enc) ? `${model} (yours)` : model;
  const empty = Object.fromEntries(Object.keys(like).map((column) => [column, null]));
  const described = { ...empty, ...description(enc), ...cells };
  return { ...described, ...derived(described), ...cells, name, enc, errata: "", own: true };
}

/** Pixels of what the table calls a patch in architectures that have none. */
const PATCHES: Record<string, number> = { resnet: 7, convnext: 4 };

/** What the hub knows of a model by its lower-case name, as the results table says it. */
function description(enc: string): Record<string, Cell> {
  const found = Object.entries(loadMetadata()).find(([name]) => name.toLowerCase() === enc);
  if (found === undefined) return {};
  const fields = flatten(found[1]);
  const paper = loadResults({ errata: "correct" }).find((row) => row.enc === enc);
  const told = paper === undefined ? {} : Object.fromEntries(Object.keys(fields).flatMap((column) => (column in paper ? [[column, paper[column]!]] : []))); // biome-ignore format: one line
  return { ...fields, patch_size: fields.patch_size ?? PATCHES[String(fields.family)] ?? null, ...told };
}

/** Columns that follow from others, as far as those are there. */
function derived(row: Record<string, Cell>): Record<string, Cell> {
  const { augmentations, views, z_dim } = row;
  const all = derivedColumns({ ...row, augmentations: augmentations ?? [], views: views ?? "" });
  const known = (column: string) => {
    if (column === "nviews") return views != null;
    if (column === "projection_nparameters_hidden") return z_dim != null;
    return column !== "date_published" && augmentations != null;
  };
  return Object.fromEntries(Object.entries(all).filter(([column]) => known(column)));
}
