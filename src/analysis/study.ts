import { BUDGETS, COMPONENTS, ERRORS } from "../tables/error-columns.ts";
import type { ErrataMode, ResultRow } from "../tables/results.ts";
import { loadResults } from "../tables/results.ts";

export { BUDGETS, COMPONENTS, ERRORS };

export type Budget = keyof typeof BUDGETS;
export type Component = (typeof COMPONENTS)[number];

/** Outcomes of the regressions: short name -> column. */
export const OUTCOMES = {
  approx: "approx",
  usability: "usability",
  probe_gen: "probe_gen",
  enc_gen: "enc_gen",
  agg_risk: BUDGETS.full,
  shot3: BUDGETS.shot3,
} as const;

export type Outcome = keyof typeof OUTCOMES;

/** A model's row: the paper's columns; `name` is its lower-case name. */
export type Row = ResultRow;

/** The rows of an analysis and the row sets that the paper defines on them. */
export interface Study {
  readonly all: readonly Row[];
  /** All four components are there. */
  readonly complete: readonly Row[];
  /** Pretrained on ImageNet-1K. */
  readonly in1k: readonly Row[];
  /** All five budgets are there. */
  readonly metrics: readonly Row[];
  readonly rn50: readonly Row[];
}

/**
 * The paper's rows, by lower-case name, and the users' own after them.
 * @param options.errata "flag" keeps rows whose measurements belong to another model, "drop" leaves them out.
 */
export function makeStudy(options: { errata?: ErrataMode; runs?: readonly Row[] } = {}): Study {
  const paper = loadResults({ errata: options.errata ?? "flag" }).map((row): Row => ({ ...row, name: row.enc }));
  return studyOf([...paper, ...(options.runs ?? [])]);
}

/** The row sets of a list of rows. */
export function studyOf(all: readonly Row[]): Study {
  const has = (columns: readonly string[]) => (row: Row) => columns.every((column) => num(row, column) !== null);
  return {
    all,
    complete: all.filter(has(COMPONENTS)),
    in1k: all.filter((row) => row.pretraining_data === "ImageNet-1K"),
    metrics: all.filter(has(Object.values(BUDGETS))),
    rn50: all.filter((row) => row.architecture_exact === "resnet50"),
  };
}

/** A cell as a number; null when it is missing. */
export function num(row: Row, column: string): number | null {
  const value = row[column];
  return typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : null;
}

/** The numbers of a column; rows without one are passed over. */
export const values = (rows: readonly Row[], column: string): number[] => rows.flatMap((row) => num(row, column) ?? []);

/** Rows by the text of a cell, groups in ascending order; rows without one are passed over. */
export function groupBy(rows: readonly Row[], column: string): [string, Row[]][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const value = row[column];
    if (value === null || value === undefined) continue;
    const found = groups.get(String(value));
    if (found === undefined) groups.set(String(value), [row]);
    else found.push(row);
  }
  return [...groups].sort(([a], [b]) => (Number.isNaN(Number(a)) ? (a < b ? -1 : 1) : Number(a) - Number(b)));
}

/** The row with the smallest value of a column; the first among equals. */
export function best(rows: readonly Row[], column: string): Row | undefined {
  return rows.reduce<Row | undefined>((found, row) => {
    const value = num(row, column);
    return value !== null && (found === undefined || value < num(found, column)!) ? row : found;
  }, undefined);
}
