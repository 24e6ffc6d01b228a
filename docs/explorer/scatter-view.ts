import type { VisualizationSpec } from "vega-embed";
import { pearson, ranks } from "../../src/analysis/statistics/correlation.ts";
import type { Cell } from "../../src/tables/fields.ts";
import { columnsOf, GROUPS, titleOf } from "./columns.ts";
import { checkbox, h } from "./dom.ts";
import { COLORS, chart, OTHER_COLOR } from "./draw.ts";
import { YOURS_COLOR } from "./own.ts";
import { linkTo, type Page } from "./page.ts";

interface Point {
  name: string;
  x: Cell;
  y: Cell;
  color: Cell;
  picked: boolean;
  /** Measured by the user. */
  own: boolean;
}

/** Two columns against each other, coloured by a third. */
export function scatterView(page: Page): HTMLElement[] {
  const { x, y, color, logX, logY, pick } = page.state;
  const found = page.models.map(({ row, own }) => ({
    name: row.name,
    x: row[x] ?? null,
    y: row[y] ?? null,
    color: textOf(row[color] ?? null, page.kinds.get(color) === "number"),
    picked: pick.includes(row.name),
    own: own !== undefined,
  }));
  const points = found.filter((point) => {
    const usable = (cell: Cell, log: boolean) => cell !== null && !(log && (cell as number) <= 0);
    return usable(point.x, logX && isNumber(page, x)) && usable(point.y, logY && isNumber(page, y));
  });
  const missing = found.length - points.length;
  const yours = points.filter(({ own }) => own).length;
  const others = points.filter(({ own }) => !own);
  const described = `${others.length} models: ${titleOf(y)} against ${titleOf(x)}, coloured by ${titleOf(color)}. ${correlation(others)}${yours > 0 ? ` ${yours} of yours, red diamonds, left out of the correlation.` : ""}`;
  const columns = [...new Set([x, y, color])].filter((name) => name !== "name");
  return [
    controls(page),
    chart(spec(page, points), described, (model) => page.go({ model })),
    h(
      "p",
      { class: "note" },
      described,
      missing > 0 && ` ${missing} models lack a value and are not drawn.`,
      " Click a point for its card, or ",
      h("a", { href: linkTo(page, { view: "table", columns, sort: y }) }, "read the numbers in the table"),
      ".",
    ),
  ];
}

const isNumber = (page: Page, name: string) => page.kinds.get(name) === "number";

/** Colours of text need a word also where the value is unknown. */
function textOf(cell: Cell, number: boolean): Cell {
  if (number) return cell;
  return cell === null ? "unknown" : Array.isArray(cell) ? cell.join(" ") : String(cell);
}

function controls(page: Page): HTMLElement {
  const { state } = page;
  const names = [...page.kinds.keys()].filter((name) => !["name", "notes", "where", "augmentations"].includes(name));
  const field = (key: "x" | "y" | "color", label: string) => {
    const groups = GROUPS.map((group) =>
      h(
        "optgroup",
        { label: group },
        columnsOf(group, names).map((name) =>
          h("option", { value: name, selected: state[key] === name }, titleOf(name)),
        ),
      ),
    );
    const change = (event: Event) => page.go({ [key]: (event.target as HTMLSelectElement).value });
    return h("label", { class: "field" }, h("span", {}, label), h("select", { id: `axis-${key}`, change }, groups));
  };
  return h(
    "div",
    { class: "controls" },
    field("x", "Across"),
    field("y", "Up"),
    field("color", "Colour"),
    isNumber(page, state.x) && checkbox("log-x", "log across", state.logX, (logX) => page.go({ logX })),
    isNumber(page, state.y) && checkbox("log-y", "log up", state.logY, (logY) => page.go({ logY })),
  );
}

