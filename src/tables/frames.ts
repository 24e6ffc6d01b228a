import { createRequire } from "node:module";
import type { ColumnTable } from "arquero";
import { type Cell, FIELD_LIST, flatten, type ModelMetadata } from "./fields.ts";
import { loadMetadata } from "./metadata.ts";
import { loadResults, type ResultsOptions, resultColumns } from "./results.ts";

const require = createRequire(import.meta.url);

/** Metadata of every model as nested plain objects: hub name -> section -> field. A copy, yours to change. */
export const metadataDict = (): Record<string, ModelMetadata> => structuredClone(loadMetadata());

/**
 * Metadata as an Arquero table: one row a model, `name`, every field as a column, `citation` (URL of the paper) and
 * `errata` (ids). Unknown or not applicable is null.
 */
export function metadataDf(): ColumnTable {
  const rows = Object.entries(loadMetadata()).map(([name, model]) => ({ name, ...flatten(model), ...extras(model) }));
  return toTable(rows, ["name", ...FIELD_LIST.map(([, field]) => field), "citation", "errata"]);
}

/** The paper's results as an Arquero table; see {@link loadResults}. */
export const resultsDf = (options: ResultsOptions = {}): ColumnTable => toTable(loadResults(options), resultColumns());

const extras = ({ meta }: ModelMetadata) => ({
  citation: meta.citation?.url ?? null,
  errata: [...new Set(meta.errata.map(({ id }) => id))].join(" "),
});

function toTable(rows: readonly Record<string, Cell>[], columns: readonly string[]): ColumnTable {
  const { table } = require("arquero") as typeof import("arquero");
  return table(Object.fromEntries(columns.map((column) => [column, rows.map((row) => row[column] ?? null)])), [
    ...columns,
  ]);
}
