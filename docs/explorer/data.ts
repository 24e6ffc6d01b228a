import type { Cell } from "../../src/tables/fields.ts";

/** What `scripts/build-pages.mjs` writes to data.js: columns of equal length, one value a model. */
export interface ExplorerData {
  version: string;
  columns: Record<string, Cell[]>;
  /** Label and text of each model's card, as `ssl-hub info` shows it. */
  cards: [label: string, text: string][][];
}

/** One model: every column of the metadata (corrected) and of the results. */
export type Row = Readonly<Record<string, Cell>> & { readonly name: string };

export interface Model {
  row: Row;
  card: readonly (readonly [label: string, text: string])[];
  /** Where a user's own run comes from; the hub's models have none. */
  own?: OwnRun;
}

export interface OwnRun {
  /** Its name in the files. */
  model: string;
  files: readonly string[];
  /** The hub's model of that name. */
  hub: string | null;
}

export type Kind = "number" | "boolean" | "list" | "text";

declare global {
  interface Window {
    SSL_HUB_DATA?: ExplorerData;
  }
}

/** @throws Error when data.js is missing beside the page. */
export function readData(): { version: string; models: Model[]; kinds: ReadonlyMap<string, Kind> } {
  const data = window.SSL_HUB_DATA;
  if (data === undefined) throw new Error("data.js is missing: copy the whole folder of the explorer.");
  const columns = Object.entries(data.columns);
  const models = data.cards.map((card, i) => {
    return { card, row: Object.fromEntries(columns.map(([name, values]) => [name, values[i]!])) as Row };
  });
  return { version: data.version, models, kinds: new Map(columns.map(([name, values]) => [name, kindOf(values)])) };
}

function kindOf(values: readonly Cell[]): Kind {
  const known = values.find((value) => value !== null);
  if (Array.isArray(known)) return "list";
  return typeof known === "number" || typeof known === "boolean" ? (typeof known as Kind) : "text";
}
