import { columnInfo, columnsOf, format, GROUPS, titleOf } from "./columns.ts";
import type { Model } from "./data.ts";
import { checkbox, h, ownMark } from "./dom.ts";
import { linkTo, type Page, toggled } from "./page.ts";
import { hasRisk, riskChart } from "./risk-view.ts";

/** The chosen models side by side: a column a model, a row a fact. */
export function compareView(page: Page): HTMLElement[] {
  const models = page.state.pick.map((name) => page.byName.get(name)!);
  if (models.length === 0) {
    return [
      adder(page),
      h("p", {}, "No model is chosen yet: add one here, or tick some in the table."),
      h("p", {}, "For a start: ", h("a", { href: linkTo(page, { pick: ["dino_rn50", "mocov3_rn50_ep1000", "swav_rn50", "simclr_rn50"].filter((name) => page.byName.has(name)) }) }, "four ResNet-50")), // biome-ignore format: a line
    ];
  }
  const measured = models.filter(hasRisk);
  return [
    adder(page),
    ...(measured.length > 0 ? [riskChart(page, measured)] : []),
    h(
      "div",
      { class: "controls" },
      checkbox("differ", "only where they differ", page.state.differ, (differ) => page.go({ differ })),
      h("button", { type: "button", id: "clear", click: () => page.go({ pick: [] }) }, "Remove all"),
    ),
    h(
      "div",
      { class: "scroll", id: "compare-scroll", role: "region", "aria-label": "Comparison", tabindex: 0 },
      table(page, models),
    ),
  ];
}

function adder(page: Page): HTMLElement {
  const input = h("input", {
    id: "add-model",
    list: "model-names",
    autocomplete: "off",
    placeholder: "name",
    change: (event) => {
      const name = (event.target as HTMLInputElement).value.trim();
      if (page.byName.has(name)) page.go({ pick: toggled(page.state.pick, name, true) });
    },
  });
  const options = page.all.map(({ row }) => h("option", { value: row.name }));
  return h(
    "div",
    { class: "controls" },
    h("label", { class: "field" }, h("span", {}, "Add a model"), input),
    h("datalist", { id: "model-names" }, options),
  );
}

function table(page: Page, models: readonly Model[]): HTMLElement {
  const head = models.map(({ row, own }) => {
    const remove = () => page.go({ pick: toggled(page.state.pick, row.name, false) });
    return h(
      "th",
      { scope: "col" },
      own && ownMark(),
      h("a", { href: linkTo(page, { model: row.name }) }, row.name),
      " ",
      h("button", { type: "button", class: "small", "aria-label": `Remove ${row.name}`, click: remove }, "×"),
    );
  });
  const bodies = GROUPS.map((group) => {
    const rows = columnsOf(group, page.kinds.keys()).flatMap((name) => line(page, name, models));
    if (rows.length === 0) return null;
    const title = h("th", { scope: "colgroup", colspan: models.length + 1 }, group);
    return h("tbody", {}, h("tr", { class: "group" }, title), rows);
  });
  return h("table", { class: "compare" }, h("thead", {}, h("tr", {}, h("td", {}), head)), bodies);
}

/** One fact of all models, or nothing when none is known or they need not be told apart. */
function line(page: Page, name: string, models: readonly Model[]): HTMLElement[] {
  const texts = models.map(({ row }) => format(name, row[name]));
  const same = new Set(texts).size === 1;
  if (texts.every((text) => text === "–") || (same && page.state.differ && models.length > 1)) return [];
  const best = columnInfo(name).group === GROUPS[0] && !name.startsWith("top1acc") ? lowest(name, models) : undefined;
  const cells = models.map((model, i) => {
    const isBest = best !== undefined && model.row[name] === best && !same;
    const number = page.kinds.get(name) === "number";
    return h(
      "td",
      { class: number ? "number" : null },
      isBest ? h("strong", {}, texts[i], h("span", { class: "hidden-text" }, " (lowest)")) : texts[i],
    );
  });
  return [h("tr", {}, h("th", { scope: "row" }, titleOf(name)), cells)];
}

function lowest(name: string, models: readonly Model[]): number | undefined {
  const known = models.map(({ row }) => row[name]).filter((cell) => typeof cell === "number");
  return known.length > 1 ? Math.min(...known) : undefined;
}
