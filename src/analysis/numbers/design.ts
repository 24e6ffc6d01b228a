import { num, type Row } from "../study.ts";

/** A term of a linear model, spelled as in the formulas of Python's statsmodels: `np.log(epochs)`, `family`, `year`. */
export type Term = string;

/** The column of a term, without its logarithm. */
export const columnOf = (term: Term): string => /^np\.log\((.+)\)$/.exec(term)?.[1] ?? term;

/** Value of a term: a number, or the level of a category; null when missing or not positive under a logarithm. */
export function cellOf(row: Row, term: Term): number | string | null {
  const column = columnOf(term);
  const value = row[column];
  if (term !== column) {
    const x = num(row, column);
    return x === null || x <= 0 ? null : Math.log(x);
  }
  if (typeof value === "boolean") return value ? "True" : "False";
  return typeof value === "number" || typeof value === "string" ? value : null;
}

/**
 * Names and values of a term's columns: itself, or a 0/1 column a level (of a truth value: both) but the first in alphabetical
 * order. `levels`: the rows whose categories count, also those that no row here has.
 */
export function columnsOf(rows: readonly Row[], term: Term, levelRows = rows): [string, number[]][] {
  const cells = rows.map((row) => cellOf(row, term)!);
  if (cells.every((cell) => typeof cell === "number")) return [[term, cells as number[]]];
  const levels = rows.every((row) => typeof row[term] === "boolean") ? ["False", "True"] : levelsOf(levelRows, term);
  return levels.slice(1).map((level) => [`${term}[T.${level}]`, cells.map((cell) => Number(String(cell) === level))]);
}

function levelsOf(rows: readonly Row[], term: Term): string[] {
  const cells = rows.flatMap((row) => cellOf(row, term) ?? []);
  return [...new Set(cells.map(String))].sort((a, b) => (a < b ? -1 : 1));
}

/** The design of a linear model with intercept, on rows in which no term is missing. */
export function designOf(rows: readonly Row[], terms: readonly Term[], levelRows = rows): Map<string, number[]> {
  return new Map([["Intercept", rows.map(() => 1)], ...terms.flatMap((term) => columnsOf(rows, term, levelRows))]);
}

/** Rows in which the outcome and every term are there. */
export const usable = (rows: readonly Row[], outcome: string, terms: readonly Term[]): Row[] =>
  rows.filter((row) => num(row, outcome) !== null && terms.every((term) => cellOf(row, term) !== null));

/** Kind of the projection head: the teacher's, else the student's, else "Na". */
export const headOf = (row: Row): string => String(row.projection2_arch ?? row.projection1_arch ?? "Na");
