import { cardView } from "./card-view.ts";
import { columnInfo } from "./columns.ts";
import { compareView } from "./compare-view.ts";
import { type Kind, type Model, readData } from "./data.ts";
import { byId, checkbox, h, select } from "./dom.ts";
import { labelsView } from "./labels-view.ts";
import { OwnRuns, PAPER } from "./own.ts";
import { ownTitle, ownView } from "./own-view.ts";
import { linkTo, type Page } from "./page.ts";
import { riskView } from "./risk-view.ts";
import { scatterView } from "./scatter-view.ts";
import { selectModels } from "./select.ts";
import { DEFAULTS, FACETS, fromHash, type State, toHash, VIEWS, type View } from "./state.ts";
import { tableView } from "./table-view.ts";
import { themeSwitch } from "./theme.ts";

const RENDER: Record<View, (page: Page) => HTMLElement[]> = {
  table: tableView,
  scatter: scatterView,
  risk: riskView,
  labels: labelsView,
  compare: compareView,
};

const hub = readData();
const runs = new OwnRuns();
let models = joined();
const view = byId("view");
const dialog = byId<HTMLDialogElement>("card");

let page: Page;

/** The hub's models and the user's own. Where there are own ones, a column says whose a measurement is. */
function joined() {
  const kinds = new Map<string, Kind>(hub.kinds);
  const own = runs.models(hub.models, hub.kinds);
  const whose = (model: Model): Model => ({ ...model, row: { ...model.row, whose: model.row.train_test === null ? null : PAPER } }); // biome-ignore format: a line
  if (own.length > 0) kinds.set("whose", "text");
  const all = own.length === 0 ? hub.models : [...hub.models.map(whose), ...own];
  const byName = new Map(all.map((model) => [model.row.name, model]));
  return { all, own, byName, kinds, known: { columns: new Set(kinds.keys()), names: new Set(byName.keys()) } };
}

/** The files of runs are other ones: everything is made anew. */
function runsChanged(): void {
  models = joined();
  show(fromHash(location.hash, models.known), { anew: true });
  byId<HTMLDetailsElement>("runs-details").open = true;
}

function show(state: State, { anew = false } = {}): void {
  const [shown, fault] = selected(state);
  const before = anew ? undefined : page?.state;
  const { all, byName, kinds } = models;
  page = { state, models: shown, all, byName, kinds, go };
  renderNav();
  renderOwn();
  if (before === undefined || filtersDiffer(before, state)) renderFilters(fault);
  else renderFault(fault);
  byId("count").textContent = count(shown);
  if (before === undefined || toHash({ ...before, model: null }) !== toHash({ ...state, model: null })) renderView();
  renderCard();
}

function selected(state: State): [Model[], string | undefined] {
  try {
    return [selectModels(models.all, state), undefined];
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return [selectModels(models.all, { ...state, where: "" }), error.message];
  }
}

/** Goes to the present state changed so, and writes it to the address. */
function go(change: Partial<State>, how?: "replace"): void {
  const state = { ...page.state, ...change };
  if (how === "replace") history.replaceState(null, "", toHash(state));
  else history.pushState(null, "", toHash(state));
  show(state);
}

function count(shown: readonly Model[]): string {
  const measured = shown.filter(({ row, own }) => row.train_test !== null && own === undefined).length;
  const own = shown.filter((model) => model.own !== undefined).length;
  const chosen = page.state.pick.length > 0 ? `, ${page.state.pick.length} chosen` : "";
  return `${shown.length} of ${models.all.length} models, ${measured} measured${own > 0 ? `, ${own} yours` : ""}${chosen}`;
}

function renderOwn(): void {
  byId("runs-title").textContent = ownTitle(models.own);
  keepFocus(byId("runs"), () => byId("runs").replaceChildren(...ownView(page, runs, models.own, runsChanged)));
}

function renderNav(): void {
  const links = Object.entries(VIEWS).map(([name, text]) => {
    const here = page.state.view === name;
    const number = name === "compare" && page.state.pick.length > 0 ? ` (${page.state.pick.length})` : "";
    const href = linkTo(page, { view: name as View, model: null });
    return h("a", { href, id: `view-${name}`, "aria-current": here ? "page" : null }, text + number);
  });
  keepFocus(byId("views"), () => byId("views").replaceChildren(...links));
}

/** Whether the controls above the view must be made anew; what is being typed is left alone. */
function filtersDiffer(before: State, state: State): boolean {
  const key = ({ q, where, facets, measured, own }: State) => JSON.stringify([q, where, facets, measured, own]);
  const typing = ["search", "where"].includes(document.activeElement?.id ?? "");
  return key(before) !== key(state) && !typing;
}

