import type { TopLevelSpec } from "vega-lite";

/** A bar of the figure: a model and the components of its risk in percent. */
export interface RiskRow {
  model: string;
  approx: number | null;
  usability: number;
  probe_gen: number;
  enc_gen: number;
  agg_risk: number;
}

/** Components in the order they stack: name in a sentence, title in a figure, and Okabe and Ito's colour-blind safe colours. */
export const COMPONENTS = [
  { field: "approx", name: "approximation", title: "Approximation", color: "#999999" },
  { field: "usability", name: "usability", title: "Representation usability", color: "#0072B2" },
  { field: "probe_gen", name: "probe generalization", title: "Probe generalization", color: "#E69F00" },
  { field: "enc_gen", name: "encoder generalization", title: "Encoder generalization", color: "#009E73" },
] as const;

/**
 * The paper's stacked bars: one bar a model, one colour a component of its risk, the aggregate risk as a number. A
 * negative component stacks to the left of zero. Models stand in the order given.
 */
export function riskStack(rows: readonly RiskRow[], options: { title?: string } = {}): TopLevelSpec {
  const parts = rows.flatMap((row) =>
    COMPONENTS.flatMap(({ field, title }, order) => {
      const value = row[field];
      return value === null ? [] : [{ model: row.model, component: title, order, value }];
    }),
  );
  const models = rows.map(({ model }) => model);
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v5.json",
    title: { text: options.title ?? "Risk decomposition", anchor: "start", fontSize: 15 },
    width: 520,
    height: { step: 34 },
    background: "white",
    config: { font: "sans-serif", axis: { labelFontSize: 12, titleFontSize: 12 }, view: { stroke: null } },
    layer: [
      {
        data: { values: parts },
        mark: { type: "bar", height: { band: 0.72 } },
        encoding: {
          y: { field: "model", type: "nominal", sort: models, title: null, axis: { labelLimit: 240, ticks: false } },
          x: { field: "value", type: "quantitative", title: "Error (%)", stack: "zero" },
          color: {
            field: "component",
            type: "nominal",
            scale: { domain: COMPONENTS.map((c) => c.title), range: COMPONENTS.map((c) => c.color) },
            legend: { title: null, orient: "bottom", columns: 2, labelLimit: 240, labelFontSize: 12 },
          },
          order: { field: "order", type: "quantitative" },
        },
      },
      {
        data: { values: rows.map((row) => ({ ...row, right: rightEnd(row), label: `${row.agg_risk.toFixed(1)} %` })) },
        mark: { type: "text", align: "left", dx: 6, fontSize: 12 },
        encoding: {
          y: { field: "model", type: "nominal", sort: models },
          x: { field: "right", type: "quantitative" },
          text: { field: "label" },
        },
      },
    ],
  };
}

/** Where a model's bar ends on the right: the sum of its positive components. */
function rightEnd(row: RiskRow): number {
  return COMPONENTS.reduce((sum, { field }) => sum + Math.max(0, row[field] ?? 0), 0);
}
