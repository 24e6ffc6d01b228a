import type { TopLevelSpec } from "vega-lite";
import { density } from "../statistics/density.ts";
import { BASE, COLOURS, type Datum, OWN_COLOUR, PAPERS, YOURS } from "./figure.ts";
import { NOT_OWN, ownLayers } from "./own-marks.ts";

export interface PairColumn {
  field: string;
  title: string;
}

/** Places at which the densities of the diagonal are drawn. */
const PLACES = 60;

/** Every pair of columns as a small scatter below the diagonal, on which stands each column's density. */
export function pairPlot(
  rows: readonly Datum[],
  columns: readonly PairColumn[],
  colour?: { field: string; title: string },
): TopLevelSpec {
  const line = (j: number) => columns.slice(0, j + 1).map((x, i) => {
    const bottom = j === columns.length - 1;
    return i === j ? diagonal(rows, x, bottom) : panel(rows, x, columns[j]!, { bottom, left: i === 0, colour });
  }); // biome-ignore format: a small function
  return {
    ...BASE,
    data: { values: [...rows] },
    spacing: 12,
    vconcat: columns.map((_, j) => ({ hconcat: line(j), spacing: 12 })),
  } as unknown as TopLevelSpec;
}

const SIZE = { width: 125, height: 115 };
const axisOf = ({ title }: PairColumn, shown: boolean) =>
  shown ? { title, titleFontSize: 11, labelFontSize: 10, tickCount: 4 } : { title: null, labels: false, ticks: false, tickCount: 4 }; // biome-ignore format: one line
const quantity = (column: PairColumn, shown: boolean) => ({
  field: column.field,
  type: "quantitative",
  scale: { zero: false },
  axis: axisOf(column, shown),
});

function panel(
  rows: readonly Datum[],
  x: PairColumn,
  y: PairColumn,
  o: { bottom: boolean; left: boolean; colour?: { field: string; title: string } | undefined },
) {
  const position = { x: quantity(x, o.bottom), y: quantity(y, o.left) };
  const color = o.colour === undefined ? {} : { color: { field: o.colour.field, type: "nominal", title: o.colour.title, scale: { range: COLOURS } } }; // biome-ignore format: one line
  return {
    ...SIZE,
    layer: [
      { transform: NOT_OWN, mark: { type: "point", filled: true, size: 16, fillOpacity: 0.65, color: COLOURS[0] }, encoding: { ...position, ...color } }, // biome-ignore format: one line
      ...ownLayers(rows, position, false),
    ],
  };
}

/** Density of the paper's values by Scott's bandwidth; a rule where a model of the reader's stands. */
function diagonal(rows: readonly Datum[], column: PairColumn, bottom: boolean) {
  const values = (list: readonly Datum[]) => list.map((row) => row[column.field]).filter((value) => typeof value === "number"); // biome-ignore format: one line
  const [all, paper] = [values(rows), values(rows.filter(({ whose }) => whose === PAPERS))];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const places = Array.from({ length: PLACES }, (_, i) => low + ((high - low) * i) / (PLACES - 1));
  const curve = density(paper, places).map((value, i) => ({ at: places[i]!, density: value }));
  const x = { field: "at", type: "quantitative", scale: { zero: false }, axis: axisOf(column, bottom) };
  const own = values(rows.filter(({ whose }) => whose === YOURS));
  return {
    ...SIZE,
    layer: [
      {
        data: { values: curve },
        mark: { type: "area", color: "#999", fillOpacity: 0.5, line: { color: "#555" } },
        encoding: { x, y: { field: "density", type: "quantitative", axis: { title: "Density", titleFontSize: 10, labels: false, ticks: false, grid: false } } }, // biome-ignore format: one line
      },
      ...(own.length === 0 ? [] : [{ data: { values: own.map((at) => ({ at })) }, mark: { type: "rule", color: OWN_COLOUR, strokeWidth: 2 }, encoding: { x } }]), // biome-ignore format: one line
    ],
  };
}
