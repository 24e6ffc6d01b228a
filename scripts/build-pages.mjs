// Makes the pages that are programs, the explorer and try-it: scripts that need no server, and their data as scripts.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
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
  /** Browsers since May 2024, which know `light-dark()`. */
  target: ["es2023", "chrome123", "firefox120", "safari17.5"],
  legalComments: "eof",
  logLevel: "warning",
};

/** What `ssl-hub explore` opens. */
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

/** Modules of Node are empty in a page, and two files of ours have another in their place. */
const IN_THE_PAGE = {
  name: "in-the-page",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "empty" }));
    onResolve({ filter: /(^|\/)featurize\.ts$/ }, ({ path }) => ({ path, namespace: "empty" }));
    onResolve({ filter: /\/engine\/engine\.ts$/ }, () => ({ path: `${root}docs/try/engine.ts` }));
    onLoad({ filter: /.*/, namespace: "empty" }, () => ({ contents: "module.exports = {}" }));
  },
};

/** The try-it page: TF.js, its WebAssembly, an encoder and sample images, all as scripts. */
export async function buildTry(out) {
  mkdirSync(out, { recursive: true });
  const page = (name) => `docs/try/${name}`;
  const entryPoints = { try: page("main.ts"), tf: page("tf.ts") };
  await build({ ...BUNDLE, entryPoints, outdir: out, plugins: [IN_THE_PAGE], define: { "process.env": "{}" } });
  await build({ ...BUNDLE, entryPoints: [page("try.css")], outdir: out });
  copyFileSync(`${root}${page("index.html")}`, `${out}/index.html`);
  const base64 = (path) => readFileSync(path).toString("base64");
  const wasm = `${root}node_modules/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm`;
  const script = (name, global, value) =>
    writeFileSync(`${out}/${name}`, `window.${global} = ${JSON.stringify(value).replaceAll("<", "\\u003c")};\n`);
  script("wasm.js", "SSL_HUB_WASM", base64(wasm));
  const folder = `${root}assets/tiny_ssl`;
  const shards = readdirSync(folder).filter((name) => name.endsWith(".bin"));
  script("model.js", "SSL_HUB_MODEL", {
    json: readFileSync(`${folder}/model.json`, "utf8"),
    shards: Object.fromEntries(shards.map((name) => [name, base64(`${folder}/${name}`)])),
  });
  script("samples.js", "SSL_HUB_SAMPLES", await samples());
}

const SAMPLES = 200;

/** The first of the optical digits' test images: `side * side` grey levels each. */
async function samples() {
  const { opticalDigits } = await import("../dist/src/decompose/index.js");
  const digits = await opticalDigits({ split: "test" });
  const items = await Promise.all(Array.from({ length: SAMPLES }, (_, i) => digits.item(i)));
  const grey = items.map(({ image }) => image.data.filter((_, at) => at % 3 === 0));
  const labels = items.map(({ label }) => label);
  return {
    side: items[0].image.width,
    pixels: Buffer.concat(grey).toString("base64"),
    labels,
    classes: digits.classes,
  };
}
