import type { VisualizationSpec } from "vega-embed";
import type { Charts } from "./charts.ts";
import { h } from "./dom.ts";

let loading: Promise<Charts> | undefined;

/** A chart's frame: `label` says to those who do not see it what it shows. The drawing follows when its script is there. */
export function chart(spec: VisualizationSpec, label: string, pick: (name: string) => void): HTMLElement {
  const host = h("div", { class: "chart-host" }, h("p", { class: "note" }, "Drawing ..."));
  const frame = h("figure", { class: "chart", "aria-label": label }, host);
  loading ??= loadCharts();
  loading
    .then(async (charts) => {
      // The view may be gone by the time the script is here; vega measures the width of what is on the page.
      if (host.isConnected) await charts.draw(host, { ...spec, description: label } as VisualizationSpec, pick);
    })
    .catch((error: unknown) => host.replaceChildren(h("p", { class: "warning", role: "alert" }, String(error))));
  return frame;
}

function loadCharts(): Promise<Charts> {
  return new Promise((resolve, reject) => {
    const fail = () => {
      loading = undefined;
      reject(new Error("The charts cannot be drawn: charts.js is missing beside this page."));
    };
    const load = () => (window.SSL_HUB_CHARTS ? resolve(window.SSL_HUB_CHARTS) : fail());
    document.head.append(h("script", { src: "charts.js", load, error: fail }));
  });
}

/** Okabe and Ito's colours, which colour-blind readers tell apart; readable on white and on dark. */
export const COLORS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B8A800"];
export const OTHER_COLOR = "#8c8c8c";
