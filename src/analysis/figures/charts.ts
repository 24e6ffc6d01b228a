import type { TopLevelSpec } from "vega-lite";
import { BASE, COLOURS, type Datum, OWN_COLOUR, PARTS } from "./figure.ts";
import { endsOf, placeLabels } from "./labels.ts";
import { hasOwn, NOT_OWN, ONLY_OWN, ownLayers } from "./own-marks.ts";

export interface Axis {
  field: string;
  title: string;
  log?: boolean;
  domain?: [number, number];
  /** Turned round: small values at the top or right. */
  reverse?: boolean;
}

const scaleOf = ({ log, domain, reverse }: Axis) => ({
  ...(log === true ? { type: "log" as const } : { zero: false }),
  nice: domain === undefined,
  ...(domain === undefined ? {} : { domain }),
  ...(reverse === true ? { reverse } : {}),
});

const quantitative = (axis: Axis) => ({
  field: axis.field,
  type: "quantitative",
  title: axis.title,
  scale: scaleOf(axis),
  axis: axis.log === true ? { tickCount: 5, format: "~s" } : {},
});

const nominal = ({ field, title }: { field: string; title: string }) => ({
  field,
  type: "nominal",
  title,
  sort: null,
  scale: { range: COLOURS },
});

/** Panels of a facet in the order in which the rows name them: vega-lite sorts them by the alphabet else. */
const facetOf = (rows: readonly Datum[], field: string) => ({
  field,
  type: "nominal",
  title: null,
  sort: [...new Set(rows.map((row) => row[field]))],
});

/** One view, or one for each value of a column. */
function facetted(
  rows: readonly Datum[],
  unit: object,
  o: { facet?: string; columns?: number; independent?: readonly ("x" | "y")[] },
): TopLevelSpec {
  const data = { values: [...rows] };
  if (o.facet === undefined) return { ...BASE, data, ...unit } as TopLevelSpec;
  const scale = Object.fromEntries((o.independent ?? []).map((axis) => [axis, "independent"]));
  return { ...BASE, data, facet: facetOf(rows, o.facet), columns: o.columns ?? 3, spec: unit, resolve: { scale } } as unknown as TopLevelSpec; // biome-ignore format: one line
}

export interface ScatterOptions {
  x: Axis;
  y: Axis;
  colour?: { field: string; title: string };
  size?: { field: string; title: string };
  /** Line on which both axes are equal. */
  diagonal?: boolean;
  /** Column with the points' labels; rows without one have none. */
  labels?: string;
  /** Column whose equal values a line joins. */
  joined?: string;
  facet?: string;
  columns?: number;
  independent?: readonly ("x" | "y")[];
  width?: number;
  height?: number;
}

/** Points; a reader's own model is a red diamond with its name. */
export function scatter(rows: readonly Datum[], o: ScatterOptions): TopLevelSpec {
  const { colour, size, joined, labels, width = 480, height = 340 } = o;
  const x = labels === undefined ? o.x : { ...o.x, domain: o.x.domain ?? endsOf(rows, o.x.field) };
  const y = labels === undefined ? o.y : { ...o.y, domain: o.y.domain ?? endsOf(rows, o.y.field) };
  const position = { x: quantitative(x), y: quantitative(y) };
  const color = colour === undefined ? {} : { color: nominal(colour) };
  const sized = size === undefined ? {} : { size: { field: size.field, type: "quantitative", title: size.title, scale: { domainMin: 0, range: [12, 300] }, legend: { values: [500, 1000, 2000, 4000] } } }; // biome-ignore format: one line
  const layer = [
    ...(o.diagonal === true ? [diagonalLine(rows, x, y)] : []),
    ...(joined === undefined
      ? []
      : [{ mark: { type: "line", strokeWidth: 1.2, strokeOpacity: 0.7, color: "#888" }, encoding: { ...position, ...(colour?.field === joined ? color : {}), detail: { field: joined, type: "nominal" } } }]), // biome-ignore format: one line
    {
      transform: NOT_OWN,
      mark: { type: "point", filled: true, fillOpacity: 0.75, size: o.facet === undefined ? 55 : 22, color: COLOURS[0], clip: true }, // biome-ignore format: one line
      encoding: { ...position, ...color, ...sized, tooltip: { field: "model", type: "nominal" } },
    },
    ...(labels === undefined ? [] : labelLayers(rows, { x, y, text: labels }, { width, height })),
    ...ownLayers(rows, position, o.facet === undefined),
  ];
  return facetted(rows, { width, height, layer }, o);
}

