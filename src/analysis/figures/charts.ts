import type { TopLevelSpec } from "vega-lite";
import { BASE, COLOURS, type Datum, PARTS } from "./figure.ts";

export interface Axis {
  field: string;
  title: string;
  log?: boolean;
  domain?: [number, number];
  /** The place means nothing: it only spreads the points. */
  bare?: boolean;
}

const scaleOf = ({ log, domain }: Axis) => ({
  ...(log === true ? { type: "log" as const } : { zero: false }),
  nice: domain === undefined,
  ...(domain === undefined ? {} : { domain }),
});

const quantitative = (axis: Axis) => ({
  field: axis.field,
  type: "quantitative",
  title: axis.title,
  scale: scaleOf(axis),
  ...(axis.bare === true ? { axis: null } : {}),
});

/** Of a reader's own models. */
const OWN_COLOUR = "#D55E00";

export interface ScatterOptions {
  x: Axis;
  y: Axis;
  colour?: { field: string; title: string };
  size?: { field: string; title: string };
  diagonal?: boolean;
  labels?: boolean;
  width?: number;
  height?: number;
}

/** Points; a reader's own model is a red diamond with its name. */
export function scatter(rows: readonly Datum[], o: ScatterOptions): TopLevelSpec {
  const { colour, size } = o;
  const ends = rows.flatMap((row) => [row[o.x.field], row[o.y.field]]).filter((value) => typeof value === "number");
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const own = { filter: "datum.whose === 'yours'" };
  const position = { x: quantitative(o.x), y: quantitative(o.y) };
  return {
    ...BASE,
    data: { values: [...rows] },
    width: o.width ?? 480,
    height: o.height ?? 340,
    layer: [
      ...(o.diagonal === true
        ? [
            {
              data: { values: [{ a: low }, { a: high }] },
              mark: { type: "line", color: "#888", strokeDash: [4, 4] },
              encoding: { x: { field: "a", type: "quantitative" }, y: { field: "a", type: "quantitative" } },
            },
          ]
        : []),
      {
        mark: { type: "point", filled: true, fillOpacity: 0.75, size: 55, color: COLOURS[0], clip: true },
        encoding: {
          ...position,
          ...(colour === undefined
            ? {}
            : { color: { field: colour.field, type: "nominal", title: colour.title, sort: null, scale: { range: COLOURS } } }), // biome-ignore format: one line
          ...(size === undefined
            ? {}
            : { size: { field: size.field, type: "quantitative", title: size.title, scale: { range: [20, 320] } } }),
          tooltip: { field: "model", type: "nominal" },
        },
      },
      {
        transform: [own],
        mark: { type: "point", shape: "diamond", filled: true, size: 130, color: OWN_COLOUR, stroke: "black" },
        encoding: position,
      },
      {
        transform: o.labels === true ? [] : [own],
        mark: { type: "text", align: "left", dx: 7, fontSize: 10, limit: 150 },
        encoding: { ...position, text: { field: "model" } },
      },
    ],
  } as TopLevelSpec;
}

/** Components stacked over a category or a year; `rows` are long: `at`, `component`, `value`. */
export function stackedArea(
  rows: readonly Datum[],
  title: string,
  o: { bars?: boolean; facet?: string } = {},
): TopLevelSpec {
  const filled = o.bars === true ? [...rows] : withZeros(rows, o.facet);
  const parts = [...new Set(rows.map((row) => String(row.component)))];
  const known = [...PARTS, { title: "Approximation + usability", colour: "#56B4E9" }].filter((part) => parts.includes(part.title)); // biome-ignore format: one line
  const unit = {
    width: o.facet === undefined ? 480 : 270,
    height: o.facet === undefined ? 320 : 200,
    mark: o.bars === true ? { type: "bar" } : { type: "area", line: true, point: true, opacity: 0.85 },
    encoding: {
      x: { field: "at", type: "ordinal", title, sort: null, axis: { labelAngle: 0 } },
      y: { field: "value", type: "quantitative", stack: "zero", title: "Error (%)" },
      color: {
        field: "component",
        type: "nominal",
        title: null,
        scale: { domain: known.map((part) => part.title), range: known.map((part) => part.colour) },
        legend: { orient: "bottom", columns: 3 },
      },
      order: { field: "order", type: "quantitative" },
    },
  };
  if (o.facet === undefined) return { ...BASE, data: { values: filled }, ...unit } as TopLevelSpec;
  return {
    ...BASE,
    data: { values: filled },
    facet: { field: o.facet, type: "nominal", title: null },
    columns: 3,
    spec: unit,
    resolve: { scale: { x: "independent" } },
  } as TopLevelSpec;
}

