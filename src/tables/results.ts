import { readFileSync } from "node:fs";
import { assetPath } from "../core/assets.ts";
import { csvRecords } from "../core/csv.ts";
import { derivedColumns } from "./derived.ts";
import { type Cell, FIELD_LIST, type FieldKind, fieldOf } from "./fields.ts";
import { metadataOf } from "./metadata.ts";

/** What to do with rows that an erratum touches. */
export type ErrataMode =
  /** Keep the paper's values; the column `errata` says which rows are touched (default). */
  | "flag"
  /** Leave out the rows whose measurements belong to another model. */
  | "drop"
  /** Replace the describing columns by the corrected metadata; measurements stay as measured. */
  | "correct";

export interface ResultsOptions {
  errata?: ErrataMode;
}

/** One model's row: `name` (hub name), `enc` (the paper's lower-case name), its 118 columns, `errata` (ids). */
export type ResultRow = { name: string; enc: string; errata: string } & Record<string, Cell>;

const MODES: readonly ErrataMode[] = ["flag", "drop", "correct"];
const KINDS: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  ...FIELD_LIST.map(([, field, kind]) => [field, kind] as const),
  ["date_published", "text"],
]);

let cached: readonly ResultRow[] | undefined;

/**
 * The paper's results: 169 rows, one a model. Errors are in percent; `docs/metadata.md` explains each column.
 * @throws TypeError for an unknown errata mode.
 */
export function loadResults({ errata = "flag" }: ResultsOptions = {}): ResultRow[] {
  if (!MODES.includes(errata)) throw new TypeError(`errata is one of ${MODES.join(", ")}, not ${String(errata)}.`);
  cached ??= readRows();
  if (errata === "drop") return cached.filter(({ name }) => !measuresAnother(name)).map((row) => ({ ...row }));
  return cached.map((row) => (errata === "correct" ? corrected(row) : { ...row }));
}

/** The columns of the results, `name`, `enc` and `errata` included, in order. */
export const resultColumns = (): string[] => Object.keys(loadResults()[0]!);

/** Whether the row of this name was measured on another model than the name says. */
export const measuresAnother = (name: string): boolean => errataOf(name).some((e) => e.affects.includes("results"));

const errataOf = (name: string) => metadataOf(name)?.meta.errata ?? [];

function readRows(): ResultRow[] {
  const [header, ...lines] = Array.from(csvRecords(readFileSync(assetPath("results.csv"), "utf8")), (r) => r.fields);
  return lines.map((cells) => {
    const values = header!.map((column, i) => [column, parseCell(column, cells[i]!)] as const);
    const { name, ...rest } = Object.fromEntries(values) as Record<string, Cell> & { name: string };
    const ids = new Set(errataOf(name).map(({ id }) => id));
    return { name, enc: name.toLowerCase(), ...rest, errata: [...ids].join(" ") };
  });
}

/** All that is not described otherwise is a measurement. */
function parseCell(column: string, text: string): Cell {
  const kind = column === "name" ? "text" : (KINDS.get(column) ?? "number");
  if (text === "") return null;
  if (kind === "text") return text;
  if (kind === "boolean") return text === "true";
  if (kind === "list") return text.split(" ");
  return Number(text);
}

function corrected(row: ResultRow): ResultRow {
  const paths = errataOf(row.name).flatMap(({ upstream }) => Object.keys(upstream));
  if (paths.length === 0) return { ...row };
  const model = metadataOf(row.name)!;
  const wrong = new Set(paths);
  const fixed = FIELD_LIST.filter(([section, field]) => wrong.has(`${section}.${field}`) && field in row).map(
    ([section, field]) => [field, fieldOf(model, section, field)] as const,
  );
  const result: ResultRow = { ...row, ...Object.fromEntries(fixed) };
  return { ...result, ...derivedColumns(result) };
}