function diagonalLine(rows: readonly Datum[], x: Axis, y: Axis) {
  const ends = rows.flatMap((row) => [row[x.field], row[y.field]]).filter((value) => typeof value === "number");
  return {
    data: { values: [{ a: Math.min(...ends) }, { a: Math.max(...ends) }] },
    mark: { type: "line", color: "#666", strokeDash: [4, 4] },
    encoding: { x: { field: "a", type: "quantitative", title: x.title }, y: { field: "a", type: "quantitative", title: y.title } }, // biome-ignore format: one line
  };
}

function labelLayers(
  rows: readonly Datum[],
  { x, y, text }: { x: Axis; y: Axis; text: string },
  size: { width: number; height: number },
) {
  const told = rows.filter((row) => row[text] !== null && row[text] !== undefined && !hasOwn([row]));
  const values = placeLabels(told, { x: x.field, y: y.field, text }, { x: x.domain!, y: y.domain! }, size);
  return (["left", "right"] as const).map((align) => ({
    data: { values: values.filter(({ label_align }) => label_align === align) },
    mark: { type: "text", align, fontSize: 10 },
    encoding: { x: { field: "label_x", type: "quantitative", title: x.title }, y: { field: "label_y", type: "quantitative", title: y.title }, text: { field: text } }, // biome-ignore format: one line
  }));
}

/**
 * Components stacked over a category or a year; `rows` are long: `at`, `component`, `value`. Rows of the reader's own models have no
 * component: a diamond at their error.
 */
export function stackedArea(
  rows: readonly Datum[],
  title: string,
  o: { bars?: boolean; facet?: string } = {},
): TopLevelSpec {
  const [own, stacked] = [rows.filter((row) => hasOwn([row])), rows.filter((row) => !hasOwn([row]))];
  const filled = o.bars === true ? stacked : withZeros(stacked, o.facet);
  const parts = [...new Set(stacked.map((row) => String(row.component)))];
  const known = [...PARTS, { title: "Approximation + usability", colour: "#56B4E9" }].filter((part) => parts.includes(part.title)); // biome-ignore format: one line
  const places = [...new Set(rows.map((row) => String(row.at)))].sort((a, b) => Number(a) - Number(b));
  const x = { field: "at", type: "ordinal", title, sort: places, axis: { labelAngle: 0 } };
  const color = {
    field: "component",
    type: "nominal",
    title: null,
    scale: { domain: known.map((part) => part.title), range: known.map((part) => part.colour) },
    legend: { orient: "bottom", columns: 3 },
  };
  const stack = {
    transform: NOT_OWN,
    mark: o.bars === true ? { type: "bar" } : { type: "area", line: { strokeWidth: 1 }, fillOpacity: 0.9 },
    encoding: { x, y: { field: "value", type: "quantitative", stack: "zero", title: "Error (%)" }, color, order: { field: "order", type: "quantitative" } }, // biome-ignore format: one line
  };
  const above = ownLayers(own, { x, y: { field: "value", type: "quantitative", title: "Error (%)" } }, o.facet === undefined); // biome-ignore format: one line
  const unit = {
    width: o.facet === undefined ? 480 : 270,
    height: o.facet === undefined ? 320 : 200,
    layer: [stack, ...above],
  };
  return facetted([...filled, ...own], unit, { ...o, independent: ["x"] });
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
  /** Colours of the series by name; default colours and shapes of which no two are alike. */
  colours?: Readonly<Record<string, string>>;
  facet?: string;
  columns?: number;
  legend?: boolean;
  independentY?: boolean;
}

const SHAPES = ["circle", "square", "triangle-up", "cross"];
/** Yellow is faint on white. */
const LINE_COLOURS = COLOURS.slice(0, 7);

