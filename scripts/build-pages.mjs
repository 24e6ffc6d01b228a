// Makes dist/pages/explorer, the page that `ssl-hub explore` opens: scripts that need no server, and the data of all models.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Classic scripts: browsers load no modules from file:// pages. */
export const BUNDLE = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: "iife",
  platform: "browser",
  target: ["es2023", "chrome110", "firefox115", "safari16.4"],
  legalComments: "eof",
  logLevel: "warning",
};

export async function buildExplorer(out) {
  mkdirSync(out, { recursive: true });
  const page = (name) => `docs/explorer/${name}`;
  await build({
    ...BUNDLE,
    entryPoints: { explorer: page("main.ts"), charts: page("charts.ts") },
    outdir: out,
  });
  await build({ ...BUNDLE, entryPoints: [page("explorer.css")], outdir: out });
  copyFileSync(`${root}${page("index.html")}`, `${out}/index.html`);
  const text = JSON.stringify(await explorerData());
  writeFileSync(`${out}/data.js`, `window.SSL_HUB_DATA = ${text.replaceAll("<", "\\u003c")};\n`);
}

/** Columns of the metadata and the results, and each model's card; see `ExplorerData` in docs/explorer/data.ts. */
async function explorerData() {
  const [{ cardEntries }, filter, { isNonCommercial, metadataOf }, { measuresAnother }, hubconf] = await Promise.all([
    import("../dist/src/tables/card.js"),
    import("../dist/src/tables/filter.js"),
    import("../dist/src/tables/metadata.js"),
    import("../dist/src/tables/results.js"),
    import("../dist/hubconf.js"),
  ]);
  const names = Object.keys(hubconf);
  const rows = filter.joinedRows(names);
  const columns = Object.fromEntries(
    filter
      .filterColumns()
      .filter((column) => column !== "enc")
      .map((column) => [column, rows.map((row) => row[column] ?? null)]),
  );
  const models = names.map((name) => metadataOf(name));
  columns.errata = models.map(({ meta }) => [...new Set(meta.errata.map(({ id }) => id))].join(" ") || null);
  columns.commercial = models.map(({ meta }) => (meta.license === null ? null : !isNonCommercial(meta.license)));
  columns.measures_another = names.map(measuresAnother);
  const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
  return { version, columns, cards: names.map(cardEntries) };
}