/**
 * Rows with a 0 for every band that a place of its panel lacks: vega-lite would add them at the end of the band, whose
 * outline then runs back across the panel.
 */
function withZeros(rows: readonly Datum[], facet?: string): Datum[] {
  const panelOf = (row: Datum) => (facet === undefined ? "" : String(row[facet]));
  const keyOf = (row: Datum) => JSON.stringify([panelOf(row), row.at, row.component]);
  const there = new Map(rows.map((row) => [keyOf(row), row]));
  const bands = new Map(rows.map((row) => [`${panelOf(row)} ${row.component}`, row]));
  const places = new Map(rows.map((row) => [`${panelOf(row)} ${row.at}`, row]));
  return [...bands.values()].flatMap((band) =>
    [...places.values()]
      .filter((place) => panelOf(place) === panelOf(band))
      .map((place) => there.get(keyOf({ ...band, at: place.at! })) ?? { ...band, at: place.at!, value: 0 }),
  );
}

/** Components of one thing as rows for {@link stackedArea}. */
export function partsOf(at: string, values: Readonly<Record<string, number | null>>, extra: Datum = {}): Datum[] {
  return PARTS.flatMap(({ field, title }, order) => {
    const value = values[field];
    return value === null || value === undefined ? [] : [{ at, component: title, order, value, ...extra }];
  });
}

export interface LineOptions {
  x: Axis & { ordinal?: boolean; sort?: readonly string[] };
  y: Axis;
  series: string;
  facet?: string;
  legend?: boolean;
  independentY?: boolean;
}

/** Points joined by a line a series. */
export function lines(rows: readonly Datum[], o: LineOptions): TopLevelSpec {
  const x =
    o.x.ordinal === true
      ? { field: o.x.field, type: "ordinal", title: o.x.title, sort: o.x.sort ?? null, axis: { labelAngle: -30 } }
      : quantitative(o.x);
  const unit = {
    width: o.facet === undefined ? 420 : 230,
    height: o.facet === undefined ? 300 : 210,
    mark: { type: "line", point: { size: 50, filled: true } },
    encoding: {
      x,
      y: quantitative(o.y),
      color: { field: o.series, type: "nominal", title: null, scale: { range: [...COLOURS, ...COLOURS] }, legend: o.legend === false ? null : { orient: "bottom", columns: 2, labelLimit: 420 } }, // biome-ignore format: one line
      detail: { field: o.series, type: "nominal" },
      tooltip: { field: "model", type: "nominal" },
    },
  };
  if (o.facet === undefined) return { ...BASE, data: { values: [...rows] }, ...unit } as TopLevelSpec;
  return {
    ...BASE,
    data: { values: [...rows] },
    facet: { field: o.facet, type: "nominal", title: null, sort: null },
    columns: 2,
    spec: unit,
    resolve: { scale: { y: o.independentY === false ? "shared" : "independent" } },
  } as TopLevelSpec;
}