function spec(page: Page, points: readonly Point[]): VisualizationSpec {
  const { x, y, color, logX, logY } = page.state;
  const axis = (name: string, log: boolean) => {
    const scale = log ? { type: "log", nice: false, padding: 15 } : { zero: false, nice: true };
    return isNumber(page, name)
      ? { type: "quantitative" as const, title: titleOf(name), scale, axis: { tickCount: 7, ...numbers(name) } }
      : { type: "nominal" as const, title: titleOf(name), axis: { labelLimit: 140 } };
  };
  const tooltip = [
    { field: "name", title: "Model" },
    { field: "x", title: titleOf(x), ...(isNumber(page, x) ? { format: ".4~g" } : {}) },
    { field: "y", title: titleOf(y), ...(isNumber(page, y) ? { format: ".4~g" } : {}) },
    { field: "color", title: titleOf(color) },
  ];
  const position = { x: { field: "x", ...axis(x, logX) }, y: { field: "y", ...axis(y, logY) } };
  const names = {
    transform: [{ filter: "datum.picked || datum.own" }],
    mark: { type: "text", dy: -11, fontSize: 11, fontWeight: 600 },
    encoding: { ...position, text: { field: "name" } },
  };
  const yours = {
    transform: [{ filter: "datum.own" }],
    mark: { type: "point", shape: "diamond", filled: true, size: 170, color: YOURS_COLOR, opacity: 1, stroke: "black", strokeWidth: 1, cursor: "pointer" }, // biome-ignore format: a line
    encoding: { ...position, tooltip },
  };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v5.json",
    width: "container",
    height: 440,
    data: { values: points as unknown as Record<string, unknown>[] },
    layer: [
      {
        transform: [{ filter: "!datum.own" }],
        mark: { type: "point", filled: true, size: 75, opacity: 0.85, cursor: "pointer" },
        encoding: { ...position, tooltip, ...colors(page, points.filter(({ own }) => !own)) }, // biome-ignore format: a line
      },
      ...(points.some(({ own }) => own) ? [yours] : []),
      ...(points.some(({ picked, own }) => picked || own) ? [names] : []),
    ],
  } as VisualizationSpec;
}

/** Large counts in short: 25M. */
const numbers = (name: string) =>
  name.endsWith("parameters") || name.includes("_nparameters") ? { format: "~s" } : {};

/** Numbers run over a scale; the most frequent words have a colour and a shape each, the rest share grey. */
function colors(page: Page, points: readonly Point[]) {
  const { color } = page.state;
  const legend = { orient: "bottom", columns: { expr: "width < 500 ? 2 : 4" }, labelLimit: 180, symbolSize: 90 };
  if (isNumber(page, color)) {
    const narrow = { orient: "bottom", gradientLength: 220 };
    return { color: { field: "color", type: "quantitative", title: titleOf(color), scale: { scheme: "viridis" }, legend: narrow } }; // biome-ignore format: a line
  }
  const counts = new Map<string, number>();
  for (const point of points) counts.set(String(point.color), (counts.get(String(point.color)) ?? 0) + 1);
  const words = [...counts.keys()].sort((a, b) => counts.get(b)! - counts.get(a)! || a.localeCompare(b));
  const many = words.length > COLORS.length;
  const own = many ? words.slice(0, COLORS.length) : words;
  const domain = many ? [...own, OTHERS] : own;
  const range = many ? [...COLORS, OTHER_COLOR] : COLORS.slice(0, own.length);
  for (const point of points) if (!own.includes(String(point.color))) point.color = OTHERS;
  const shapes = SHAPES.slice(0, domain.length);
  return {
    color: { field: "color", type: "nominal", title: titleOf(color), scale: { domain, range }, legend },
    shape: { field: "color", type: "nominal", title: titleOf(color), scale: { domain, range: shapes }, legend },
  };
}

const OTHERS = "others";
const SHAPES = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right", "stroke"];

/** Of the points drawn, where both columns are numbers. */
function correlation(points: readonly Point[]): string {
  const pairs = points.filter(({ x, y }) => typeof x === "number" && typeof y === "number");
  if (pairs.length < 3 || pairs.length < points.length) return "";
  const [xs, ys] = [pairs.map(({ x }) => Number(x)), pairs.map(({ y }) => Number(y))];
  const text = (r: number) => (Number.isNaN(r) ? "undefined" : r.toFixed(2).replace("-", "−"));
  return `Pearson r = ${text(pearson(xs, ys))}, Spearman ρ = ${text(pearson(ranks(xs), ranks(ys)))}.`;
}
