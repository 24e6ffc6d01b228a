import { h } from "./dom.ts";

const THEMES = [
  ["", "as the system"],
  ["light", "light"],
  ["dark", "dark"],
] as const;

/** A choice between the system's colours, light and dark; remembered where the browser lets the page. */
export function themeSwitch(changed: () => void): HTMLElement {
  const root = document.documentElement;
  const change = (event: Event) => {
    const theme = (event.target as HTMLSelectElement).value;
    if (theme === "") delete root.dataset.theme;
    else root.dataset.theme = theme;
    try {
      localStorage.setItem("ssl-hub-theme", theme);
    } catch {
      // Some browsers keep nothing for pages of a file.
    }
    changed();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  const options = THEMES.map(([value, text]) => h("option", { value, selected: value === (root.dataset.theme ?? "") }, text)); // biome-ignore format: a line
  return h("label", { class: "theme" }, h("span", {}, "Colours "), h("select", { id: "theme", change }, options));
}
