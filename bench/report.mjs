import { median, ratio } from "./rounds.mjs";

/** One suite as a Markdown section. `metrics`: `{ key, label, unit, ratio? }`, `ratio` the word for its ratio. */
export function renderSuite(suite) {
  const { name, title, about, metrics, rows, facts = [] } = suite;
  const header = ["case", "", ...metrics.map(({ label, unit }) => (unit ? `${label}, ${unit}` : label)), "ours / peer"];
  const measured = rows.filter((row) => !row.missing);
  const body = measured.map((row) => [
    row.case,
    row.ours ? `**${row.name}**` : row.name,
    ...metrics.map(({ key }) => figure(median(row.rounds.map((round) => round[key])))),
    row.ours ? comparisons(row, measured, metrics) : "",
  ]);
  const absent = rows.filter((row) => row.missing).map((row) => `- ${row.name}: not here (${row.missing})`);
  const versions = [...new Map(measured.map((row) => [row.name, row.version]))].map(([who, v]) => `${who}: ${v}`);
  const lines = [...facts, `Versions: ${versions.join("; ")}.`].map((line) => `- ${line}`);
  return [`## ${name}: ${title}`, about, grid([header, ...body]), [...lines, ...absent].join("\n")].join("\n\n");
}

function comparisons(row, rows, metrics) {
  const peers = rows.filter((other) => row.against.includes(other.name) && other.case === row.case);
  const of = (peer) =>
    metrics
      .filter((metric) => metric.ratio)
      .map(({ key, ratio: word }) => ({ word, ...ratio(row, peer, key) }))
      .filter(({ median: value }) => Number.isFinite(value))
      .map(({ word, median: value, min, max }) => `${word} ${figure(value)} (${figure(min)}-${figure(max)})`);
  return peers.map((peer) => `${peer.name}: ${of(peer).join(", ")}`).join("<br>");
}

/** Three significant digits, without exponents where a reader needs none. */
export function figure(value) {
  if (value === undefined || Number.isNaN(value)) return "";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3) return value.toExponential(1);
  return size >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

function grid(rows) {
  const widths = rows[0].map((_, i) => Math.max(3, ...rows.map((row) => row[i].length)));
  const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  return [line(rows[0]), line(widths.map((width) => "-".repeat(width))), ...rows.slice(1).map(line)].join("\n");
}

/** The page of a run; `file` is where it goes. */
export function renderDocument(machine, suites, file) {
  const { cpu, cores, memoryGiB, system, node, loadAtStart, date, quick, rounds } = machine;
  const names = suites.map(({ name }) => name).join(" ");
  const options = [...(quick ? ["--quick"] : []), ...(rounds ? [`--rounds ${rounds}`] : []), `--write ${file}`].join(
    " ",
  );
  return `# Benchmarks: ${suites.map(({ name }) => name).join(", ")}

Written by \`npm run bench -- ${names} ${options}\`; do not edit.${quick ? " Quick runs are short: mind the ranges." : ""}
Contenders run in turn in one run, after a warm-up round: A B C A B C ... Numbers are medians over the rounds. A ratio is
ours / peer within a round: its median, in brackets its range. Times and CPU are better when smaller, images/s when larger.
CPU is user + system time of all threads. Peers that are not installed are left out: \`npm run bench -- --help\` says how
they are found.

- Machine: ${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}; load ${loadAtStart} when it started
- Node ${node}; ${date}

${suites.map(renderSuite).join("\n\n")}
`;
}
