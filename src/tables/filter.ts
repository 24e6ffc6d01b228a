import { nearest } from "../core/nearest.ts";
import { type Cell, FIELD_LIST, flatten } from "./fields.ts";
import { metadataOf } from "./metadata.ts";
import { loadResults, type ResultRow, resultColumns } from "./results.ts";

type Scalar = string | number | boolean | null;
/** Bounds are inclusive. */
export interface Range {
  min?: number;
  max?: number;
}
export type Condition = Scalar | readonly Scalar[] | Range;

/**
 * Which models to list. A string is a pattern for names: `*` and `?` are wildcards, and without any the text may stand
 * anywhere in the name. An object names columns of the metadata or of the results; all conditions must hold:
 *
 * - a string: equal whatever the case, or a pattern when it has wildcards
 * - a number, a boolean, null (unknown or not applicable): equal
 * - a list: any of its values
 * - `{ min, max }`: a number within inclusive bounds
 *
 * A column of lists (`augmentations`) holds when any of its words does.
 */
export type ListFilter = string | Readonly<Record<string, Condition>>;

/** Columns that a filter may name: those of the metadata (corrected), then the results' own. */
export function filterColumns(): string[] {
  return [...new Set(["name", ...FIELD_LIST.map(([, field]) => field), ...resultColumns()])];
}

/**
 * The names that pass, in their order.
 * @throws TypeError for an unknown column (with the nearest ones) or a condition that is none of the above.
 */
export function matchNames<N extends string>(names: readonly N[], filter: ListFilter = {}): N[] {
  if (typeof filter === "string") return names.filter(namePattern(filter));
  if (typeof filter !== "object" || filter === null || Array.isArray(filter)) {
    throw new TypeError("A filter is a pattern for names or an object of columns and conditions.");
  }
  const { name: pattern, ...columns } = filter;
  if (pattern !== undefined && typeof pattern !== "string") throw new TypeError("The filter's name is a pattern.");
  const named = pattern === undefined ? [...names] : names.filter(namePattern(pattern));
  const conditions = Object.entries(columns).filter(([, condition]) => condition !== undefined);
  if (conditions.length === 0) return named;
  const known = filterColumns();
  const tests = conditions.map(([column, condition]) => {
    if (!known.includes(column)) {
      throw new TypeError(`There is no column ${column}. Did you mean ${nearest(column, known).join(", ")}?`);
    }
    return { column, holds: test(column, condition) };
  });
  const results = new Map(loadResults().map((row) => [row.name, row]));
  return named.filter((name) => {
    const row = joined(name, results.get(name));
    return tests.every(({ column, holds }) => holds(row[column] ?? null));
  });
}

/** Results below, corrected metadata above: where both have a column, the metadata's value counts. */
function joined(name: string, result: ResultRow | undefined): Record<string, Cell> {
  const model = metadataOf(name);
  return { ...result, ...(model && flatten(model)), name };
}

function namePattern(pattern: string): (name: string) => boolean {
  const regex = wildcard(/[*?]/.test(pattern) ? pattern : `*${pattern}*`);
  return (name) => regex.test(name);
}

function wildcard(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "is");
}

function test(column: string, condition: Condition): (cell: Cell) => boolean {
  const single = testOne(column, condition);
  return (cell) => (Array.isArray(cell) ? cell.some(single) : single(cell));
}

function testOne(column: string, condition: Condition): (cell: Cell) => boolean {
  if (Array.isArray(condition)) {
    const any = (condition as readonly Scalar[]).map((one) => testOne(column, one));
    return (cell) => any.some((holds) => holds(cell));
  }
  if (typeof condition === "string") {
    const regex = wildcard(condition);
    return (cell) => cell !== null && regex.test(String(cell));
  }
  if (condition === null || typeof condition === "number" || typeof condition === "boolean") {
    return (cell) => cell === condition;
  }
  if (!isRange(condition)) throw new TypeError(`The condition on ${column} is not a value, a list or { min, max }.`);
  const { min = -Infinity, max = Infinity } = condition;
  return (cell) => typeof cell === "number" && cell >= min && cell <= max;
}

function isRange(value: unknown): value is Range {
  if (typeof value !== "object" || value === null) return false;
  const entries = Object.entries(value);
  return (
    entries.length > 0 &&
    entries.every(
      ([key, bound]) => (key === "min" || key === "max") && (bound === undefined || typeof bound === "number"),
    )
  );
}
