import type { Page } from "playwright-core";

/** Roles that tell a screen reader nothing without a name. */
const NAMED = new Set(["button", "link", "checkbox", "radio", "textbox", "searchbox", "combobox", "listbox", "image", "img", "figure", "region", "dialog", "DisclosureTriangle", "progressbar", "navigation"]); // biome-ignore format: a line

interface AxNode {
  ignored: boolean;
  role?: { value?: string };
  name?: { value?: string };
  properties?: { name: string; value: { value?: unknown } }[];
}

/**
 * What keeps people from a page: controls, pictures and regions without a name (as Chromium's accessibility tree has them), ids
 * that occur twice, headings that skip a level, content outside of landmarks, text of too little contrast (WCAG AA: 4.5, large text
 * 3), a width that scrolls.
 */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = (await session.send("Accessibility.getFullAXTree")) as { nodes: AxNode[] };
  await session.detach();
  const nameless = nodes
    .filter(({ ignored, role, name }) => !ignored && NAMED.has(role?.value ?? "") && !name?.value?.trim())
    .map(({ role }) => `a ${role!.value} without a name`);
  return [...nameless, ...(await page.evaluate(inPage))];
}

/** Runs in the page. */
function inPage(): string[] {
  const faults: string[] = [];
  const shown = (element: Element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const told = (element: Element) => `${element.outerHTML.slice(0, 90)}`;

  const ids = Array.from(document.querySelectorAll("[id]"), ({ id }) => id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) faults.push(`the id ${id} twice`);

  const regions = Array.from(document.querySelectorAll("[role=region]"), (region) => region.getAttribute("aria-label"));
  for (const name of new Set(regions.filter((name, i) => regions.indexOf(name) !== i)))
    faults.push(`two regions ${name}`);
  for (const th of Array.from(document.querySelectorAll("th")))
    if (!th.textContent!.trim()) faults.push("an empty header");

  const open = document.querySelector("dialog[open]");
  const headings = Array.from((open ?? document).querySelectorAll("h1, h2, h3, h4")).filter(shown);
  let level = open ? 1 : 0;
  for (const heading of headings) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) faults.push(`${heading.tagName} "${heading.textContent}" after a heading of level ${level}`);
    level = own;
  }
  if (!document.documentElement.lang) faults.push("no language");

  const LANDMARKS =
    "header, nav, main, footer, search, dialog, .skip, [role=status], section[aria-labelledby], #vg-tooltip-element";
  const SIZES = { large: 24, bold: 18.66 };
  // Colours as bytes, whatever CSS writes them in.
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
  const rgba = (color: string) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return Array.from(context.getImageData(0, 0, 1, 1).data);
  };
  const luminance = (color: readonly number[]) => {
    const [r, g, b] = color.slice(0, 3).map((byte) => {
      const value = byte / 255;
      return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const backgroundOf = (element: Element | null): number[] => {
    if (element === null) return [255, 255, 255, 255];
    const color = rgba(getComputedStyle(element).backgroundColor);
    return color[3] === 255 ? color : backgroundOf(element.parentElement);
  };
  const seen = new Set<Element>();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement!;
    if (!node.textContent!.trim() || seen.has(element) || !shown(element) || element.closest("svg, script, style, noscript")) continue; // biome-ignore format: a line
    seen.add(element);
    if (element.closest(LANDMARKS) === null) faults.push(`outside of landmarks: ${told(element)}`);
    if (element.closest(":disabled") !== null) continue;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(rgba(style.color)), luminance(backgroundOf(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = Number.parseFloat(style.fontSize);
    const isLarge = size >= SIZES.large || (size >= SIZES.bold && Number(style.fontWeight) >= 700);
    if (contrast < (isLarge ? 3 : 4.5)) faults.push(`contrast ${contrast.toFixed(2)}: ${told(element)}`);
  }

  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) faults.push(`${scrollWidth} pixels wide, the window has ${clientWidth}`);
  return faults;
}
