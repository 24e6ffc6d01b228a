// npm run parity [names ...] [-- --backend NAME --half --fresh]: every model against PyTorch, where the cases are.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { architectureName, architectureTable, caseTable, renderPages } from "./tables.mjs";

const HELP = `npm run parity [names ...] [-- options]

  names             cases; default: all
  --backend NAME    wasm (default), tfjs-node
  --half            also measure what float16 does to the features; takes three times as long
  --fresh           run what this commit has run already, too
  --print           print the tables and leave docs/ alone

Each case is a full-size model whose weights a formula gives: up to 5 GB of disk and 10 GB of memory, half an hour in all. A
run that is stopped goes on. The numbers go into docs/parity.json, docs/parity.md and docs/verification.md.
  SSL_HUB_SHARED    folder of the developers' cases; default ../shared`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    backend: { type: "string", default: "wasm" },
    half: { type: "boolean", default: false },
    fresh: { type: "boolean", default: false },
    print: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
const root = fileURLToPath(new URL("../..", import.meta.url));
const path = (name) => `${root}${name}`;
const stop = (text, code) => {
  console.error(text);
  process.exit(code);
};
if (values.help) stop(HELP, 0);

const cases = `${process.env.SSL_HUB_SHARED ?? path("../shared")}/golden/models/cases`;
if (!existsSync(cases)) {
  stop(
    "The cases are not here: they are no part of the repository (docs/parity.md). npm test runs small ones of every architecture.",
    0,
  );
}
const all = readdirSync(cases).map((file) => file.replace(/\.json(\.gz)?$/, ""));
const unknown = positionals.filter((name) => !all.includes(name));
if (unknown.length > 0) stop(`There is no case ${unknown.join(", ")}.\n\n${HELP}`, 2);

const version = spawnSync("git", ["describe", "--always", "--dirty"], { cwd: root, encoding: "utf8" }).stdout.trim();
const report = path(`out/parity/${values.backend}${values.half ? "-half" : ""}-${version || "unknown"}.jsonl`);
mkdirSync(path("out/parity"), { recursive: true });
if (values.fresh) rmSync(report, { force: true });
const known = () => new Map(linesOf(report).map((line) => [line.name, line]));

const wanted = positionals.length > 0 ? positionals : all;
const missing = wanted.filter((name) => !known().has(name));
console.log(`${wanted.length} cases on ${values.backend}, ${wanted.length - missing.length} of them run already.`);
let status = 0;
if (missing.length > 0) {
  const env = {
    ...process.env,
    SSL_HUB_BACKEND: values.backend,
    SSL_HUB_GOLDEN: missing.join(","),
    SSL_HUB_GOLDEN_REPORT: report,
    ...(values.half && { SSL_HUB_GOLDEN_HALF: "1" }),
  };
  const args = [path("node_modules/vitest/vitest.mjs"), "run", "--maxWorkers=1", "--reporter=verbose"];
  status =
    spawnSync(process.execPath, [...args, "test/golden/models.test.ts"], { cwd: root, env, stdio: "inherit" }).status ??
    1;
}

const file = path("docs/parity.json");
const data = JSON.parse(readFileSync(file, "utf8"));
for (const name of wanted) {
  const found = known().get(name);
  if (found === undefined) continue;
  const { form, error, skipped, float16_error } = found;
  const before = data[values.backend]?.[name];
  data[values.backend] = {
    ...data[values.backend],
    [name]: {
      form,
      ...(error === undefined ? { skipped } : { error: rounded(error) }),
      ...halfError(float16_error ?? before?.float16_error),
      date: found.date,
    },
  };
}
const hubconf = await import("../../dist/hubconf.js");
const { NAMED_ARCHITECTURES } = await import("../../dist/hub/named.js");
const architectures = new Map();
for (const [name, line] of Object.entries(hubconf)) {
  const { arch } = await line();
  if (all.some((one) => one.split("__")[0] === name))
    architectures.set(name, architectureName(arch, NAMED_ARCHITECTURES));
}
const architectureOf = (name) => architectures.get(name);
console.log(`\n${caseTable(data)}\n\n${architectureTable(data, architectureOf)}`);
if (!values.print) {
  const pages = { parity: path("docs/parity.md"), verification: path("docs/verification.md") };
  const texts = Object.fromEntries(Object.entries(pages).map(([page, at]) => [page, readFileSync(at, "utf8")]));
  const next = renderPages(texts, data, architectureOf);
  writeFileSync(file, JSON.stringify(sorted(data), null, 2));
  spawnSync(process.execPath, [path("node_modules/@biomejs/biome/bin/biome"), "format", "--write", file], {
    cwd: root,
  });
  for (const [page, at] of Object.entries(pages)) writeFileSync(at, next[page]);
}
process.exit(status);

function linesOf(at) {
  if (!existsSync(at)) return [];
  return readFileSync(at, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

function rounded(error) {
  return Number(error.toPrecision(2));
}

function halfError(error) {
  return error === undefined ? {} : { float16_error: error === null ? null : rounded(error) };
}

function sorted(object) {
  if (typeof object !== "object" || object === null) return object;
  const names = Object.keys(object).every((key) => key in data || all.includes(key))
    ? Object.keys(object).sort()
    : Object.keys(object);
  return Object.fromEntries(names.map((key) => [key, sorted(object[key])]));
}
