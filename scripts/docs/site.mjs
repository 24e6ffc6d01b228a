// Makes the site: pages of Markdown, API reference, explorer, try-it page; then checks every internal link.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { BUNDLE, buildExplorer, buildTry } from "../build-pages.mjs";
import { checkLinks } from "./check-links.mjs";
import { layout, topLinks } from "./layout.mjs";
import { listPages, renderPage } from "./pages.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Applications of the site: where each is put, and what makes it. */
const APPS = { explorer: buildExplorer, try: buildTry };

/**
 * @param out the folder, which is made anew.
 * @param options.api whether the API reference is made; without it links to it are not checked (for quick looks).
 * @returns what {@link checkLinks} found.
 */
export async function buildSite(out, { api = true } = {}) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const apps = [...Object.keys(APPS), "api"].map((name) => `${name}/index.html`);
  const pages = listPages(root);
  const files = new Set();
  const need = (source) => {
    files.add(source);
    return `files/${source}`;
  };
  for (const page of pages) {
    const { html, headings } = renderPage(page, pages, root, need);
    writeFileSync(join(out, page.out), layout({ page, pages, html, headings, apps, version }));
  }
  for (const source of files) {
    mkdirSync(dirname(join(out, "files", source)), { recursive: true });
    copyFileSync(join(root, source), join(out, "files", source));
  }
  await build({ ...BUNDLE, entryPoints: ["docs/site/site.ts", "docs/site/site.css"], outdir: out });
  copyFileSync(join(root, "docs/site/icon.svg"), join(out, "icon.svg"));
  for (const [name, make] of Object.entries(APPS)) await addApp(name, make, join(out, name), apps);
  if (api) await (await import("./api.mjs")).buildApi(root, join(out, "api"));
  return checkLinks(out, { except: api ? [] : ["api/"] });
}

/** An application stands alone; in the site its header leads back. */
async function addApp(name, make, out, apps) {
  await make(out);
  const file = join(out, "index.html");
  const here = `${name}/index.html`;
  const links = `<nav aria-label="Site">\n${topLinks(apps, "../", here)}\n</nav>`;
  writeFileSync(file, readFileSync(file, "utf8").replace("<!--links-->", links));
}
