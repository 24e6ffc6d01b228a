// npm run docs: the site in out/site. Fails when an internal link is dead.
import { fileURLToPath, pathToFileURL } from "node:url";
import { buildSite } from "./site.mjs";

/** Dead links that are printed. */
const MOST = 50;

const out = fileURLToPath(new URL("../../out/site", import.meta.url));
const { pages, links, dead } = await buildSite(out);
console.log(`${pages} pages, ${links} internal links. Open ${pathToFileURL(`${out}/index.html`).href}`);
if (dead.length > 0) {
  console.error(`${dead.length} dead links:\n${dead.slice(0, MOST).join("\n")}`);
  process.exit(1);
}
