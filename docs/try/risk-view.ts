import { messageOf } from "../../src/core/errors.ts";
import { byId, h } from "../explorer/dom.ts";
import { decompose, RISK_MINIMUM } from "./learn.ts";
import { labelCounts, labelled, type Page } from "./page.ts";

const PARTS = [
  ["usability", "approximation and usability", "errors on the images the probe was fitted on"],
  ["probe_gen", "probe generalization", "errors more on training images that were held out of the probe"],
  ["enc_gen", "encoder generalization", "errors more on the test images"],
] as const;

/** Offers the decomposition when there are labels enough; a change of labels takes the last one away. */
export function renderRisk(page: Page): void {
  const counts = labelCounts(page).filter((count) => count > 0);
  const enough = counts.length >= 2 && Math.min(...counts) >= RISK_MINIMUM;
  const click = () => void show(page);
  byId("decomposition").replaceChildren(
    h("button", { type: "button", id: "decompose", class: "primary", disabled: !enough, click }, "Decompose the risk"),
    h("p", { class: "note" }, enough ? "Half of the labelled images are for training, half for the test." : `Needs two classes of ${RISK_MINIMUM} labelled images or more.`), // biome-ignore format: a line
  );
}

async function show(page: Page): Promise<void> {
  const host = byId("decomposition");
  const button = byId<HTMLButtonElement>("decompose");
  button.disabled = true;
  try {
    const risk = await decompose(labelled(page));
    const total = PARTS.reduce((sum, [part]) => sum + Math.max(0, risk[part]), 0);
    const boxes = PARTS.map(([part]) => h("span", { class: `part ${part}`, style: `width: ${total === 0 ? 0 : (100 * Math.max(0, risk[part])) / total}%` })); // biome-ignore format: a line
    const rows = PARTS.map(
      ([part, name, what]) =>
      h("tr", {}, h("th", { scope: "row" }, h("span", { class: `part ${part}`, "aria-hidden": "true" }), ` ${name}`), h("td", { class: "number", id: `risk-${part}` }, risk[part].toFixed(1)), h("td", {}, what)), // biome-ignore format: a line
    );
    const sum = h("tr", { class: "sum" }, h("th", { scope: "row" }, "test error"), h("td", { class: "number", id: "risk-agg_risk" }, risk.agg_risk.toFixed(1)), h("td", {}, "their sum")); // biome-ignore format: a line
    host.replaceChildren(
      button,
      h("div", { class: "bar", "aria-hidden": "true" }, boxes),
      h(
        "div",
        { class: "scroll" },
        h("table", { id: "risk-table" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Part"), h("th", { scope: "col", class: "number" }, "%"), h("th", { scope: "col" }, "What it is"))), h("tbody", {}, rows, sum)), // biome-ignore format: a line
      ),
      h(
        "p",
        { class: "note" },
        `${risk.n_train} training and ${risk.n_test} test images, ${risk.n_sub} held out: one test image is ${(100 / risk.n_test).toFixed(1)} points. `,
        "A part may be negative, and few images make all of them noisy. Without a supervised encoder, usability holds the approximation error too.",
      ),
    );
  } catch (error) {
    host.replaceChildren(button, h("p", { class: "warning", role: "alert" }, messageOf(error)));
  }
  button.disabled = false;
}
