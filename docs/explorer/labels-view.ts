import type { VisualizationSpec } from "vega-embed";
import { format, SHOTS } from "./columns.ts";
import type { Model } from "./data.ts";
import { h, ownMark } from "./dom.ts";
import { COLORS, chart } from "./draw.ts";
import { linkTo, type Page } from "./page.ts";

const RANKS = 10;
/** The chart's lines when no model was chosen: the best ones of each number of labels. */
const LEADERS = 2;

/** The best models by the number of labels that the probe is given. */
export function labelsView(page: Page): HTMLElement[] {
  const best = SHOTS.map(({ column }) => ranked(page.models, column));
  const picked = page.state.pick.map((name) => page.byName.get(name)!).filter(hasShots);
  const leaders = [...new Set(best.flatMap((models) => models.slice(0, LEADERS)))];
  const own = page.models.filter((model) => model.own !== undefined).filter(hasShots);
  const lines = picked.length > 0 ? picked : [...new Set([...leaders, ...own])];
  const ofBest = `The best ${LEADERS} of each number of labels`;
  const title = picked.length > 0 ? "The models chosen" : own.length > 0 ? `${ofBest}, and yours` : ofBest;
  return [
    ...(lines.length === 0
      ? [h("p", {}, "No model that passes has been measured.")]
      : [
          chart(spec(lines, title), `${title}: error against labels a class.`, (model) => page.go({ model })),
          h("p", { class: "note" }, picked.length > 0 ? "Lines: the models ticked." : "Tick models to draw their lines instead."), // biome-ignore format: a line
        ]),
    h("h2", {}, `The best ${RANKS} by number of labels`),
    h(
      "div",
      { class: "scroll", role: "region", "aria-label": "Best models by number of labels", tabindex: 0 },
      table(page, best),
    ),
    h(
      "p",
      { class: "note" },
      "Errors in percent on ImageNet-1k, among the models that pass the filters. A linear probe was fitted on so many images of each of the 1000 classes.",
      own.length > 0 &&
        " ◆ Your own runs: on your images; their line ends where ImageNet's labels do, whatever the size of your training set.",
    ),
  ];
}

const hasShots = (model: Model | undefined): model is Model =>
  model !== undefined && SHOTS.some(({ column }) => model.row[column] !== null);

function ranked(models: readonly Model[], column: string): Model[] {
  const known = models.filter(({ row }) => typeof row[column] === "number");
  return known.toSorted((a, b) => Number(a.row[column]) - Number(b.row[column]));
}

function table(page: Page, best: readonly (readonly Model[])[]): HTMLElement {
  const head = SHOTS.map(
    ({ column, text }) =>
    h("th", { scope: "col" }, h("a", { href: linkTo(page, { view: "table", sort: column, columns: SHOTS.map((shot) => shot.column) }) }, text)), // biome-ignore format: a line
  );
  const rows = Array.from({ length: RANKS }, (_, rank) => {
    const cells = SHOTS.map(({ column }, i) => {
      const model = best[i]![rank];
      if (model === undefined) return h("td", {}, "–");
      const link = h("a", { href: linkTo(page, { model: model.row.name }) }, model.row.name);
      const yours = model.own !== undefined;
      return h("td", { class: yours ? "yours" : null }, h("span", { class: "error" }, format(column, model.row[column])), " ", yours && ownMark(), link); // biome-ignore format: a line
    });
    return h("tr", {}, h("th", { scope: "row", class: "number" }, rank + 1), cells);
  });
  return h(
    "table",
    { class: "best" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "number" }, "Rank"), head)),
    h("tbody", {}, rows),
    h("tbody", {}, ownLines(page, best)),
  );
}

/** The user's own models that are not among the best: their errors and ranks. */
function ownLines(page: Page, best: readonly (readonly Model[])[]): HTMLElement[] {
  const below = new Set(best.flatMap((models) => models.slice(RANKS)).filter(({ own }) => own !== undefined));
  return [...below].map((model) => {
    const cells = SHOTS.map(({ column }, i) => {
      const rank = best[i]!.indexOf(model) + 1;
      return h("td", {}, rank === 0 ? "–" : [h("span", { class: "error" }, format(column, model.row[column])), ` rank ${rank} of ${best[i]!.length}`]); // biome-ignore format: a line
    });
    const link = h("a", { href: linkTo(page, { model: model.row.name }) }, model.row.name);
    return h("tr", { class: "yours" }, h("th", { scope: "row" }, ownMark(), link), cells);
  });
}

function spec(models: readonly Model[], title: string): VisualizationSpec {
  const values = models.flatMap(({ row }) =>
    SHOTS.flatMap(({ column, labels, text }) => {
      const error = row[column] ?? null;
      return error === null ? [] : [{ name: row.name, labels, text, error }];
    }),
  );
  const names = models.map(({ row }) => row.name);
  const legend = { orient: "bottom", columns: { expr: "width < 500 ? 1 : 3" }, labelLimit: 260, symbolSize: 90 };
  const series = { field: "name", type: "nominal", sort: names, title: null, legend };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v5.json",
    title: { text: title, anchor: "start", fontSize: 15 },
    width: "container",
    height: 360,
    data: { values },
    mark: { type: "line", point: { filled: true, size: 60 }, strokeWidth: 2, cursor: "pointer" },
    encoding: {
      x: {
        field: "labels",
        type: "quantitative",
        title: "Labels a class (log scale)",
        scale: { type: "log", domain: [2.5, 1600] },
        axis: { values: SHOTS.map(({ labels }) => labels), format: ".4~g", grid: false },
      },
      y: { field: "error", type: "quantitative", title: "Error (%)", scale: { zero: false } },
      color: {
        ...series,
        scale: { domain: names, range: names.map((_, i) => COLORS[i % COLORS.length]!) },
      },
      strokeDash: {
        ...series,
        scale: { domain: names, range: names.map((_, i) => DASHES[Math.trunc(i / COLORS.length) % DASHES.length]!) },
      },
      tooltip: [
        { field: "name", title: "Model" },
        { field: "text", title: "Labels" },
        { field: "error", title: "Error (%)", format: ".1f" },
      ],
    },
  } as VisualizationSpec;
}

/** Colours repeat after seven models; the stroke then tells them apart. */
const DASHES = [[1, 0], [6, 3], [2, 2], [8, 2, 2, 2]]; // biome-ignore format: a row
