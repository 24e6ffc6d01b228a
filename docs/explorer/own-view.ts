import type { Model } from "./data.ts";
import { checkbox, h } from "./dom.ts";
import type { OwnRuns } from "./own.ts";
import { linkTo, type Page } from "./page.ts";

/** What is done when the files are other ones. */
type Changed = () => void;

/** The panel by which a user puts own runs beside the paper's. */
export function ownView(page: Page, runs: OwnRuns, models: readonly Model[], changed: Changed): HTMLElement[] {
  const add = async (event: Event) => {
    const input = event.target as HTMLInputElement;
    await runs.add(Array.from(input.files ?? []));
    changed();
  };
  const input = h("input", { id: "runs-file", type: "file", multiple: true, accept: ".json,.csv", class: "hidden-text", change: (event) => void add(event) }); // biome-ignore format: a line
  const files = runs.files.map(({ name }, i) => {
    const click = () => {
      runs.remove(name);
      changed();
    };
    return h("li", {}, name, " ", h("button", { type: "button", class: "small", id: `runs-remove-${i}`, "aria-label": `Remove ${name}`, click }, "×")); // biome-ignore format: a line
  });
  const keep = (on: boolean) => {
    runs.keep(on);
    changed();
  };
  return [
    h(
      "p",
      {},
      "Drop files on the page, or choose them: what ",
      h("code", {}, "ssl-hub decompose"),
      ", ",
      h("code", {}, "compare"),
      ", ",
      h("code", {}, "fewshot"),
      " or ",
      h("code", {}, "stats"),
      " print with ",
      h("code", {}, "--json"),
      ", or CSV with a column ",
      h("code", {}, "model"),
      " and columns of this table. They stay in this page and are sent nowhere.",
    ),
    h(
      "div",
      { class: "controls" },
      h("label", { class: "button" }, "Choose files", input),
      checkbox("runs-keep", "keep them in this browser", runs.kept, keep),
    ),
    h("div", { role: "alert" }, runs.faults.length > 0 && h("ul", { class: "faults" }, runs.faults.map((text) => h("li", {}, text)))), // biome-ignore format: a line
    ...(files.length === 0
      ? []
      : [h("ul", { class: "files", "aria-label": "Files of runs" }, files), about(page, models)]),
  ];
}

function about(page: Page, models: readonly Model[]): HTMLElement {
  const names = models.map(({ row }) => row.name);
  const links = [
    h("a", { id: "runs-only", href: linkTo(page, { view: "table", q: "", facets: {}, where: "whose=yours" }) }, "only yours in the table"), // biome-ignore format: a line
    h("a", { id: "runs-compare", href: linkTo(page, { view: "compare", pick: names.slice(0, 8) }) }, "compare them"),
    h("a", { href: linkTo(page, { view: "scatter", where: "" }) }, "see them in the scatter plot"),
  ];
  return h(
    "p",
    { class: "note" },
    `${names.length === 1 ? "Your model is" : `Your ${names.length} models are`} marked by ◆ in every view: `,
    links.flatMap((link, i) => [i > 0 ? ", " : "", link]),
    ". The paper's errors are of ImageNet-1k: errors on other images are of another scale.",
  );
}

/** The summary of the panel. */
export const ownTitle = (models: readonly Model[]) =>
  models.length === 0 ? "Your own runs" : `Your own runs (${models.length})`;
