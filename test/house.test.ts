import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

/**
 * The house's rule: imports run one way, top down, without cycles. A room imports rooms of a lower rank only; a package
 * belongs to the files named here.
 */
const RANKS: [rank: number, room: RegExp][] = [
  [0, /^src\/core\//],
  [1, /^hub\//],
  [1, /^converters\//],
  [1, /^src\/images\//],
  [1, /^src\/engine\//],
  [1, /^src\/store\//],
  [1, /^src\/tables\//],
  [2, /^hubconf\.ts$/],
  [2, /^src\/encoder\//],
  [3, /^src\/(check-model|checkout|half-error|hub|links|load|memory-fit|mirror|new-family|new-model|notices|own)\.ts$/],
  [3, /^src\/decompose\//],
  [3, /^src\/analysis\//],
  [4, /^src\/index\.ts$/],
  [5, /^src\/cli\//],
];

const ENTRY_POINTS = [
  "src/index.ts",
  "src/decompose/index.ts",
  "src/analysis/index.ts",
  "converters/index.ts",
  "src/images/index.ts",
];

const PACKAGES: Record<string, RegExp> = {
  "@tensorflow/tfjs-core": /^src\/(engine|encoder|decompose)\//,
  "@tensorflow/tfjs-converter": /^src\/(engine|encoder)\//,
  "@tensorflow/tfjs-backend-wasm": /^src\/engine\/wasm\.ts$/,
  "@tensorflow/tfjs-backend-cpu": /^src\/engine\/cpu\.ts$/,
  "@tensorflow/tfjs-node": /^src\/engine\/node\.ts$/,
  "@tensorflow/tfjs-node-gpu": /^src\/engine\/node\.ts$/,
  "@tensorflow/tfjs-backend-webgpu": /^src\/engine\/webgpu\.ts$/,
  webgpu: /^src\/engine\/webgpu\.ts$/,
  "node-fetch": /^src\/store\/http\.ts$/,
  "https-proxy-agent": /^src\/store\/http\.ts$/,
  tar: /^src\/(store\/mirror|decompose\/datasets\/web-dataset)\.ts$/,
  yaml: /^src\/tables\/metadata\.ts$/,
  zod: /^src\/(tables|store)\//,
  sharp: /^src\/(images\/(decode|encode)|analysis\/render)\.ts$/,
  arquero: /^src\/tables\/frames\.ts$/,
  piscina: /^src\/encoder\/(workers|decode-worker)\.ts$/,
  typescript: /^src\/checkout\.ts$/,
  commander: /^src\/cli\/main\.ts$/,
  vega: /^src\/analysis\/render\.ts$/,
  "vega-lite": /^src\/analysis\/render\.ts$/,
};

const root = fileURLToPath(new URL("..", import.meta.url));

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
  dynamic: boolean;
}

const files = ["hubconf.ts", ...["hub", "converters", "src"].flatMap(walk)];
const imports = files.flatMap(importsOf);
const inside = imports.filter(({ to }) => !to.startsWith("package:"));

function walk(dir: string): string[] {
  return readdirSync(join(root, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = `${dir}/${entry.name}`;
    return entry.isDirectory() ? walk(path) : path.endsWith(".ts") ? [path] : [];
  });
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), "utf8");
  const statements = text.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from\s+"([^"]+)"|^import\s+"([^"]+)"/gm);
  const calls = text.matchAll(/\b(?:import|require|resolve)\(\s*"([^"]+)"\s*\)/g);
  const found = [
    ...[...statements].map((m) => ({ name: (m[2] ?? m[3])!, typeOnly: m[1] !== undefined, dynamic: false })),
    ...[...calls].map((m) => ({ name: m[1]!, typeOnly: false, dynamic: true })),
  ];
  return found
    .filter(({ name }) => !name.startsWith("node:"))
    .map(({ name, ...rest }) => {
      const to = name.startsWith(".") ? normalize(join(dirname(file), name)) : `package:${packageOf(name)}`;
      return { from: file, to, ...rest };
    });
}

function packageOf(name: string): string {
  const parts = name.split("/");
  return parts.slice(0, name.startsWith("@") ? 2 : 1).join("/");
}

const rankOf = (file: string): number => {
  const row = RANKS.find(([, room]) => room.test(file));
  if (row === undefined) throw new Error(`${file} is in no room of the house`);
  return row[0];
};

/** The folder of a file, `src/X` for those under src. */
const roomOf = (file: string) =>
  dirname(file)
    .split("/")
    .slice(0, file.startsWith("src/") ? 2 : 1)
    .join("/");

describe("the house", () => {
  test("reads its own imports", () => {
    expect(files.length).toBeGreaterThan(60);
    expect(inside.length).toBeGreaterThan(100);
  });

  test("imports run one way", () => {
    const wrong = inside.filter(({ from, to }) => {
      const [a, b] = [rankOf(from), rankOf(to)];
      if (a > b) return false;
      // Inside a room files may use each other.
      return !(a === b && roomOf(from) === roomOf(to));
    });
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test("the command line uses public entry points only", () => {
    const wrong = inside.filter(
      ({ from, to }) => from.startsWith("src/cli/") && !to.startsWith("src/cli/") && !ENTRY_POINTS.includes(to),
    );
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test("has no cycle", () => {
    const next = new Map<string, Import[]>();
    for (const edge of inside) if (!edge.typeOnly) next.set(edge.from, [...(next.get(edge.from) ?? []), edge]);
    const state = new Map<string, "open" | "done">();
    const cycles: string[] = [];
    const visit = (file: string, path: string[]): void => {
      if (state.get(file) === "done") return;
      if (state.get(file) === "open") {
        cycles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
        return;
      }
      state.set(file, "open");
      for (const { to } of next.get(file) ?? []) visit(to, [...path, file]);
      state.set(file, "done");
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  test("each package has its place", () => {
    const wrong = imports.filter(({ from, to, typeOnly }) => {
      if (!to.startsWith("package:") || typeOnly) return false;
      const place = PACKAGES[to.slice("package:".length)];
      return place === undefined || !place.test(from);
    });
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test("packages are loaded when needed, not at import", () => {
    const wrong = imports.filter(({ from, to, typeOnly, dynamic }) => {
      return to.startsWith("package:") && !typeOnly && !dynamic && !from.startsWith("src/cli/");
    });
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test("only the command line prints", () => {
    const printing = files.filter(
      (file) =>
        !file.startsWith("src/cli/") &&
        /\bconsole\.|process\.std(out|err)\.write/.test(readFileSync(join(root, file), "utf8")),
    );
    expect(printing).toEqual([]);
  });
});