/** A strip of points a panel: effect on the x axis, colour by the value of the hyper-parameter. */
export function strip(rows: readonly Datum[], value: { title: string; numeric: boolean; log?: boolean }): TopLevelSpec {
  return {
    ...BASE,
    data: { values: [...rows] },
    facet: {
      row: {
        field: "outcome",
        type: "nominal",
        title: null,
        sort: null,
        header: { labelAngle: 0, labelAlign: "left" },
      },
    },
    spec: {
      width: 460,
      height: 52,
      mark: { type: "point", filled: true, fillOpacity: 0.7, size: 38 },
      encoding: {
        x: { field: "effect", type: "quantitative", title: "Effect on the error (%); left is better" },
        y: { field: "spread", type: "quantitative", axis: null, scale: { domain: [-1.2, 1.2] } },
        color: value.numeric
          ? {
              field: "value",
              type: "quantitative",
              title: value.title,
              scale: { scheme: "viridis", ...(value.log === true ? { type: "log" } : {}) },
            }
          : { field: "value", type: "nominal", title: value.title, scale: { range: COLOURS } },
        tooltip: { field: "model", type: "nominal" },
      },
    },
    resolve: { scale: { x: "shared" } },
  } as unknown as TopLevelSpec;
}

/** Horizontal bars with 95 % intervals (`low`, `high`) when the rows have them. */
export function bars(
  rows: readonly Datum[],
  o: { category: string; value: Axis; facet?: string; sort?: readonly string[] | null },
): TopLevelSpec {
  const y = { field: o.category, type: "nominal", title: null, sort: o.sort ?? null };
  const interval = rows.some((row) => row.low !== undefined);
  const layer = [
    { mark: { type: "bar", color: COLOURS[0], height: { band: 0.7 } }, encoding: { y, x: { field: o.value.field, type: "quantitative", title: o.value.title } } }, // biome-ignore format: one line
    ...(interval ? [{ mark: { type: "rule", strokeWidth: 2 }, encoding: { y, x: { field: "low", type: "quantitative" }, x2: { field: "high" } } }] : []), // biome-ignore format: one line
  ];
  const unit = { width: o.facet === undefined ? 440 : 200, height: { step: 22 }, layer };
  if (o.facet === undefined) return { ...BASE, data: { values: [...rows] }, ...unit } as TopLevelSpec;
  return { ...BASE, data: { values: [...rows] }, facet: { field: o.facet, type: "nominal", title: null, sort: null }, columns: 3, spec: unit } as TopLevelSpec; // biome-ignore format: one line
}

/** Curves of `at` and `density`, a colour a group, a panel a facet. */
export function densities(rows: readonly Datum[], o: { title: string; by: string; facet: string }): TopLevelSpec {
  return {
    ...BASE,
    data: { values: [...rows] },
    facet: { field: o.facet, type: "nominal", title: null, sort: null },
    columns: 2,
    spec: {
      width: 300,
      height: 240,
      mark: { type: "line" },
      encoding: {
        x: { field: "at", type: "quantitative", title: o.title },
        y: { field: "density", type: "quantitative", title: "Density (per %)" },
        color: { field: o.by, type: "nominal", title: null, sort: null, scale: { range: COLOURS } },
      },
    },
  } as TopLevelSpec;
}

/** Every pair of columns as a small scatter. */
export function pairPlot(rows: readonly Datum[], columns: readonly string[], colour?: string): TopLevelSpec {
  return {
    ...BASE,
    repeat: { row: [...columns], column: [...columns] },
    spec: {
      data: { values: [...rows] },
      width: 120,
      height: 110,
      mark: { type: "point", filled: true, size: 14, fillOpacity: 0.6 },
      encoding: {
        x: { field: { repeat: "column" }, type: "quantitative", scale: { zero: false } },
        y: { field: { repeat: "row" }, type: "quantitative", scale: { zero: false } },
        ...(colour === undefined ? { color: { value: COLOURS[0] } } : { color: { field: colour, type: "nominal", scale: { range: COLOURS } } }), // biome-ignore format: one line
      },
    },
  } as TopLevelSpec;
}

