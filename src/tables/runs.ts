import { csvRecords } from "../core/csv.ts";
import { HubError, messageOf } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { BUDGETS, ERRORS } from "./error-columns.ts";
import { type Cell, FIELD_LIST, FIELDS, type FieldKind } from "./fields.ts";

/** A model that a user has measured: what the file says of it, under the names of the results table. */
export interface Run {
  model: string;
  /** Errors in percent, statistics, describing columns; only what is there. */
  cells: Record<string, Cell>;
}

/** Other words for columns of errors. */
const SYNONYMS: Record<string, string> = { agg_risk: BUDGETS.full, ...BUDGETS };

const STATISTIC = /^(train|test)((real)?aug)?_(rank|rank_Z|nc1|nc1norm|intra_var|inter_var|vars|uniformity|alignment)$/;

/** Columns of the results table that follow from others, where a user may say them outright. */
const DERIVED: readonly [string, FieldKind][] = [
  ["nviews", "integer"],
  ["n_augmentations", "integer"],
  ["projection_nparameters_hidden", "integer"],
];

const KINDS = new Map<string, FieldKind>([...FIELD_LIST.map(([, field, kind]) => [field, kind] as const), ...DERIVED]);
const SECTIONS: readonly string[] = Object.keys(FIELDS);

/** Of the alternative decomposition, which the results table does not have. */
const ALTERNATIVE = ["enc_gen", "probe_gen"] as const;

/** A run is a few errors: whoever gives more gives another file. */
export const MOST_CHARACTERS = 16e6;
const MOST_MODELS = 1000;
const LONGEST_NAME = 200;

type Fail = (found: string, cause?: unknown) => HubError;
type Entry = Record<string, unknown> & { model: string };

/**
 * A user's own runs: what `decompose`, `compare`, `fewshot` and `stats` print with `--json`, any JSON list of objects with `model`
 * (or `name`), or CSV with such a column. Errors are in percent and may stand under the results table's names, as `agg_risk`,
 * `full`, `shot30`, `pct1`, `shot5`, `shot3`, or in an object `risk`, `components`, `errors`, `shots` or `columns`; columns that the
 * results table does not have are passed over. What the model is stands beside them, or in an object `hyper_parameters` or
 * `metadata`, flat or by the sections of metadata.yaml, in which a column that no one knows is an error. Runs of one model are joined: of a value that is there twice the last is taken.
 * @param text the file's text; JSON when it begins with a brace or a bracket.
 * @param name the file's name, for errors.
 * @throws HubError `DATA` when it is neither, holds no model, or a value is not what its column holds: errors are numbers from -100
 *   to 200.
 */
