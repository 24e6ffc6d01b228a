import { num, type Row } from "../study.ts";
import { COLOURS, type Figure, isOwn, OWN_COLOUR, PAPERS, YOURS } from "./figure.ts";

type Encoding = Record<string, unknown>;

/** Whether the rows hold a model of the reader's own. */
export const hasOwn = (rows: readonly { whose?: unknown }[]): boolean => rows.some(({ whose }) => whose === YOURS);

/** Keeps the reader's own rows, or all others, in a layer. */
export const ONLY_OWN = [{ filter: `datum.whose === '${YOURS}'` }];
export const NOT_OWN = [{ filter: `datum.whose !== '${YOURS}'` }];

/** The reader's own models as red diamonds with a black rim, told in a legend; no layer where there are none. */
export function ownLayers(rows: readonly { whose?: unknown }[], position: Encoding, named = true): object[] {
  if (!hasOwn(rows)) return [];
  // Of all channels the stroke alone is free in every chart: its scale is shared by panels, and gives one legend.
  const stroke = {
    field: "whose",
    type: "nominal",
    title: null,
    scale: { domain: [YOURS], range: ["black"] },
    legend: { symbolType: "diamond", symbolFillColor: OWN_COLOUR, symbolSize: 120, symbolStrokeWidth: 1 },
  };
  const { size: _, ...place } = position;
  const marks = {
    transform: ONLY_OWN,
    mark: { type: "point", shape: "diamond", filled: true, size: 130, color: OWN_COLOUR, strokeWidth: 1 },
    encoding: { ...place, stroke, tooltip: { field: "model", type: "nominal" } },
  };
  const names = {
    transform: ONLY_OWN,
    mark: { type: "text", align: "left", dx: 9, fontSize: 10, fontWeight: "bold", limit: 150 },
    encoding: { ...place, text: { field: "model" } },
  };
  return named ? [marks, names] : [marks];
}

/** Colour of the paper's and of the reader's models; a legend where there are both. */
export const whoseColour = (both: boolean) => ({
  field: "whose",
  type: "nominal",
  title: null,
  scale: { domain: [PAPERS, YOURS], range: [COLOURS[0], OWN_COLOUR] },
  legend: both ? {} : null,
});

/** The figure with a sentence on which of the reader's models are in it, and why the others are not. */
export function tellOfRuns(figure: Figure, all: readonly Row[]): Figure {
  const own = all.filter(isOwn);
  if (own.length === 0) return figure;
  return { ...figure, how: `${figure.how} ${sentence(figure, own)}` };
}

function sentence(
  { rows, spec, noRuns, needs = [], other = "no place for its values here" }: Figure,
  own: readonly Row[],
): string {
  if (noRuns !== undefined) return `Your runs are not in it: ${noRuns}.`;
  const drawn = new Set(rows.filter(({ whose }) => whose === YOURS).map(({ model }) => model));
  const absent = own.filter(({ name }) => !drawn.has(name));
  const why = absent.map((row) => {
    const missing = needs.filter((column) => num(row, column) === null && typeof row[column] !== "string");
    return `${row.name} (${missing.length === 0 ? other : `no ${missing.join(", ")}`})`;
  });
  const marked = spec === undefined ? "Your runs are the rows marked so." : "Your runs are the red diamonds.";
  const parts = [drawn.size > 0 ? marked : "", why.length > 0 ? `Not in it of your runs: ${why.join("; ")}.` : ""];
  return parts.filter((part) => part !== "").join(" ");
}
