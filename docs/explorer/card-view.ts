import { COMPONENTS } from "../../src/analysis/risk-stack.ts";
import { format, SHOTS } from "./columns.ts";
import type { Model, OwnRun } from "./data.ts";
import { h, linked } from "./dom.ts";
import { linkTo, type Page, toggled } from "./page.ts";

/** What the dialog shows of one model: how to load it, what it is, its results, licence, source and errata. */
export function cardView(page: Page, model: Model, close: () => void): HTMLElement[] {
  const { row, card, own } = model;
  const picked = page.state.pick.includes(row.name);
  return [
    h(
      "header",
      {},
      h("h2", { id: "card-title" }, row.name),
      h("button", { type: "button", id: "card-close", class: "small", "aria-label": "Close", click: close }, "×"),
    ),
    ...warnings(model),
    ...(own === undefined ? load(row.name, Number(row.z_dim)) : [ownNote(page, own)]),
    ...riskBar(model),
    h("h3", {}, "Facts"),
    h("dl", {}, facts(card)),
    h(
      "p",
      { class: "controls" },
      h(
        "button",
        {
          type: "button",
          id: "card-pick",
          click: () => page.go({ pick: toggled(page.state.pick, row.name, !picked) }),
        },
        picked ? "Remove from comparison" : "Add to comparison",
      ),
      picked && h("a", { href: linkTo(page, { view: "compare", model: null }) }, "Compare"),
    ),
  ];
}

const load = (name: string, zDim: number) => [
  h("h3", {}, "Load"),
  snippet("card-code", loadCode(name, zDim)),
  snippet("card-shell", `npx ssl-hub featurize ${name} photos/ --out features`),
];

function ownNote(page: Page, { model, files, hub }: OwnRun): HTMLElement {
  const link = hub !== null && h("a", { href: linkTo(page, { model: hub }) }, `the hub's ${hub}`);
  return h(
    "p",
    { class: "note" },
    `◆ Your own run of ${model}, from ${files.join(", ")}. `,
    link && ["It is described as ", link, " is."],
  );
}

function warnings({ row, card, own }: Model): HTMLElement[] {
  if (own !== undefined) return [];
  const texts: string[] = [];
  if (row.commercial === false) texts.push(`The weights are licensed ${row.license}: not for commercial use.`);
  if (row.license === null) texts.push("No weights are downloaded: the encoder is initialised here.");
  if (row.measures_another === true) texts.push("The results were measured on another model than the name says.");
  const errata = card.filter(([label]) => label.startsWith("Erratum")).length;
  if (errata > 0) texts.push(`${errata} ${errata === 1 ? "erratum" : "errata"}: see below.`);
  return texts.length === 0 ? [] : [h("p", { class: "warning" }, texts.join(" "))];
}

const loadCode = (name: string, zDim: number) => `import * as hub from "ssl-hub";

const [model, preprocess] = await hub.load("${name}");
const x = await preprocess(["cat.jpg", "dog.jpg"]);
const features = model.predict(x); // [2, ${zDim}]`;

function snippet(id: string, code: string): HTMLElement {
  const button = h(
    "button",
    { type: "button", class: "small copy", id: `${id}-copy`, click: () => void copy() },
    "Copy",
  );
  const text = h("pre", { id, tabindex: 0 }, h("code", {}, code));
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(code);
      button.textContent = "Copied";
    } catch {
      // Pages of a file may not write to the clipboard: the text is selected, and Ctrl-C does it.
      getSelection()?.selectAllChildren(text);
      button.textContent = "Selected";
    }
  };
  return h("div", { class: "snippet" }, text, button);
}

/** The risk as one bar, and the error by number of labels. Plain boxes: a card should not wait for the charts. */
function riskBar({ row, own }: Model): HTMLElement[] {
  if (row.train_test === null && own === undefined) return [];
  const known = COMPONENTS.filter(({ field: column }) => typeof row[column] === "number");
  const total = known.reduce((sum, { field: column }) => sum + Math.max(0, Number(row[column])), 0);
  const boxes = known.map(({ field: column }) => {
    const share = (100 * Math.max(0, Number(row[column]))) / total;
    return h("span", { class: `part ${column}`, style: `width: ${share.toFixed(2)}%` });
  });
  const legend = COMPONENTS.map(({ field: column, name }) =>
    h(
      "li",
      {},
      h("span", { class: `part ${column}`, "aria-hidden": "true" }),
      ` ${name} ${format(column, row[column])}`,
    ),
  );
  const labels = (column: string, text: string) => (own !== undefined && column === "train_test" ? "all" : text);
  const shots = SHOTS.map(({ column, text }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, labels(column, text)),
      h("td", { class: "number" }, format(column, row[column])),
    ),
  );
  const parts = [
    h("h3", {}, `Error${own === undefined ? " on ImageNet-1k" : ""}: ${format("train_test", row.train_test)} %`),
    total > 0 && h("div", { class: "bar", "aria-hidden": "true" }, boxes),
    known.length > 0 && h("ul", { class: "legend" }, legend),
    h(
      "table",
      { class: "shots" },
      h(
        "thead",
        {},
        h("tr", {}, h("th", { scope: "col" }, "Labels"), h("th", { scope: "col", class: "number" }, "Error %")),
      ),
      h("tbody", {}, shots),
    ),
  ];
  return parts.filter((part) => part !== false);
}

/** A fact without a label goes on with the one before. */
function facts(card: Model["card"]): HTMLElement[] {
  return card.map(([label, text]) => {
    const value = h("dd", { class: label.startsWith("Erratum") ? "erratum" : null }, linked(text));
    return label === "" ? h("div", { class: "more" }, value) : h("div", {}, h("dt", {}, label), value);
  });
}
