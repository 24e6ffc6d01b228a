// npm run bench [names ...] [-- --quick --json --write FILE]: times of ours beside peers, interleaved in one run.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine } from "./machine.mjs";
import { renderDocument, renderSuite } from "./report.mjs";

const SUITES = [
  "convert",
  "images",
  "forward",
  "kernels",
  "folder",
  "cold",
  "probe",
  "few-shot",
  "decomposition",
  "import",
];
const HELP = `npm run bench [names ...] [-- options]

  names          ${SUITES.join(", ")}; default: all
  --quick        smaller problems, fewer rounds
  --rounds N     rounds that count (default 7, quick 3)
  --json         print one JSON object
  --write FILE   write the tables as Markdown

  PYTHON         Python interpreters, comma-separated; for each peer the first that has its modules is used
  ONNXRUNTIME    folder in whose node_modules onnxruntime-node is
  TRANSFORMERS   folder in whose node_modules @huggingface/transformers is`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    write: { type: "string" },
    rounds: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
const unknown = positionals.filter((name) => !SUITES.includes(name));
if (values.help || unknown.length > 0) {
  console.error(unknown.length > 0 ? `There is no benchmark ${unknown.join(", ")}.\n\n${HELP}` : HELP);
  process.exit(unknown.length > 0 ? 2 : 0);
}

const names = positionals.length > 0 ? SUITES.filter((name) => positionals.includes(name)) : SUITES;
const rounds = values.rounds === undefined ? (values.quick ? 3 : 7) : Number(values.rounds);
const log = (text) => console.error(text);
const dir = await mkdtemp(join(tmpdir(), "ssl-hub-bench-"));
try {
  const machine = describeMachine(values);
  const suites = [];
  for (const name of names) {
    const { default: suite } = await import(`./suites/${name}.mjs`);
    log(`${name} ...`);
    const started = performance.now();
    const result = await suite({ dir, quick: values.quick, rounds, log });
    suites.push({ name, ...result, seconds: (performance.now() - started) / 1000 });
    if (!values.json) console.log(`\n${renderSuite(suites.at(-1))}`);
    // After each, so that a run which is broken off leaves what it has measured.
    if (values.write !== undefined) await writeFile(values.write, renderDocument(machine, suites, values.write));
  }
  if (values.json) console.log(JSON.stringify({ machine, suites }, null, 2));
} finally {
  await rm(dir, { recursive: true, force: true });
}
