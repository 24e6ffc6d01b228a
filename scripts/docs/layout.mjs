// The frame around each page: header, menu, headings of the page.
import { escapeHtml } from "../../dist/src/core/html.js";

/** Pages that are no Markdown. */
const APPS = [
  ["explorer/index.html", "Explorer"],
  ["try/index.html", "Try it"],
  ["api/index.html", "API"],
];

/** The links of the header; `up` leads from the page to the site's root. */
export function topLinks(apps, up = "", here = "") {
  const links = [["index.html", "Docs"], ...APPS.filter(([out]) => apps.includes(out))];
  return links.map(([out, text]) => `<a href="${up}${out}"${out === here ? ' aria-current="page"' : ""}>${text}</a>`).join("\n"); // biome-ignore format: a line
}

/** A whole page. `pages` are all of them, for the menu. */
export function layout({ page, pages, html, headings, apps, version }) {
  const sections = bySection(pages);
  const menu = [...sections].map(([section, list]) => {
    const items = list.map(({ out, title }) => {
      const own = out === page.out && headings.length > 1 && headings.length < 30;
      const inner = own ? `<ul>${headings.map(({ id, text }) => `<li><a href="#${id}">${escapeHtml(text)}</a></li>`).join("")}</ul>` : ""; // biome-ignore format: a line
      return `<li><a href="${out}"${out === page.out ? ' aria-current="page"' : ""}>${escapeHtml(title)}</a>${inner}</li>`;
    });
    return `<p class="part">${section}</p>\n<ul>\n${items.join("\n")}\n</ul>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(page.title)} - ssl-hub</title>
<link rel="icon" href="icon.svg">
<link rel="stylesheet" href="site.css">
<script>try { const theme = localStorage.getItem("ssl-hub-theme"); if (theme) document.documentElement.dataset.theme = theme } catch {}</script>
<script defer src="site.js"></script>
</head>
<body>
<a class="skip" href="#content">Skip to the text</a>
<header class="top">
<a class="brand" href="index.html">ssl-hub</a>
<nav aria-label="Site">
${topLinks(apps)}
</nav>
<span class="end"><span id="theme"></span></span>
</header>
<div class="columns">
<nav aria-label="Pages">
<details class="menu" open>
<summary>Pages</summary>
${menu.join("\n")}
</details>
</nav>
<main id="content" tabindex="-1"${page.source === "docs/models.md" ? ' class="wide"' : ""}>
${html}</main>
</div>
<footer class="note">ssl-hub ${escapeHtml(version)}</footer>
</body>
</html>
`;
}

function bySection(pages) {
  const groups = new Map();
  for (const page of pages) groups.set(page.section, [...(groups.get(page.section) ?? []), page]);
  return groups;
}