export function parseRuns(text: string, name: string): Run[] {
  const fail: Fail = (found, cause) =>
    new HubError("DATA", `Cannot read the runs of ${name}: ${found} Give what decompose, compare or fewshot prints with --json.`, { details: { name }, cause }); // biome-ignore format: one line
  if (text.length > MOST_CHARACTERS) throw fail(`it has ${(text.length / 1e6).toFixed(0)} MB, too many for runs.`);
  const entries = /^\ufeff?\s*[[{]/.test(text) ? jsonEntries(text, fail) : csvEntries(text, fail);
  if (entries.length === 0) throw fail("it holds no model.");
  const runs = new Map<string, Run>();
  for (const entry of entries) {
    const cells = cellsOf(entry, fail);
    if (!Object.keys(cells).some(isMeasured)) throw fail(`${entry.model} has no error that is known here.`);
    runs.set(entry.model, { model: entry.model, cells: { ...runs.get(entry.model)?.cells, ...cells } });
  }
  if (runs.size > MOST_MODELS) throw fail(`it holds ${runs.size} models, more than ${MOST_MODELS}.`);
  return [...runs.values()];
}

const isMeasured = (column: string) => ERRORS.includes(column) || STATISTIC.test(column);
const isAlternative = (column: string) => ALTERNATIVE.some((part) => column === `alternative_${part}`);

function jsonEntries(text: string, fail: Fail): Entry[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (cause) {
    throw fail("it is not JSON.", cause);
  }
  const list = Array.isArray(parsed) ? parsed : isNamed(parsed) ? [parsed] : Object.values(parsed as object).find(Array.isArray); // biome-ignore format: one line
  return ((list ?? []) as unknown[]).filter(isNamed).map((entry) => named(entry, fail));
}

function csvEntries(text: string, fail: Fail): Entry[] {
  try {
    const [header, ...records] = Array.from(csvRecords(text), ({ fields }) => fields);
    if (header === undefined || !header.some((column) => column === "model" || column === "name")) {
      throw fail("it is neither JSON nor CSV with a column model.");
    }
    return records
      .map((fields) => Object.fromEntries(header.map((column, i) => [column, fields[i] ?? ""])))
      .filter(isNamed)
      .map((entry) => named(entry, fail));
  } catch (error) {
    throw error instanceof SyntaxError ? fail(`it is not CSV, ${messageOf(error)}.`, error) : error;
  }
}

const isNamed = (entry: unknown): entry is Record<string, unknown> =>
  typeof entry === "object" && entry !== null && modelOf(entry as Record<string, unknown>) !== undefined;

function modelOf(entry: Record<string, unknown>): string | undefined {
  const model = entry.model ?? entry.name;
  return typeof model === "string" && model.trim() !== "" ? model.trim() : undefined;
}

function named(entry: Record<string, unknown>, fail: Fail): Entry {
  const model = modelOf(entry)!;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (model.length > LONGEST_NAME || /[\u0000-\u001f\u007f]/.test(model)) {
    throw fail(`the name of a model is longer than ${LONGEST_NAME} characters, or has control characters.`);
  }
  return { ...entry, model };
}

const INNER = ["risk", "components", "errors", "shots", "columns"];

function cellsOf(entry: Entry, fail: Fail): Record<string, Cell> {
  const cells: Record<string, Cell> = {};
  const take = (key: string, given: unknown) => {
    const column = SYNONYMS[key] ?? key;
    const value = typeof given === "object" && given !== null && "mean" in given ? given.mean : given;
    if (value === null || value === undefined || value === "") return;
    const cell = cellOf(column, value);
    if (cell !== undefined) cells[column] = cell;
    else if (isMeasured(column) || isAlternative(column) || KINDS.has(column))
      throw fail(`${entry.model} has ${key} ${shown(value)}.`);
  };
  for (const source of [entry, ...INNER.map((key) => entry[key])]) {
    if (typeof source !== "object" || source === null || Array.isArray(source)) continue;
    for (const [key, value] of Object.entries(source)) take(key, value);
  }
  for (const [key, value] of described(entry, fail)) take(key, value);
  if (typeof entry.alternative === "object" && entry.alternative !== null) {
    for (const part of ALTERNATIVE) take(`alternative_${part}`, (entry.alternative as Record<string, unknown>)[part]);
  }
  for (const { shots, error } of curveOf(entry)) {
    if (shots === null) take("train_test", error);
    else if (ERRORS.includes(`train-nperclass-${shots}_test`)) take(`train-nperclass-${shots}_test`, error);
  }
  return cells;
}

/** Cells of the blocks that say what the model is. */
function described(entry: Entry, fail: Fail): [string, unknown][] {
  return (["hyper_parameters", "metadata"] as const).flatMap((block) => {
    const given = entry[block];
    if (given === null || given === undefined) return [];
    if (typeof given !== "object" || Array.isArray(given)) throw fail(`${entry.model} has ${block} ${shown(given)}, not an object.`); // biome-ignore format: one line
    const flat = Object.entries(given).flatMap(([key, value]) => {
      const inner = SECTIONS.includes(key) && typeof value === "object" && value !== null && !Array.isArray(value);
      return inner ? Object.entries(value as object) : [[key, value] as [string, unknown]];
    });
    for (const [column] of flat) {
      if (KINDS.has(column) || isMeasured(column)) continue;
      throw fail(`${entry.model} has ${block} ${shown(column)}, and there is no such column. The nearest are ${nearest(column, [...KINDS.keys()]).join(", ")}.`); // biome-ignore format: one line
    }
    return flat;
  });
}

/** Points of `compare`: the error with `shots` labels a class, null for all. */
function curveOf({ curve }: Entry): { shots: unknown; error: unknown }[] {
  return Array.isArray(curve) ? curve.filter((point) => typeof point === "object" && point !== null) : [];
}

/** The value as its column holds it; undefined where it cannot. */
function cellOf(column: string, value: unknown): Cell | undefined {
  if (isMeasured(column) || isAlternative(column)) {
    const number = numberOf(value);
    const fits = number !== undefined && (STATISTIC.test(column) || (number >= -100 && number <= 200));
    return fits ? number : undefined;
  }
  const kind = KINDS.get(column);
  if (kind === "boolean") return { true: true, false: false, yes: true, no: false }[String(value).toLowerCase()];
  if (kind === "integer" || kind === "number") {
    const number = numberOf(value);
    return number === undefined || number < 0 || (kind === "integer" && !Number.isInteger(number)) ? undefined : number;
  }
  if (column === "views" && !/^(\d+x)?\d+(\+\d+x\d+)*$/.test(String(value))) return undefined;
  if (kind === "list") return Array.isArray(value) ? value.map(String) : String(value).split(/\s+/);
  return kind === "text" && typeof value !== "object" ? String(value) : undefined;
}

function numberOf(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
