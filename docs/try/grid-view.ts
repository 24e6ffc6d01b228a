import { byId, h, select } from "../explorer/dom.ts";
import { neighbours } from "./learn.ts";
import { classNumber, type Item, labelCounts, labelled, type Page } from "./page.ts";

/** Neighbours that are shown. */
const NEIGHBOURS = 8;

/** The image that the Tab key reaches: hundreds of stops would keep a keyboard from what follows. */
let reachable = 0;

/** The images as buttons, what a click does, and the neighbours of the one that is selected. */
export function renderGrid(page: Page): void {
  const focused = document.activeElement?.id ?? "";
  reachable = Math.min(reachable, page.items.length - 1);
  byId("grid").onkeydown = (event) => onKey(page, event);
  byId("tools").replaceChildren(...tools(page));
  byId("grid").replaceChildren(...page.items.map((item, i) => tile(page, item, i)));
  byId("side").replaceChildren(...side(page));
  if (focused !== "") document.getElementById(focused)?.focus({ preventScroll: true });
}

/** Arrows, Home and End go to another image; digits label the one that has the focus. */
function onKey(page: Page, event: KeyboardEvent): void {
  const tiles = Array.from(byId("grid").children) as HTMLElement[];
  const at = tiles.indexOf(document.activeElement as HTMLElement);
  if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^\d$/.test(event.key)) {
    const label = Number(event.key) - 1;
    if (label >= page.classes.length) return;
    page.items[at]!.label = label;
    page.changed();
    return;
  }
  const columns = tiles.filter(({ offsetTop }) => offsetTop === tiles[0]!.offsetTop).length;
  const moves: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns, Home: 0, End: tiles.length - 1 }; // biome-ignore format: a line
  const to = moves[event.key];
  if (to === undefined || tiles[to] === undefined) return;
  event.preventDefault();
  tiles[at]!.tabIndex = -1;
  tiles[to]!.tabIndex = 0;
  reachable = to;
  tiles[to]!.focus();
}

function tools(page: Page): HTMLElement[] {
  const counts = labelCounts(page);
  const choices: [string, string][] = [
    ["", "shows its neighbours"],
    ...page.classes.map((name, i) => [String(i), `labels it ${name} (${counts[i]})`] as [string, string]),
  ];
  const active = page.active === null ? "" : String(page.active);
  const choose = (value: string) => {
    page.active = value === "" ? null : Number(value);
    page.changed();
  };
  const name = h("input", { id: "new-class", placeholder: "cat", maxlength: 40, autocomplete: "off" });
  const submit = (event: Event) => {
    event.preventDefault();
    const text = name.value.trim();
    if (text === "") return;
    page.active = classNumber(page, text);
    page.changed();
    byId("click-does").focus();
  };
  const folders = page.items.some(({ folder }) => folder !== "");
  return [
    select("click-does", "A click on an image", choices, active, choose),
    h(
      "form",
      { class: "controls", submit },
      h("label", { class: "field" }, h("span", {}, "New class"), name),
      h("button", {}, "Add"),
    ),
    ...(folders ? [button("use-folders", "Take folder names as labels", () => useFolders(page))] : []),
    button("clear-labels", "Clear labels", () => clearLabels(page)),
    button("save-features", "Save features (CSV)", () => save(page)),
  ];
}

const button = (id: string, text: string, click: () => void) => h("button", { type: "button", id, click }, text);

function useFolders(page: Page): void {
  const names = [...new Set(page.items.map(({ folder }) => folder).filter(Boolean))].sort();
  for (const name of names) classNumber(page, name);
  for (const item of page.items) if (item.folder !== "") item.label = page.classes.indexOf(item.folder);
  page.changed();
}

function clearLabels(page: Page): void {
  for (const item of page.items) Object.assign(item, { label: -1, guess: null });
  Object.assign(page, { classes: [], active: null });
  page.changed();
}

function tile(page: Page, item: Item, index: number): HTMLElement {
  const own = item.label >= 0 ? page.classes[item.label]! : null;
  const guess = item.guess !== null && !item.guess.fitted ? page.classes[item.guess.label]! : null;
  const percent = item.guess === null ? "" : ` ${Math.round(100 * item.guess.probability)}%`;
  const wrong = own !== null && guess !== null && own !== guess;
  const click = () => {
    reachable = index;
    if (page.active === null) page.selected = index;
    else item.label = item.label === page.active ? -1 : page.active;
    page.changed();
  };
  const label = `${item.name}${own === null ? "" : `, label ${own}`}${guess === null ? "" : `, predicted ${guess}${percent}`}`;
  return h(
    "button",
    { type: "button", id: `image-${index}`, class: page.selected === index ? "tile selected" : "tile", title: item.name, "aria-label": label, "aria-pressed": page.selected === index, tabindex: index === reachable ? 0 : -1, click }, // biome-ignore format: a line
    h("img", { src: item.thumbnail, alt: "" }),
    h("span", { class: "own" }, own ?? ""),
    h(
      "span",
      { class: wrong ? "guess wrong" : "guess" },
      guess === null ? "" : `${wrong ? "✗ " : ""}${guess}${percent}`,
    ),
  );
}

function side(page: Page): HTMLElement[] {
  if (page.selected === null)
    return [h("p", { class: "note" }, "Click an image to see which others are nearest to it.")];
  const item = page.items[page.selected]!;
  const near = neighbours(labelled(page).features, page.selected).slice(0, NEIGHBOURS);
  const list = near.map(({ row, similarity }) => {
    const other = page.items[row]!;
    const click = () => {
      page.selected = row;
      page.changed();
    };
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", id: `near-${row}`, class: "near", click },
        h("img", { src: other.thumbnail, alt: "" }),
        h("span", {}, h("span", { class: "name" }, other.name), h("br"), `cosine ${similarity.toFixed(3)}`),
      ),
    );
  });
  return [
    h("h3", {}, `Nearest to ${item.name}`),
    h("img", { class: "large", src: item.thumbnail, alt: item.name }),
    h("p", { class: "note" }, `${item.pixels.width} x ${item.pixels.height} pixels${item.exact ? "" : ", decoded by the browser"}`), // biome-ignore format: a line
    h("ol", { class: "neighbours" }, list),
  ];
}

/** One line an image: name, label, features as the shortest decimals that give the same float32. */
function save(page: Page): void {
  const quote = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const head = ["name", "label", ...Array.from({ length: page.zDim }, (_, i) => `z${i}`)].join(",");
  const lines = page.items.map(({ name, label, features }) =>
    [quote(name), quote(label < 0 ? "" : page.classes[label]!), ...Array.from(features!, shortest)].join(","),
  );
  const url = URL.createObjectURL(new Blob([`${[head, ...lines].join("\n")}\n`], { type: "text/csv" }));
  h("a", { href: url, download: "features.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function shortest(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return value.toPrecision(9);
}