function renderFilters(fault: string | undefined): void {
  const { state } = page;
  const typed = (id: string, key: "q" | "where", label: string, placeholder: string) => {
    const input = (event: Event) => go({ [key]: (event.target as HTMLInputElement).value }, "replace");
    const described = key === "where" ? "fault" : null;
    const control = h("input", { id, type: "search", value: state[key], placeholder, input, autocomplete: "off", spellcheck: "false", "aria-describedby": described }); // biome-ignore format: a line
    return h("label", { class: `field ${key}` }, h("span", {}, label), control);
  };
  const facets = FACETS.map((column) => {
    const change = (value: string) => go({ facets: { ...page.state.facets, [column]: value || undefined } });
    return select(
      `facet-${column}`,
      columnInfo(column).label,
      facetOptions(column),
      state.facets[column] ?? "",
      change,
    );
  });
  const reset = () => {
    const { q, where, facets: none, measured, own } = DEFAULTS;
    go({ q, where, facets: none, measured, own });
    renderFilters(undefined);
  };
  const inside = [
    facets,
    typed("where", "where", "Conditions", "train_test<=30 n_parameters<=30e6"),
    checkbox("measured", "measured only", state.measured, (measured) => go({ measured })),
    checkbox("own", "without rows that measure another model", state.own, (own) => go({ own })),
    h("button", { type: "button", id: "reset", click: reset }, "Reset filters"),
  ];
  const open = document.querySelector<HTMLDetailsElement>("#more")?.open ?? innerWidth > NARROW;
  const parts = [
    typed("search", "q", "Search", "dino rn50, or clip*"),
    h("details", { id: "more", class: "more", open }, h("summary", {}, "Filters"), h("div", {}, inside)),
    h("p", { id: "fault", class: "fault", role: "alert" }, fault ?? ""),
  ];
  keepFocus(byId("filters"), () => byId("filters").replaceChildren(...parts));
}

/** Below this width, in CSS pixels, the filters are folded at first. */
const NARROW = 640;

function renderFault(fault: string | undefined): void {
  byId("fault").textContent = fault ?? "";
}

/** The words of a column by frequency. */
function facetOptions(column: string): [string, string][] {
  const counts = new Map<string, number>();
  for (const { row } of models.all) {
    const word = String(row[column] ?? "none");
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const words = [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  const shown = (word: string) => (word === "true" ? "yes" : word === "false" ? "no" : word);
  return [["", "any"], ...words.map(([word, n]) => [word, `${shown(word)} (${n})`] as [string, string])];
}

function renderView(): void {
  const scrolled = (id: string) => document.getElementById(id)?.scrollLeft ?? 0;
  const left = scrolled("table-scroll");
  const open = document.querySelector<HTMLDetailsElement>("#chooser")?.open ?? false;
  keepFocus(view, () => view.replaceChildren(h("h1", { class: "hidden-text" }, VIEWS[page.state.view]), ...RENDER[page.state.view](page))); // biome-ignore format: a line
  const chooser = document.querySelector<HTMLDetailsElement>("#chooser");
  if (chooser) chooser.open = open;
  const table = document.getElementById("table-scroll");
  if (table) table.scrollLeft = left;
}

/** Elements are made anew; the focus goes to the one with the same id. */
function keepFocus(part: HTMLElement, change: () => void): void {
  const id = part.contains(document.activeElement) ? document.activeElement!.id : "";
  change();
  if (id !== "") document.getElementById(id)?.focus({ preventScroll: true });
}

function renderCard(): void {
  const { model } = page.state;
  document.title = model === null ? `ssl-hub explorer: ${VIEWS[page.state.view]}` : `${model} - ssl-hub explorer`;
  if (model === null) {
    if (dialog.open) dialog.close();
    return;
  }
  keepFocus(dialog, () => dialog.replaceChildren(...cardView(page, models.byName.get(model)!, () => dialog.close())));
  if (!dialog.open) {
    dialog.showModal();
    dialog.scrollTop = 0;
  }
}

dialog.addEventListener("close", () => {
  if (page.state.model !== null) go({ model: null });
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
window.addEventListener("hashchange", () => show(fromHash(location.hash, models.known)));

const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
document.addEventListener("dragover", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  byId("own-runs").classList.add("over");
});
document.addEventListener("dragleave", () => byId("own-runs").classList.remove("over"));
document.addEventListener("drop", (event) => {
  byId("own-runs").classList.remove("over");
  if (!holdsFiles(event)) return;
  event.preventDefault();
  void runs.add(Array.from(event.dataTransfer!.files)).then(runsChanged);
});
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  view.focus();
});
byId("theme").replaceWith(themeSwitch(() => renderView()));
byId("version").textContent = hub.version;
byId<HTMLDetailsElement>("runs-details").open = runs.faults.length > 0;
show(fromHash(location.hash, models.known));
