// npm run reliability: counts the tests and the sizes of the corpora they run, and writes both into docs/reliability.md.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
export const PAGE = "docs/reliability.md";
const HEADING = "## Counted";

/** What is checked, and the test files that hold it: whole folders end in a slash. */
export const KINDS = [
  ["conversion: readers, key rules, every architecture's keys and shapes", ["test/unit/converters/", "test/unit/registry-rules.test.ts", "test/golden/checkpoints.test.ts"]], // biome-ignore format: a line
  ["all hub names: keys, sizes, licences, metadata, errata", ["test/unit/registry.test.ts", "test/unit/errata.test.ts", "test/unit/tables/", "test/unit/layout-values.test.ts"]], // biome-ignore format: a line
  ["features against PyTorch, engines against each other", ["test/golden/models.test.ts", "test/golden/tiny.test.ts", "test/golden/tiny-models.test.ts", "test/golden/native.test.ts", "test/golden/webgpu.test.ts", "test/golden/load-options.test.ts", "test/golden/third-party.test.ts", "test/unit/engine/"]], // biome-ignore format: a line
  ["images: decoding, resizing, augmentations against PIL and torchvision", ["test/golden/images.test.ts", "test/golden/augment.test.ts", "test/unit/images/"]], // biome-ignore format: a line
  ["probes, decomposition, statistics, analysis against scikit-learn, numpy and scipy", ["test/golden/probe.test.ts", "test/golden/knn.test.ts", "test/golden/minibatch.test.ts", "test/golden/statistics.test.ts", "test/golden/analysis.test.ts", "test/unit/decompose/", "test/unit/analysis/"]], // biome-ignore format: a line
  ["hostile and damaged checkpoints", ["test/fault/checkpoint-attacks.test.ts", "test/fault/checkpoint-corpus.test.ts"]], // biome-ignore format: a line
  ["damaged images", ["test/fault/images.test.ts"]],
  ["servers that cut, lie, stall or change the file; links", ["test/fault/download.test.ts", "test/fault/components.test.ts", "test/fault/links.test.ts", "test/unit/store/"]], // biome-ignore format: a line
  ["mirrors and hostile archives", ["test/fault/mirror.test.ts", "test/fault/mirror-circle.test.ts"]],
  ["kills", ["test/fault/kill.test.ts", "test/fault/featurize.test.ts"]],
  ["races of processes and workers", ["test/fault/race.test.ts", "test/fault/encode-workers.test.ts"]],
  ["in Chromium: the converted folder alone, explorer, try-it, this site", ["test/browser/"]],
];

/** Sizes of corpora, as the tests' own constants give them: text, and file and pattern of each number in it. */
export const CORPORA = [
  ["% checkpoint files of real libraries, each cut at % places and with % single bytes changed", "test/fault/checkpoint-corpus.test.ts", [listLength("FILES"), number("CUTS"), number("FLIPS")]], // biome-ignore format: a line
  ["every image fixture damaged % times: cut, bits flipped, stretches overwritten", "test/fault/images.test.ts", [number("COPIES")]], // biome-ignore format: a line
  ["a download killed at % places of its body, then run again", "test/fault/kill.test.ts", [/test\.each\(\[([\d., ]+)\]\)/]], // biome-ignore format: a line
  ["% processes that want one file at once", "test/fault/race.test.ts", [/length: (4) /]],
  ["% processes that make one folder without any lease", "test/fault/race.test.ts", [/length: (8) /]],
];

function number(name) {
  return new RegExp(`const ${name} = ([\\d_]+);`);
}

function listLength(name) {
  return new RegExp(`const ${name} = \\[([^\\]]+)\\];`);
}

/** The sentences of {@link CORPORA} with their numbers. @throws Error when a test no longer has the number. */
export function corpora() {
  return CORPORA.map(([text, file, patterns]) => {
    const source = readFileSync(join(root, file), "utf8");
    const found = patterns.map((pattern) => {
      const match = pattern.exec(source)?.[1];
      if (match === undefined)
        throw new Error(`${file} has nothing like ${pattern}: correct scripts/docs/reliability.mjs.`);
      return /[,\n]/.test(match) ? match.split(",").filter((item) => item.trim() !== "").length : Number(match);
    });
    return `${found.reduce((sentence, count) => sentence.replace("%", String(count)), text)} (\`${file}\`)`;
  });
}

/** Names of all tests by file, collected without running them. */
function collect() {
  const dir = mkdtempSync(join(tmpdir(), "ssl-hub-count-"));
  try {
    const out = join(dir, "tests.json");
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    const { status } = spawnSync(process.execPath, [vitest, "list", `--json=${out}`], { cwd: root, stdio: ["ignore", "ignore", "inherit"] }); // biome-ignore format: a line
    if (status !== 0) throw new Error("vitest could not list the tests.");
    const counts = new Map();
    for (const { file } of JSON.parse(readFileSync(out, "utf8"))) {
      const path = relative(root, file).split(sep).join("/");
      counts.set(path, (counts.get(path) ?? 0) + 1);
    }
    return counts;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** The section of the page that numbers fill. */
export function section(counts, today) {
  const of = (places) => [...counts].filter(([file]) => places.some((place) => file === place || (place.endsWith("/") && file.startsWith(place)))); // biome-ignore format: a line
  const sum = (files) => files.reduce((total, [, count]) => total + count, 0);
  const rows = KINDS.map(([what, places]) => `| ${what} | ${sum(of(places))} | ${places.map((place) => `\`${place}\``).join(", ")} |`); // biome-ignore format: a line
  const named = new Set(KINDS.flatMap(([, places]) => of(places).map(([file]) => file)));
  const rest = [...counts].filter(([file]) => !named.has(file));
  return [
    HEADING,
    "",
    `${sum([...counts])} tests in ${counts.size} files, counted ${today} by \`npm run reliability\`, which writes this section. Tests that compare with the developers' reference cases are among them; where those are not, they say that they are skipped.`,
    "",
    "| what is checked | tests | where |",
    "|---|---|---|",
    ...rows,
    `| everything else: command line, cache, encoder, documentation | ${sum(rest)} | the other files under \`test/\` |`,
    "",
    "Some tests are many cases:",
    "",
    ...corpora().map((text) => `- ${text}`),
    "",
  ].join("\n");
}

/** The page with its counted section replaced. */
export function withSection(page, text) {
  const start = page.indexOf(`${HEADING}\n`);
  if (start < 0) throw new Error(`${PAGE} has no heading ${HEADING}.`);
  const end = page.indexOf("\n## ", start + 1);
  return page.slice(0, start) + text + (end < 0 ? "" : page.slice(end));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = join(root, PAGE);
  const page = withSection(readFileSync(path, "utf8"), section(collect(), new Date().toISOString().slice(0, 10)));
  writeFileSync(path, page);
  console.log(PAGE);
}
