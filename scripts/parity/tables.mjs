// The tables of docs/parity.md and docs/verification.md, from the numbers in docs/parity.json.

/** Engines in the order of the columns. */
export const BACKENDS = ["tfjs-node", "wasm"];

/** Numbers of an architecture that a size of the input or a way to resize changes no keys of. */
const NOT_TOLD = new Set(["size", "nativeSize", "positionRule"]);

const numbersOf = (arch) => {
  const told = Object.entries(arch).filter(([key, value]) => !NOT_TOLD.has(key) && value !== undefined);
  return JSON.stringify(told.sort(([a], [b]) => (a < b ? -1 : 1)));
};

/** The name of an architecture among the named ones; lossyless's is CLIP's with a compressor. */
export function architectureName({ compressor, ...arch }, named) {
  const found = Object.keys(named).find((name) => numbersOf(named[name]()) === numbersOf(arch));
  if (found === undefined) throw new Error(`No named architecture has the numbers ${numbersOf(arch)}.`);
  return compressor === true ? `${found} + compressor` : found;
}

/** The hub name of a case: what follows two underscores tells a variation of it. */
export const modelOf = (name) => name.split("__")[0];

const number = (error) => error.toExponential(1);

function cell(found) {
  if (found === undefined) return "not run";
  return found.skipped === undefined ? number(found.error) : `does not fit: ${found.skipped}`;
}

/** A row a case. */
export function caseTable(data) {
  const names = [...new Set(BACKENDS.flatMap((backend) => Object.keys(data[backend] ?? {})))].sort();
  const rows = names.map((name) => {
    const found = BACKENDS.map((backend) => data[backend]?.[name]);
    return [name, found.find((one) => one !== undefined).form, ...found.map(cell)];
  });
  return table(["case", "file", ...BACKENDS], rows);
}

/** A row an architecture: the largest error among its cases, and in which. */
export function architectureTable(data, architectureOf) {
  const rows = new Map();
  for (const backend of BACKENDS) {
    for (const [name, found] of Object.entries(data[backend] ?? {})) {
      const architecture = architectureOf(modelOf(name));
      const row = rows.get(architecture) ?? { cases: new Set() };
      rows.set(architecture, row);
      row.cases.add(name);
      const worst = row[backend];
      if (worst === undefined || (found.error ?? 0) > (worst.error ?? 0)) row[backend] = { ...found, name };
    }
  }
  const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
  return table(
    ["architecture", "cases", ...BACKENDS.map((backend) => `${backend}, worst`)],
    sorted.map(([architecture, row]) => [
      architecture,
      String(row.cases.size),
      ...BACKENDS.map((backend) => {
        const found = row[backend];
        return `${cell(found)}${found?.error === undefined || row.cases.size === 1 ? "" : ` (${found.name})`}`;
      }),
    ]),
  );
}

/** When the numbers of an engine were measured. */
export function datesOf(cases = {}) {
  const dates = Object.values(cases)
    .map(({ date }) => date)
    .sort();
  const [first, last] = [dates.at(0) ?? "never", dates.at(-1) ?? "never"];
  return first === last ? first : `${first} to ${last}`;
}

const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** A page with the table that begins with these columns replaced. */
export function withTable(page, next) {
  const head = next.slice(0, next.indexOf("|", next.indexOf("|", 1) + 1));
  const lines = page.split("\n");
  const start = lines.findIndex((line) => line.startsWith(head));
  if (start === -1) throw new Error(`The page has no table that begins with ${head}.`);
  const length = lines.slice(start).findIndex((line) => !line.startsWith("|"));
  return lines.toSpliced(start, length === -1 ? lines.length : length, ...next.split("\n")).join("\n");
}

/** Both pages as the numbers say. */
export function renderPages({ parity, verification }, data, architectureOf) {
  const dated = (page) =>
    BACKENDS.reduce(
      (text, backend) =>
        text.replace(new RegExp(`(${backend} measured )[\\w-]+( to [\\d-]+)?`), `$1${datesOf(data[backend])}`),
      page,
    );
  return {
    parity: dated(withTable(parity, caseTable(data))),
    verification: dated(withTable(verification, architectureTable(data, architectureOf))),
  };
}