/** Points, and a line a series through their means. */
export function lines(rows: readonly Datum[], o: LineOptions): TopLevelSpec {
  const x =
    o.x.ordinal === true
      ? { field: o.x.field, type: "ordinal", title: o.x.title, sort: o.x.sort ?? null, axis: { labelAngle: -30 } }
      : quantitative(o.x);
  const y = quantitative(o.y);
  const names = [...new Set(rows.filter((row) => !hasOwn([row])).map((row) => String(row[o.series])))];
  const legend = o.legend === false ? null : { orient: "bottom", columns: 2, labelLimit: 420 };
  const series = { field: o.series, type: "nominal", title: null, sort: names, legend };
  const color = { ...series, scale: { domain: names, range: names.map((name, i) => o.colours?.[name] ?? LINE_COLOURS[i % LINE_COLOURS.length]) } }; // biome-ignore format: one line
  const shape = { ...series, scale: { domain: names, range: names.map((_, i) => SHAPES[Math.floor(i / LINE_COLOURS.length) % SHAPES.length]) } }; // biome-ignore format: one line
  const layer = [
    { transform: NOT_OWN, mark: { type: "line" }, encoding: { x, y: { ...y, aggregate: "mean" }, color } },
    { transform: NOT_OWN, mark: { type: "point", filled: true, size: 55 }, encoding: { x, y, color, shape, tooltip: { field: "model", type: "nominal" } } }, // biome-ignore format: one line
    ...ownLayers(rows, { x, y }, o.facet === undefined),
  ];
  const unit = { width: o.facet === undefined ? 420 : 260, height: o.facet === undefined ? 300 : 220, layer }; // biome-ignore format: one line
  return facetted(rows, unit, { columns: 2, ...o, independent: o.independentY === false ? [] : ["y"] });
}

export interface StripOptions {
  x: Axis;
  /** What stands on the y axis, in the rows' order. */
  row: string;
  colour: { title: string; numeric: boolean; log?: boolean };
  /** Column with labels of points, where a row has one, on the `side` that the row says. */
  labels?: string;
  /** Pixels of a strip and the gap to the next. */
  step?: number;
}

/** Strips of points, a line each: `x`, spread apart by `spread`; colour by `value`. */
export function strip(rows: readonly Datum[], o: StripOptions): TopLevelSpec {
  const x = quantitative(o.x);
  const sort = [...new Set(rows.map((row) => row[o.row]))];
  const y = { field: o.row, type: "nominal", title: null, sort, axis: { grid: false }, scale: { paddingInner: 0.3 } };
  const yOffset = { field: "spread", type: "quantitative", scale: { domain: [-1.2, 1.2] } };
  const { title, numeric, log } = o.colour;
  const legend = { gradientLength: 130, tickCount: 4, format: "~s" };
  const color = numeric
    ? { field: "value", type: "quantitative", title, legend, scale: { scheme: "viridis", ...(log === true ? { type: "log" } : {}) } } // biome-ignore format: one line
    : nominal({ field: "value", title });
  const label = (side: "left" | "right") => ({
    transform: [...NOT_OWN, { filter: `isValid(datum['${o.labels}']) && datum.side === '${side}'` }],
    mark: { type: "text", align: side === "right" ? "left" : "right", dx: side === "right" ? 6 : -6, fontSize: 9 },
    encoding: { x, y, yOffset, text: { field: o.labels } },
  });
  return {
    ...BASE,
    data: { values: [...rows] },
    width: 480,
    height: { step: o.step ?? 62 },
    layer: [
      { data: { values: [{ zero: 0 }] }, mark: { type: "rule", color: "#666", strokeDash: [4, 4] }, encoding: { x: { field: "zero", type: "quantitative" } } }, // biome-ignore format: one line
      { transform: NOT_OWN, mark: { type: "point", filled: true, fillOpacity: 0.75, size: 38 }, encoding: { x, y, yOffset, color, tooltip: { field: "model", type: "nominal" } } }, // biome-ignore format: one line
      ...(o.labels === undefined ? [] : [label("left"), label("right")]),
      ...ownLayers(rows, { x, y, yOffset }),
    ],
  } as unknown as TopLevelSpec;
}

/** Horizontal bars, with 95 % intervals (`low`, `high`) when the rows have them. */
export function bars(
  rows: readonly Datum[],
  o: { category: string; value: Axis; facet?: string; sort?: readonly string[] | null },
): TopLevelSpec {
  const y = { field: o.category, type: "nominal", title: null, sort: o.sort ?? null };
  const x = { field: o.value.field, type: "quantitative", title: o.value.title };
  const interval = rows.some((row) => row.low !== undefined);
  const layer = [
    { transform: NOT_OWN, mark: { type: "bar", color: COLOURS[0], height: { band: 0.7 } }, encoding: { y, x } },
    ...(interval ? [{ transform: NOT_OWN, mark: { type: "rule", strokeWidth: 2 }, encoding: { y, x: { field: "low", type: "quantitative", title: o.value.title }, x2: { field: "high" } } }] : []), // biome-ignore format: one line
    ...ownLayers(rows, { x, y }, o.facet === undefined),
  ];
  const unit = { width: o.facet === undefined ? 440 : 200, height: { step: 22 }, layer };
  return facetted(rows, unit, o);
}

