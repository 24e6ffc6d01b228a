import type { VisualizationSpec } from "vega-embed";
import { type RiskRow, riskStack } from "../../src/analysis/risk-stack.ts";
import type { Model } from "./data.ts";
import { h, select } from "./dom.ts";
import { chart } from "./draw.ts";
import { linkTo, type Page } from "./page.ts";

const ORDERS = [
  ["train_test", "error, all labels"],
  ["approx", "approximation"],
  ["usability", "usability"],
  ["probe_gen", "probe generalization"],
  ["enc_gen", "encoder generalization"],
  ["name", "name"],
] as const;

/** Stacked bars of the risk components, in the state's order. */
export function riskView(page: Page): HTMLElement[] {
  const { sort, top } = page.state;
  const measured = page.models.filter(hasRisk);
  // The user's own are shown however they rank.
  const shown = top === 0 ? measured : measured.filter(({ own }, rank) => rank < top || own !== undefined);
  const by = sort.replace(/^-/, "");
  const orders: [string, string][] = ORDERS.flatMap(([column, text]) => [[column, text], [`-${column}`, `${text}, falling`]]); // biome-ignore format: a line
  if (!ORDERS.some(([column]) => column === by)) orders.unshift([sort, by]);
  const counts: [string, string][] = ["10", "25", "50", "100", "0"].map((n) => [n, n === "0" ? "all" : n]);
  if (!counts.some(([n]) => n === String(top))) counts.unshift([String(top), String(top)]);
  return [
    h(
      "div",
      { class: "controls" },
      select("risk-sort", "Order", orders, sort, (value) => page.go({ sort: value })),
      select("risk-top", "Bars", counts, String(top), (value) => page.go({ top: Number(value) })),
    ),
    ...(shown.length === 0 ? [h("p", {}, "No model that passes has been measured.")] : [riskChart(page, shown)]),
    h(
      "p",
      { class: "note" },
      `${shown.length} of ${measured.length} measured models. `,
      note(shown),
      h("a", { href: linkTo(page, { view: "table" }) }, "Read the numbers in the table"),
      ".",
    ),
  ];
}

/** Whether its risk can be drawn in parts. */
export const hasRisk = ({ row }: Model): boolean =>
  ["probe_gen", "enc_gen", "train_test"].every((column) => typeof row[column] === "number");

/** The paper's stack of these models, drawn for the page's width. A click opens a card. */
export function riskChart(page: Page, models: readonly Model[]): HTMLElement {
  const spec = riskStack(models.map(riskRow), {
    title: models.some(({ own }) => own) ? "Linear probe error" : "Linear probe error on ImageNet-1k",
  });
  const named = JSON.parse(JSON.stringify(spec).replaceAll('"model":', '"name":').replaceAll('"field":"model"', '"field":"name"')); // biome-ignore format: a line
  const [{ encoding }] = named.layer;
  if (models.some(({ own }) => own)) {
    const test = "indexof(datum.value, '(yours)') >= 0";
    encoding.y.axis.labelFontWeight = { condition: { test, value: "bold" }, value: "normal" };
  }
  // A phone has no room for long names beside the bars.
  if (innerWidth < NARROW) {
    encoding.y.axis.labelLimit = 130;
    encoding.color.legend.columns = 1;
  }
  const label = `Risk of ${models.length} models as stacked bars of approximation, usability, probe generalization and encoder generalization.`;
  const fitted = {
    ...named,
    width: "container",
    height: BAR * models.length,

    background: null,
    config: undefined,
  };
  return chart(fitted as VisualizationSpec, label, (model) => page.go({ model }));
}

/** CSS pixels. */
const NARROW = 640;
/** Height of a bar with its gap, pixels. */
const BAR = 26;

/** Where the paper knows no approximation, usability holds both, as in `ssl-hub decompose`. */
function riskRow({ row }: Model): RiskRow {
  const [approx, usability, probe_gen, enc_gen, agg_risk] = ["approx", "usability", "probe_gen", "enc_gen", "train_test"].map((name) => row[name] as number | null); // biome-ignore format: a line
  const both = agg_risk! - probe_gen! - enc_gen!;
  const known = approx !== null && usability !== null;
  return {
    model: row.name,
    approx: known ? approx! : null,
    usability: known ? usability! : both,
    probe_gen: probe_gen!,
    enc_gen: enc_gen!,
    agg_risk: agg_risk!,
  };
}

function note(models: readonly Model[]): string {
  const unknown = models.filter(({ row }) => row.approx === null || row.usability === null).length;
  if (unknown === 0) return "";
  return `For ${unknown} of them no approximation error is known: there usability stands for both. `;
}
