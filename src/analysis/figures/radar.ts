import type { TopLevelSpec } from "vega-lite";
import { BASE, PAPERS, YOURS } from "./figure.ts";
import { whoseColour } from "./own-marks.ts";

/** Distance between the centres of two radars; their radius is 1. */
const CELL = { x: 3.7, y: 3 };

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
  const { columns = 3, cell = 270, fontSize = 11 } = options;
  const around = [...axes.keys(), 0];
  const lines = Math.ceil(panels.length / columns);
  const at = (panel: number, k: number, r: number) => {
    const angle = Math.PI / 2 + (2 * Math.PI * k) / axes.length;
    const [column, line] = [panel % columns, Math.floor(panel / columns)];
    return { x: (column + 0.5) * CELL.x + r * Math.cos(angle), y: -(line + 0.55) * CELL.y + r * Math.sin(angle) };
  };
  const rings = panels.flatMap((_, p) => [1 / 3, 2 / 3, 1].flatMap((r) => around.map((k, i) => ({ panel: p, ring: r, i, ...at(p, k, r) })))); // biome-ignore format: one line
  const polygons = panels.flatMap(({ title, radii, own }, p) => around.map((k, i) => ({ panel: p, model: title, whose: own ? YOURS : PAPERS, i, ...at(p, k, radii[k]!) }))); // biome-ignore format: one line
  const names = panels.flatMap((_, p) => axes.map((axis, k) => {
    const [{ x, y }, centre] = [at(p, k, 1.17), at(p, 0, 0)];
    return { axis, x: x + 0.2 * Math.sign(Math.round(10 * (x - centre.x))), y };
  })); // biome-ignore format: a small function
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
      ...(axes.every((axis) => axis === "") ? [] : [{ data: { values: names }, mark: { type: "text", fontSize: fontSize - 1, fill: "#333" }, encoding: { ...position, text: { field: "axis" } } }]), // biome-ignore format: one line
      { data: { values: titles }, mark: { type: "text", fontSize, fontWeight: 600, limit: cell - 2 }, encoding: { ...position, text: { field: "title" } } }, // biome-ignore format: one line
    ],
  } as unknown as TopLevelSpec;
}
