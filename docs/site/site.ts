import { themeSwitch } from "../explorer/theme.ts";

document.getElementById("theme")!.replaceWith(themeSwitch(() => {}));

// The menu is a column beside the text; where there is no room for one it is folded.
const menu = document.querySelector<HTMLDetailsElement>("details.menu")!;
menu.open = innerWidth > 900;

for (const block of Array.from(document.querySelectorAll("main pre"))) block.setAttribute("tabindex", "0");
