import { nearest } from "../core/nearest.ts";
import { type Condition, cellTest, namePattern } from "./condition.ts";
import { type Cell, FIELD_LIST, flatten } from "./fields.ts";
import { metadataOf } from "./metadata.ts";
import { loadResults, type ResultRow, resultColumns } from "./results.ts";

export type { Condition, Range } from "./condition.ts";

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
    return { column, holds: cellTest(column, condition) };
  });
  const rows = joinedRows(named);
  return named.filter((_, i) => tests.every(({ column, holds }) => holds(rows[i]![column] ?? null)));
}

/** One row a name, of {@link filterColumns}: what a filter looks at. */
export function joinedRows(names: readonly string[]): Record<string, Cell>[] {
  const results = new Map(loadResults().map((row) => [row.name, row]));
  return names.map((name) => joined(name, results.get(name)));
}

/** Results below, corrected metadata above: where both have a column, the metadata's value counts. */
function joined(name: string, result: ResultRow | undefined): Record<string, Cell> {
  const model = metadataOf(name);
  return { ...result, ...(model && flatten(model)), name };
}
