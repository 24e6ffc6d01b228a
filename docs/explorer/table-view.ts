import { columnInfo, columnsOf, format, GROUPS, titleOf } from "./columns.ts";
import type { Model } from "./data.ts";
import { checkbox, h, ownMark } from "./dom.ts";
import { linkTo, type Page, toggled } from "./page.ts";
import { DEFAULTS } from "./state.ts";

/** All models that pass, as a table that sorts by its headers. */
export function tableView(page: Page): HTMLElement[] {
  const columns = page.state.columns;
  const head = h(
    "tr",
    {},
    h("th", { scope: "col", class: "pick" }, h("span", { class: "hidden-text" }, "Compare")),
    header(page, "name"),
    columns.map((name) => header(page, name)),
  );
  const table = h(
    "table",
    { class: "models" },
    h("caption", { class: "hidden-text" }, "Models; the buttons of the header sort"),
    h("thead", {}, head),
    h(
      "tbody",
      {},
      page.models.map((model) => line(page, model)),
    ),
  );
  const region = { class: "scroll", id: "table-scroll", role: "region", "aria-label": "Table of models", tabindex: 0 };
  return [chooser(page), h("div", region, table), foot()];
}

function header(page: Page, name: string): HTMLElement {
  const { sort } = page.state;
  const by = sort.replace(/^-/, "") === name;
  const descending = by && sort.startsWith("-");
  const order = by ? (descending ? "descending" : "ascending") : null;
  const label = name === "name" ? "Model" : columnInfo(name).label;
  const arrow = h("span", { class: "arrow", "aria-hidden": "true" }, by ? (descending ? "▼" : "▲") : "");
  const click = () => page.go({ sort: by && !descending ? `-${name}` : name });
  const unit = name === "name" ? undefined : columnInfo(name).unit;
  return h(
    "th",
    { scope: "col", "aria-sort": order, class: isNumber(page, name) ? "number" : name === "name" ? "name" : null },
    h(
      "button",
      { id: `sort-${name}`, type: "button", title: name, click },
      label,
      unit && h("span", { class: "unit" }, ` ${unit}`),
      arrow,
    ),
  );
}

const isNumber = (page: Page, name: string) => page.kinds.get(name) === "number" && name !== "year";

function line(page: Page, { row, own }: Model): HTMLElement {
  const picked = page.state.pick.includes(row.name);
  const pick = h("input", {
    type: "checkbox",
    id: `pick-${row.name}`,
    "aria-label": `Compare ${row.name}`,
    checked: picked,
    change: (event) =>
      page.go({ pick: toggled(page.state.pick, row.name, (event.target as HTMLInputElement).checked) }, "replace"),
  });
  const cells = page.state.columns.map((name) => {
    const another = row.measures_another === true && columnInfo(name).group === GROUPS[0] && row[name] !== null;
    const text = format(name, row[name]);
    return h("td", { class: isNumber(page, name) ? "number" : null }, text, another && mark());
  });
  const link = h("a", { href: linkTo(page, { model: row.name }), id: `open-${row.name}` }, row.name);
  return h(
    "tr",
    { class: [picked && "picked", own && "yours"].filter(Boolean).join(" ") || null },
    h("td", { class: "pick" }, pick),
    h("th", { scope: "row", class: "name" }, own && ownMark(), link),
    cells,
  );
}

const mark = () => h("abbr", { title: "measured on another model than the name says: see its errata" }, "†");

function foot(): HTMLElement {
  return h(
    "p",
    { class: "note" },
    "Errors are percent of ImageNet-1k under a linear probe, as the paper measured them; a dash is unknown. ",
    "† measured on another model than the name says. Tick models to compare them.",
  );
}

/** Which columns the table has, by group. */
function chooser(page: Page): HTMLElement {
  const { columns } = page.state;
  const groups = GROUPS.map((group) => {
    const names = columnsOf(group, page.kinds.keys());
    const boxes = names.map((name) =>
      checkbox(`column-${name}`, titleOf(name), columns.includes(name), (on) =>
        page.go({ columns: ordered(page, toggled(columns, name, on)) }),
      ),
    );
    return h("fieldset", {}, h("legend", {}, group), h("div", { class: "boxes" }, boxes));
  });
  const reset = h("button", { type: "button", click: () => page.go({ columns: DEFAULTS.columns }) }, "As at first");
  return h(
    "details",
    { class: "chooser", id: "chooser" },
    h("summary", {}, `Columns (${columns.length} of ${page.kinds.size - 1})`),
    groups,
    reset,
  );
}

/** Columns of the first view keep their order, what is added comes behind, by group. */
function ordered(page: Page, names: readonly string[]): string[] {
  const all = GROUPS.flatMap((group) => columnsOf(group, page.kinds.keys()));
  const rank = (name: string) => {
    const first = DEFAULTS.columns.indexOf(name);
    return first >= 0 ? first : 1000 + all.indexOf(name);
  };
  return names.toSorted((a, b) => rank(a) - rank(b));
}