/** Distance between the centres of two radars; their radius is 1. */
const CELL = { x: 3.2, y: 3 };

/**
 * Polygons on axes around a centre: 1 is the rim. `panels` in order, `axes` from the top counter-clockwise. One view holds all
 * of them: a facet a radar takes ten times as long.
 * @param options.cell pixels from one radar to the next.
 */
export function radarGrid(
  panels: readonly { title: string; radii: readonly number[]; own?: boolean }[],
  axes: readonly string[],
  options: { columns?: number; cell?: number; fontSize?: number } = {},
): TopLevelSpec {
  const { columns = 3, cell = 235, fontSize = 11 } = options;
  const around = [...axes.keys(), 0];
  const lines = Math.ceil(panels.length / columns);
  const at = (panel: number, k: number, r: number) => {
    const angle = Math.PI / 2 + (2 * Math.PI * k) / axes.length;
    const [column, line] = [panel % columns, Math.floor(panel / columns)];
    return { x: (column + 0.5) * CELL.x + r * Math.cos(angle), y: -(line + 0.55) * CELL.y + r * Math.sin(angle) };
  };
  const rings = panels.flatMap((_, p) => [1 / 3, 2 / 3, 1].flatMap((r) => around.map((k, i) => ({ panel: p, ring: r, i, ...at(p, k, r) })))); // biome-ignore format: one line
  const polygons = panels.flatMap(({ title, radii, own }, p) => around.map((k, i) => ({ panel: p, model: title, whose: own ? YOURS : PAPERS, i, ...at(p, k, radii[k]!) }))); // biome-ignore format: one line
  const names = panels.flatMap((_, p) => axes.map((axis, k) => ({ axis, ...at(p, k, 1.17) })));
  const titles = panels.map(({ title }, p) => ({ title, x: at(p, 0, 0).x, y: at(p, 0, 1.42).y }));
  const place = (field: "x" | "y", ends: [number, number]) => ({ field, type: "quantitative", axis: null, scale: { domain: ends, nice: false } }); // biome-ignore format: one line
  const position = { x: place("x", [0, columns * CELL.x]), y: place("y", [-lines * CELL.y, 0]) };
  const order = { field: "i", type: "quantitative" };
  const colour = whoseColour(panels.some(({ own }) => own === true));
  return {
    ...BASE,
    config: { ...BASE.config, view: { stroke: null } },
    width: columns * cell,
    height: (lines * cell * CELL.y) / CELL.x,
    layer: [
      { data: { values: rings }, mark: { type: "line", color: "#bbb", strokeWidth: 1 }, encoding: { ...position, detail: [{ field: "panel" }, { field: "ring" }], order } }, // biome-ignore format: one line
      { data: { values: polygons }, mark: { type: "line", strokeWidth: 1.5, fillOpacity: 0.25 }, encoding: { ...position, stroke: colour, fill: { ...colour, legend: null }, detail: { field: "panel" }, order, tooltip: { field: "model" } } }, // biome-ignore format: one line
      { data: { values: names }, mark: { type: "text", fontSize: fontSize - 1 }, encoding: { ...position, text: { field: "axis" } } }, // biome-ignore format: one line
      { data: { values: titles }, mark: { type: "text", fontSize, fontWeight: "bold", limit: cell - 6 }, encoding: { ...position, text: { field: "title" } } }, // biome-ignore format: one line
    ],
  } as unknown as TopLevelSpec;
}

const PAPERS = "the paper's";
const YOURS = "your runs";

/** Colour of the paper's and of the reader's models; a legend where there are both. */
const whoseColour = (both: boolean) => ({
  field: "whose",
  type: "nominal",
  title: null,
  scale: { domain: [PAPERS, YOURS], range: [COLOURS[0], OWN_COLOUR] },
  legend: both ? {} : null,
});
