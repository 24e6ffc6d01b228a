import type { TopLevelSpec } from "vega-lite";
import type { NumbersPart } from "../numbers/all.ts";
import type { Numbers } from "../numbers/numbers.ts";
import { COMPONENTS } from "../risk-stack.ts";
import { BUDGETS, type Budget, num, type Row, type Study } from "../study.ts";

/** A cell of a figure's data. */
export type Value = string | number | boolean | null;
export type Datum = Record<string, Value>;

/** A figure or table of the paper, recomputed. */
export interface Figure {
  /** File name of its parts, and what `--only` takes. */
  id: string;
  /** Where it stands in the paper. */
  paper: string;
  title: string;
  /** How to read it, in a sentence or two. */
  how: string;
  /** What the published analysis did otherwise, and what is done about it. */
  note?: string;
  /** Columns that a model of the reader's own must have to be in it. */
  needs?: readonly string[];
  /** Why a model that has them is not in it all the same. */
  other?: string;
  /** Why the reader's own models cannot be in it, as the end of a sentence. */
  noRuns?: string;
  /** The numbers it is drawn from. */
  rows: Datum[];
  /** Absent for tables. */
  spec?: TopLevelSpec;
}

/** Makes some figures from the rows and their numbers. */
export type FigureMaker = (study: Study, numbers: Numbers) => Figure[];

/** Figures that are made together, and the quantities they need. */
export interface Chapter {
  ids: readonly string[];
  needs: readonly NumbersPart[];
  make: FigureMaker;
}

/** Okabe and Ito's colours, which colour-blind readers can tell apart. */
export const COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999", "#F0E442"];

/** Of a reader's own models. */
export const OWN_COLOUR = "#D55E00";

/** What the column `whose` holds. */
export const PAPERS = "the paper's";
export const YOURS = "your runs";

/** Components as the paper's figures name and stack them, bottom to top. */
export const PARTS = [
  { field: "usability", title: "Usability" },
  { field: "probe_gen", title: "Probe generalization" },
  { field: "enc_gen", title: "Encoder generalization" },
  { field: "approx", title: "Approximation" },
].map((part) => ({ ...part, colour: COMPONENTS.find(({ field }) => field === part.field)!.color }));

export const BUDGET_TITLES: Record<Budget, string> = {
  full: "all labels",
  shot30: "30 a class",
  pct1: "1 %",
  shot5: "5 a class",
  shot3: "3 a class",
};

/** Components and statistics as axes of small plots name them. */
export const COLUMN_TITLES: Record<string, string> = {
  approx: "Approximation (%)",
  usability: "Usability (%)",
  probe_gen: "Probe gen. (%)",
  enc_gen: "Encoder gen. (%)",
  agg_risk: "Error (%)",
  train_rank: "Effective rank",
  train_uniformity: "Uniformity",
  trainrealaug_alignment: "Alignment, views",
  train_alignment: "Alignment, classes",
};

export const OUTCOME_TITLES: Record<string, string> = {
  approx: "Approximation",
  usability: "Usability",
  probe_gen: "Probe generalization",
  enc_gen: "Encoder generalization",
  agg_risk: "Error, all labels",
  shot3: "Error, 3 labels a class",
};

/** What every drawing shares. */
export const BASE = {
  $schema: "https://vega.github.io/schema/vega-lite/v5.json",
  background: "white",
  config: {
    // A label for each point, which no image shows, is half of a file.
    aria: false,
    // Half-transparent fills: an opacity of a mark takes a PNG renderer a surface a point.
    point: { opacity: 1 },
    font: "sans-serif",
    axis: { labelFontSize: 12, titleFontSize: 13, labelLimit: 260 },
    legend: { labelFontSize: 12, titleFontSize: 12, labelLimit: 260, symbolLimit: 40 },
    header: { labelFontSize: 12, titleFontSize: 13 },
    view: { stroke: "#ddd" },
  },
} as const;

/** A model of the reader's own, which figures mark. */
export const isOwn = (row: Row): boolean => row.own === true;

/** The paper's own rows. */
export const paperOf = (rows: readonly Row[]): Row[] => rows.filter((row) => !isOwn(row));

/** Spreads the points of a strip apart, from -1 to 1, the same in every run. */
export const spreadOf = (i: number): number => 2 * ((i * 0.6180339887498949) % 1) - 1;

export const whoseOf = (row: Row): string => (isOwn(row) ? YOURS : PAPERS);

/** Name, mark and the named columns of a row; errors in percent. */
export function datum(row: Row, columns: readonly string[]): Datum {
  const cells = columns.map((column) => [
    column === BUDGETS.full ? "agg_risk" : column,
    num(row, column) ?? text(row[column]),
  ]);
  return { model: row.name, whose: whoseOf(row), ...Object.fromEntries(cells) };
}

const text = (value: unknown): Value => (typeof value === "string" ? value : null);
