// The pages of the site: which there are, in which order, and how Markdown becomes HTML.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, normalize, posix, relative } from "node:path";
import MarkdownIt from "markdown-it";
import { escapeHtml } from "../../dist/src/core/html.js";

/** Sections of the menu: sources relative to the root. Other pages under docs/ come last, so that none is forgotten. */
const MENU = [
  ["Start", ["README.md", "docs/guide.md", "docs/tutorial.md"]],
  [
    "Models",
    [
      "docs/models.md",
      "docs/metadata.md",
      "docs/explorer.md",
      "docs/try.md",
      "docs/own-checkpoints.md",
      "docs/mirrors.md",
    ],
  ],
  [
    "Measure",
    [
      "docs/decompose.md",
      "docs/probes.md",
      "docs/few-shot.md",
      "docs/tuning.md",
      "docs/compare.md",
      "docs/statistics.md",
      "docs/train-transforms.md",
      "docs/analysis.md",
    ],
  ],
  [
    "Trust",
    [
      "docs/verification.md",
      "docs/security.md",
      "docs/checkpoints.md",
      "docs/reliability.md",
      "docs/performance.md",
      "docs/benchmarks.md",
    ],
  ],
  ["Build", ["docs/engines.md", "docs/kernels.md", "CONTRIBUTING.md", "CHANGELOG.md"]],
];

const OUT = { "README.md": "index.html", "CONTRIBUTING.md": "contributing.html", "CHANGELOG.md": "changelog.html" };

/** `{ source, out, title, section }` of every page there is. */
export function listPages(root) {
  const there = (source) => existsSync(join(root, source));
  const named = MENU.flatMap(([section, sources]) => sources.filter(there).map((source) => ({ section, source })));
  const known = new Set(named.map(({ source }) => source));
  const others = readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md") && !known.has(`docs/${name}`))
    .map((name) => ({ section: "More", source: `docs/${name}` }));
  return [...named, ...others].map(({ section, source }) => {
    const text = readFileSync(join(root, source), "utf8");
    const out = OUT[source] ?? posix.basename(source).replace(/\.md$/, ".html");
    const title = source === "README.md" ? "Overview" : (/^# (.+)$/m.exec(text)?.[1] ?? posix.basename(source, ".md"));
    return { section, source, out, title, text };
  });
}

/**
 * A page's Markdown as HTML. Links to other sources lead to their pages; other files of the repository that are linked
 * are told to `need`, which gives their address in the site. What leads nowhere stays as it is, for the link checker.
 * @returns `{ html, headings }`, headings of level 2 for the page's own menu.
 */
export function renderPage(page, pages, root, need) {
  const outOf = new Map(pages.map(({ source, out }) => [source, out]));
  const md = new MarkdownIt({ html: false, linkify: false });
  const headings = [];
  const slugs = counter();
  const address = (href) => {
    if (/^([a-z]+:|#|\/)/i.test(href)) return href;
    const [path, fragment] = href.split("#");
    const source = posix.normalize(posix.join(posix.dirname(page.source), path));
    const end = fragment === undefined ? "" : `#${fragment}`;
    if (outOf.has(source)) return outOf.get(source) + end;
    if (/^docs\/(explorer|try)\/index\.html$/.test(source)) return source.slice("docs/".length) + end;
    const file = join(root, source);
    const inside = !relative(root, normalize(file)).startsWith("..");
    return inside && existsSync(file) && statSync(file).isFile() ? need(source) + end : href;
  };
  md.core.ruler.push("site", (state) => {
    const { tokens } = state;
    const tables = counter((name, count) => (count === 0 ? name : `${name}, ${count + 1}`));
    let heading = page.title;
    for (const [i, token] of tokens.entries()) {
      if (token.type === "table_open") token.meta = { label: tables(heading) };
      // A corner without a word is no header.
      if (token.type === "th_open" && tokens[i + 1].content.trim() === "") token.tag = tokens[i + 2].tag = "td";
      for (const child of token.children ?? []) {
        const name = child.type === "link_open" ? "href" : child.type === "image" ? "src" : undefined;
        if (name !== undefined) child.attrSet(name, address(child.attrGet(name)));
      }
      if (token.type !== "heading_open") continue;
      const text = plain(tokens[i + 1]);
      heading = text;
      const id = slugs(text.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/g, "-")); // biome-ignore format: a line
      token.attrSet("id", id);
      if (token.tag === "h2") headings.push({ id, text });
    }
  });
  md.renderer.rules.table_open = (tokens, i) =>
    `<div class="scroll" role="region" tabindex="0" aria-label="Table: ${escapeHtml(tokens[i].meta.label)}"><table>\n`;
  md.renderer.rules.table_close = () => "</table></div>\n";
  if (page.source === "docs/models.md") linkCards(md);
  return { html: md.render(page.text), headings };
}

/** Each model's card leads to the explorer's. */
function linkCards(md) {
  md.renderer.rules.heading_close = (tokens, i, options, _env, self) => {
    const name = plain(tokens[i - 1]);
    const link = `<p><a href="explorer/index.html#view=table&amp;model=${name}">In the explorer</a></p>\n`;
    return self.renderToken(tokens, i, options) + (tokens[i].tag === "h3" && /^\w+$/.test(name) ? link : "");
  };
}

const plain = (inline) => (inline.children ?? []).map(({ type, content }) => (type === "text" || type === "code_inline" ? content : "")).join(""); // biome-ignore format: a line

/** Tells repeated names apart; headings' ids as GitHub makes them, so that links work in both places. */
function counter(numbered = (slug, count) => (count === 0 ? slug : `${slug}-${count}`)) {
  const seen = new Map();
  return (name) => {
    const count = seen.get(name) ?? 0;
    seen.set(name, count + 1);
    return numbered(name, count);
  };
}
