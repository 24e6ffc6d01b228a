import type { TopLevelSpec } from "vega-lite";
import { escapeHtml } from "../core/html.ts";
import { type LabelCurveRow, labelCurveFigure } from "./label-curve.ts";
import { renderSvg } from "./render.ts";
import { type RiskRow, riskStack } from "./risk-stack.ts";

/** What the report of a comparison shows. */
export interface ComparePage {
  title: string;
  rows: readonly (RiskRow & { standard_errors?: { probe_gen: number; enc_gen: number } | null })[];
  curve: readonly (LabelCurveRow & { shots: number | null })[];
  /** Sentences: what limits each model, and which suits which number of labels. */
  limits: readonly string[];
  labels: readonly string[];
  /** How it was made, as name and value. */
  facts: readonly (readonly [string, string])[];
}

/** One HTML file with everything in it: it loads nothing, runs no script, and follows the reader's light or dark mode. */
export async function comparePage(page: ComparePage): Promise<string> {
  const risk = await renderSvg(onPage(riskStack(page.rows, { title: "Risk decomposition" })));
  const curve = await renderSvg(onPage(labelCurveFigure(page.curve)));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(page.title)}</title>
<style>${STYLE}</style>
<main>
<h1>${escapeHtml(page.title)}</h1>
${list(page.limits)}
<figure>${risk}</figure>
${riskTable(page)}
<p class="note">Error in percent. The components sum to the aggregate risk; one may be negative, which is noise or an encoder
that was not pretrained on these training images.</p>
<h2>How many labels</h2>
${list(page.labels)}
<figure>${curve}</figure>
${curveTable(page)}
<p class="note">Error in percent of the same probe with few labels: mean of the draws and its standard error.</p>
<h2>How it was made</h2>
<dl>${page.facts.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`).join("")}</dl>
</main>
</html>
`;
}

const STYLE = `
:root{--ink:#1d232b;--quiet:#5b6570;--paper:#fff;--line:#d9dee4}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebef;--quiet:#a3adb8;--paper:#14181d;--line:#353d47}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:48rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.5rem}
figure{margin:1.5rem 0}figure svg{max-width:100%;height:auto}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{padding:.3rem .8rem .3rem 0;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{font-weight:600}
.note{color:var(--quiet);font-size:.85rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem;font-size:.9rem}
dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}`;

/** The figure in the page's ink on the page's paper. */
function onPage(spec: TopLevelSpec): TopLevelSpec {
  const ink = "currentColor";
  const faint = "#88888840";
  const config = spec.config ?? {};
  return {
    ...spec,
    background: "transparent",
    config: {
      ...config,
      title: { color: ink },
      text: { color: ink },
      axis: {
        ...config.axis,
        labelColor: ink,
        titleColor: ink,
        tickColor: "#888",
        domainColor: "#888",
        gridColor: faint,
      },
      legend: { labelColor: ink, titleColor: ink },
    },
  };
}

function riskTable({ rows }: ComparePage): string {
  const fields = ["approx", "usability", "probe_gen", "enc_gen", "agg_risk"] as const;
  const cells = rows.map((row) => [
    row.model,
    ...fields.map((field) => {
      const value = row[field];
      const error = field === "probe_gen" || field === "enc_gen" ? row.standard_errors?.[field] : undefined;
      return value === null ? "–" : value.toFixed(2) + (error === undefined ? "" : ` ± ${error.toFixed(2)}`);
    }),
  ]);
  return table(["encoder", ...fields], cells);
}

function curveTable({ curve }: ComparePage): string {
  const shots = [...new Set(curve.map((point) => point.shots))];
  const models = [...new Set(curve.map(({ model }) => model))];
  const cells = models.map((model) => [
    model,
    ...shots.map((count) => {
      const { error, standard_error } = curve.find((point) => point.model === model && point.shots === count)!;
      return `${error.toFixed(2)} ± ${standard_error.toFixed(2)}`;
    }),
  ]);
  return table(["encoder", ...shots.map((count) => (count === null ? "all" : `${count} a class`))], cells);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table>${line("th", head)}${rows.map((row) => line("td", row)).join("")}</table></div>`;
}

function list(lines: readonly string[]): string {
  return `<ul>${lines.map((text) => `<li>${escapeHtml(text)}</li>`).join("")}</ul>`;
}
