import type { ArchSpec, KeyRule, ModelSpec } from "./core/spec.ts";
import type { OwnModel } from "./own.ts";

/** A new model as far as it is known. */
export interface NewFamily {
  model: Pick<OwnModel, "spec" | "guesses" | "dropped" | "arch">;
  sha256?: string;
  bytes?: number;
}

/** Source of the family file of one model, whose file is called `key` there. */
export function familyText(
  family: string,
  key: string,
  { model, sha256, bytes }: NewFamily,
  { url, title, year }: { url: string; title?: string; year?: number },
): string {
  const { spec, dropped, arch } = model;
  const rules = "checkpoints" in spec.weights ? spec.weights.checkpoints[0]!.rules : [];
  const known = [`url: ${JSON.stringify(url)}`, ...(sha256 === undefined ? [] : [`sha256: ${JSON.stringify(sha256)}`])];
  if (bytes !== undefined) known.push(`bytes: ${grouped(bytes)}`);
  return `${IMPORTS}

/** ${title ?? family}${year === undefined ? "" : ` (${year})`}. */
const FILES = {
  ${JSON.stringify(key)}: {
    ${known.join(",\n    ")},
  },
};

const RULES: KeyRule[] = [
${[...rules.slice(0, -1), ...dropOf(dropped)].map((rule) => `  ${code(rule)},\n`).join("")}];

export default function ${family}(file: keyof typeof FILES): ModelSpec {
  return {
    weights: { checkpoints: [{ ...FILES[file], rules: RULES }] },
    arch: ${archText(arch, spec.arch)},
    representation: ${JSON.stringify(spec.representation)},
    preprocess: [
${spec.preprocess.map((step) => `      ${code(step)},\n`).join("")}    ],
    trainTransform: ${trainingText(spec.trainTransform!)},
  };
}
`;
}

function trainingText(training: NonNullable<ModelSpec["trainTransform"]>): string {
  if ("none" in training) return code(training);
  return `[\n${training.map((step) => `      ${code(step)},\n`).join("")}    ]`;
}

const IMPORTS = [
  'import type { KeyRule, ModelSpec } from "../src/core/spec.ts";',
  'import { NAMED_ARCHITECTURES } from "./named.ts";',
].join("\n");

/** The heads that this file has, by the first parts of their names; the last rule of a guess names all there are. */
function dropOf(dropped: readonly string[]): KeyRule[] {
  const parts = [...new Set(dropped.map((name) => name.split(/[./]/)[0]!))];
  if (parts.length === 0) return [];
  const escaped = parts.map((part) => part.replace(/[^\w]/g, "\\$&"));
  return [{ drop: new RegExp(`^${escaped.length === 1 ? escaped[0] : `(${escaped.join("|")})`}\\b`) }];
}

/** A value as TypeScript of the house's form. */
function code(value: unknown): string {
  if (value instanceof RegExp) return String(value);
  if (Array.isArray(value)) return `[${value.map(code).join(", ")}]`;
  if (typeof value === "number") return numberText(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, part]) => `${key}: ${code(part)}`)
    .join(", ")} }`;
}

/** `0.2` for 1 - 0.8, which is not quite it; `1.3333333333333333` for 4 / 3. */
function numberText(value: number): string {
  const short = String(Number(value.toPrecision(12)));
  return short.length < 10 ? short : String(value);
}

function archText(name: string, arch: ArchSpec): string {
  const nativeSize = "nativeSize" in arch ? arch.nativeSize : undefined;
  const own = [`size: ${arch.size}`, ...(nativeSize === undefined ? [] : [`nativeSize: ${nativeSize}`])];
  return `{ ...NAMED_ARCHITECTURES.${name}!(), ${own.join(", ")} }`;
}

/** `94_355_933`, as the sources write long numbers. */
const grouped = (n: number) => String(n).replace(/\B(?=(\d{3})+$)/g, "_");
