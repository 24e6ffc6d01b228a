import type { TopLevelSpec } from "vega-lite";

/** A point of the figure: the error of a model's probe with a number of labelled images, percent. */
export interface LabelCurveRow {
  model: string;
  images: number;
  error: number;
  standard_error: number;
}

/** Error against the number of labelled images, one line a model, bars of two standard errors. */
export function labelCurveFigure(rows: readonly LabelCurveRow[], options: { title?: string } = {}): TopLevelSpec {
  const models = [...new Set(rows.map(({ model }) => model))];
  const values = rows.map((row) => ({
    ...row,
    low: Math.max(0, row.error - 2 * row.standard_error),
    high: Math.min(100, row.error + 2 * row.standard_error),
  }));
  const images = [...new Set(rows.map((row) => row.images))].sort((a, b) => a - b);
  const x = {
    field: "images",
    type: "quantitative",
    scale: { type: "log", nice: false },
    title: "Labelled images",
    axis: { values: images, format: "d", grid: false },
  } as const;
  const color = {
    field: "model",
    type: "nominal",
    scale: { domain: models, range: PALETTE },
    legend: { title: null, orient: "bottom", columns: 3, labelLimit: 240, labelFontSize: 12 },
  } as const;
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v5.json",
    title: { text: options.title ?? "Error by number of labels", anchor: "start", fontSize: 15 },
    width: 520,
    height: 260,
    background: "white",
    config: { font: "sans-serif", axis: { labelFontSize: 12, titleFontSize: 12 }, view: { stroke: null } },
    data: { values },
    layer: [
      {
        mark: { type: "rule", strokeWidth: 2, opacity: 0.6 },
        encoding: { x, y: { field: "low", type: "quantitative" }, y2: { field: "high" }, color },
      },
      {
        mark: { type: "line", point: { size: 50, filled: true }, strokeWidth: 2 },
        encoding: { x, y: { field: "error", type: "quantitative", title: "Error (%)" }, color },
      },
    ],
  };
}

/** Okabe and Ito's colour-blind safe colours; they are seen on white and on dark. */
const PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999"];
