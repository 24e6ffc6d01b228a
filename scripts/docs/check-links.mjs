// Finds dead internal links of a folder of HTML pages: files that are not there, and anchors that no element has.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

/**
 * @param folder the site's root; pages link by relative addresses.
 * @param except prefixes of addresses (relative to the root) that are not looked at.
 * @returns how many internal links there are, and the dead ones as `page: href (why)`.
 */
export function checkLinks(folder, { except = [] } = {}) {
  const pages = new Map();
  for (const file of walk(folder)) pages.set(relative(folder, file).split(sep).join("/"), undefined);
  const read = (path) => {
    if (pages.get(path) === undefined) pages.set(path, parse(readFileSync(join(folder, path), "utf8")));
    return pages.get(path);
  };
  const dead = [];
  let links = 0;
  for (const path of [...pages.keys()].filter(isPage)) {
    for (const href of read(path).links) {
      if (/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(href)) continue;
      links++;
      const why = fault(path, href, { pages, read, except });
      if (why !== undefined) dead.push(`${path}: ${href} (${why})`);
    }
  }
  return { pages: [...pages.keys()].filter(isPage).length, links, dead };
}

function fault(from, href, { pages, read, except }) {
  const [address, fragment] = href.split("#");
  if (address.startsWith("/")) return "leads out of the site's folder";
  const plain = decodeURIComponent(address.split("?")[0]);
  let to = plain === "" ? from : join(dirname(from), plain).split(sep).join("/");
  if (to.startsWith("..")) return "leads out of the site's folder";
  if (to === "." || to.endsWith("/")) to = `${to === "." ? "" : to}index.html`;
  if (except.some((prefix) => to.startsWith(prefix))) return undefined;
  if (!pages.has(to)) return "no such file";
  // A fragment with "=" is the state of an application, not an anchor.
  if (!fragment || fragment.includes("=") || !isPage(to)) return undefined;
  return read(to).anchors.has(decodeURIComponent(fragment)) ? undefined : "no such anchor";
}

const isPage = (path) => path.endsWith(".html");

function parse(html) {
  const tags = html.replace(/<!--.*?-->|<script\b[^>]*>.*?<\/script>|<style\b.*?<\/style>/gs, (part) => /^<script[^>]*>/.exec(part)?.[0] ?? ""); // biome-ignore format: a line
  const values = (names) => [...tags.matchAll(new RegExp(`<[a-z][^<>]*?\\s(?:${names})=(?:"([^"]*)"|'([^']*)')`, "gi"))].map((m) => decodeEntities(m[1] ?? m[2])); // biome-ignore format: a line
  return { links: values("href|src"), anchors: new Set([...values("id"), ...values("name")]) };
}

const decodeEntities = (text) =>
  text.replace(/&(amp|lt|gt|quot|#39|#x27);/g, (_, name) => ({ amp: "&", lt: "<", gt: ">", quot: '"' })[name] ?? "'");

function walk(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? walk(path) : [path];
  });
}