/** Dots with 95 % intervals (`low`, `high`), a panel a facet with a scale of its own; those that are told from 0 in colour. */
export function intervals(
  rows: readonly Datum[],
  o: { category: string; value: Axis; facet: string; told: { field: string; title: string } },
): TopLevelSpec {
  const sort = [...new Set(rows.map((row) => row[o.category]))];
  const y = { field: o.category, type: "nominal", title: null, sort, axis: { labelFontSize: 11, labelLimit: 320 } };
  const x = { field: o.value.field, type: "quantitative", title: o.value.title };
  const color = { field: o.told.field, type: "nominal", title: o.told.title, sort: ["yes", "no"], scale: { domain: ["yes", "no"], range: [COLOURS[0], "#8a8a8a"] } }; // biome-ignore format: one line
  const layer = [
    { mark: { type: "rule", color: "#666", strokeDash: [4, 4] }, encoding: { x: { datum: 0 } } },
    { mark: { type: "rule", strokeWidth: 2 }, encoding: { y, x: { field: "low", type: "quantitative", title: o.value.title }, x2: { field: "high" }, color } }, // biome-ignore format: one line
    { mark: { type: "point", filled: true, size: 45 }, encoding: { y, x, color } },
  ];
  const unit = { width: 230, height: { step: 17 }, layer };
  return facetted(rows, unit, { facet: o.facet, columns: 3, independent: ["x"] });
}

/** Curves of `at` and `density`, a colour a group, a panel a facet; own models on the axis. */
export function densities(rows: readonly Datum[], o: { title: string; by: string; facet: string }): TopLevelSpec {
  const x = { field: "at", type: "quantitative", title: o.title };
  const y = { field: "density", type: "quantitative", title: "Density (per %)" };
  const color = nominal({ field: o.by, title: "Labels" });
  const own = ownLayers(rows, { x, y }, false).map((layer) => ({ ...layer, mark: { type: "point", shape: "diamond", filled: true, size: 110, strokeWidth: 1 }, encoding: { ...(layer as { encoding: object }).encoding, fill: { ...color, legend: null } } })); // biome-ignore format: one line
  const layer = [{ transform: NOT_OWN, mark: { type: "line" }, encoding: { x, y, color } }, ...own];
  return facetted(rows, { width: 300, height: 240, layer }, { facet: o.facet, columns: 2 });
}

/** Ranks at both ends, joined; who rises in one colour, who falls in another. `rows`: `model`, `at`, `rank`, `moves`. */
export function slopes(rows: readonly Datum[], places: readonly string[]): TopLevelSpec {
  const x = { field: "at", type: "ordinal", title: "Labels", sort: [...places], scale: { padding: 0.9 }, axis: { labelAngle: 0 } }; // biome-ignore format: one line
  const y = { field: "rank", type: "quantitative", title: "Rank (1 is best)", scale: { reverse: true, zero: false } };
  const color = { field: "moves", type: "nominal", title: "With few labels", scale: { domain: ["rises", "falls"], range: [COLOURS[0], COLOURS[1]] } }; // biome-ignore format: one line
  const text = {
    transform: [{ filter: { field: "at", equal: places.at(-1)! } }],
    mark: { type: "text", align: "left", dx: 10, fontSize: 10 },
    encoding: { x, y, text: { field: "model" } },
  };
  const own = { transform: ONLY_OWN, mark: { type: "line", color: OWN_COLOUR, strokeWidth: 2 }, encoding: { x, y, detail: { field: "model" } } }; // biome-ignore format: one line
  return {
    ...BASE,
    data: { values: [...rows] },
    width: 520,
    height: 640,
    layer: [
      {
        transform: NOT_OWN,
        mark: { type: "line", point: true },
        encoding: { x, y, color, detail: { field: "model" } },
      },
      text,
      ...(hasOwn(rows) ? [own] : []),
      ...ownLayers(rows, { x, y }, false),
    ],
  } as unknown as TopLevelSpec;
}

/** Charts one above the other. */
export function above(charts: readonly TopLevelSpec[]): TopLevelSpec {
  const inner = charts.map((chart) => {
    const { $schema: _, background: __, config: ___, ...unit } = chart;
    return unit;
  });
  return {
    ...BASE,
    vconcat: inner,
    resolve: { scale: { color: "independent", shape: "independent" } },
  } as unknown as TopLevelSpec;
}
