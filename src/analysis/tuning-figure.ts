import type { TopLevelSpec } from "vega-lite";

/** A trial of a search, and the least error so far; errors in percent. */
export interface TuningRow {
  trial: number;
  error: number;
  best: number;
  /** Name of the recipe it was; null of a point that was drawn. */
  recipe: string | null;
  [parameter: string]: number | string | boolean | null;
}

/** How a hyper-parameter is drawn: on a logarithmic or linear axis, or side by side. */
export interface TuningAxis {
  name: string;
  scale: "log" | "linear" | "nominal";
}

/** Validation error by trial with the least so far as a line, then by each hyper-parameter; the best trial is ringed. */
export function tuningFigure(
  rows: readonly TuningRow[],
  axes: readonly TuningAxis[],
  options: { title?: string } = {},
): TopLevelSpec {
  const best = rows.reduce((a, b) => (b.error < a.error ? b : a)).trial;
  const values = rows.map((row) => ({
    ...row,
    number: row.trial + 1,
    source: row.recipe === null ? "drawn" : "recipe",
    chosen: row.trial === best,
  }));
  const y = { field: "error", type: "quantitative", scale: { type: "sqrt" }, title: "Validation error (%)" } as const;
  const color = {
    field: "source",
    type: "nominal",
    scale: { domain: ["recipe", "drawn"], range: ["#D55E00", "#0072B2"] },
    legend: { title: null, orient: "top", labelFontSize: 12 },
  } as const;
  const shape = {
    field: "source",
    type: "nominal",
    scale: { domain: ["recipe", "drawn"], range: ["diamond", "circle"] },
  } as const;
  const points = (x: object) => [
    { mark: { type: "point", filled: true, size: 55, opacity: 0.85 } as const, encoding: { x, y, color, shape } },
    {
      transform: [{ filter: "datum.chosen" }],
      mark: { type: "point", size: 190, color: "black", strokeWidth: 2 } as const,
      encoding: { x, y },
    },
  ];
  const byTrial = {
    field: "number",
    type: "quantitative",
    title: "Trial",
    axis: { tickMinStep: 1, format: "d", grid: false },
  } as const;
  const panels = axes.map(({ name, scale }) => {
    const x =
      scale === "nominal"
        ? { field: name, type: "nominal", title: name, axis: { labelAngle: 0, labelFontSize: 10 } }
        : {
            field: name,
            type: "quantitative",
            title: name,
            scale: { type: scale, nice: false, ...(scale === "linear" && { zero: false }) },
            axis: { grid: false, labelOverlap: true },
          };
    return { width: 215, height: 150, layer: points(x) };
  });
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v5.json",
    title: { text: options.title ?? "Search of hyper-parameters", anchor: "start", fontSize: 15 },
    background: "white",
    config: { font: "sans-serif", axis: { labelFontSize: 11, titleFontSize: 12 }, view: { stroke: null } },
    data: { values },
    vconcat: [
      {
        width: 735,
        height: 190,
        layer: [
          {
            mark: { type: "line", interpolate: "step-after", strokeWidth: 2, color: "#555555" },
            encoding: { x: byTrial, y: { ...y, field: "best" } },
          },
          ...points(byTrial),
        ],
      },
      { columns: 3, concat: panels },
    ],
  } as TopLevelSpec;
}
