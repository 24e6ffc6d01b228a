export type Child = Node | string | number | null | undefined | false | readonly Child[];
type Handler = (event: Event) => void;
type Props = Record<string, string | number | boolean | null | undefined | Handler>;

/**
 * An element: functions become listeners, `true` an empty attribute, `false` and null none; text is only ever text,
 * so nothing in the data can become markup.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (name === "value" && "value" in element) (element as HTMLInputElement).value = String(value);
    else if (name === "checked") (element as unknown as HTMLInputElement).checked = value === true;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  add(element, children);
  return element;
}

function add(element: HTMLElement, children: readonly Child[]): void {
  for (const child of children) {
    if (Array.isArray(child)) add(element, child);
    else if (child !== null && child !== undefined && child !== false) element.append(child as Node | string);
  }
}

/** A text with its web addresses as links. */
export function linked(text: string): Child[] {
  return text.split(/(https?:\/\/[^\s)]+[^\s).,;])/).map((part, i) => {
    return i % 2 === 0 ? part : h("a", { href: part, rel: "noopener" }, part.replace(/^https?:\/\//, ""));
  });
}

/** A labelled select; `options` are `[value, text]`. */
export function select(
  id: string,
  label: string,
  options: readonly (readonly [string, string])[],
  value: string,
  change: (value: string) => void,
): HTMLElement {
  const control = h(
    "select",
    { id, change: (event) => change((event.target as HTMLSelectElement).value) },
    options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)),
  );
  return h("label", { class: "field" }, h("span", {}, label), control);
}

/** A labelled checkbox. */
export function checkbox(id: string, label: string, checked: boolean, change: (on: boolean) => void): HTMLElement {
  const control = h("input", {
    id,
    type: "checkbox",
    checked,
    change: (event) => change((event.target as HTMLInputElement).checked),
  });
  return h("label", { class: "check" }, control, " ", label);
}

/** Stands before a model that the user has measured. */
export const ownMark = () => h("abbr", { class: "own-mark", title: "your own run" }, "◆ ");

/** The element of the page with this id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no element #${id}.`);
  return element as T;
}
