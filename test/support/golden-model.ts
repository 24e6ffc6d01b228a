import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { fill } from "./formula.ts";
import { shared } from "./shared.ts";
import type { TensorEntry, Tree } from "./write-torch.ts";

/** A parity case: weights and input from a formula, and the features PyTorch gave for them. */
export interface GoldenModel {
  name: string;
  seed: number;
  input: { shape: [number, number, number, number] };
  canonicalKeys: Record<string, number[]>;
  init: { rules: ([number, number] | string)[]; of: number[] };
  alias: Record<string, string>;
  rawLayout: {
    container: string[];
    prefix: string;
    rename?: Record<string, string>;
    extraKeys?: Record<string, number[]>;
    extraEntries?: string[];
    absentKeys?: string[];
  };
  formats: string[];
  features: { shape: [number, number]; base64: string };
  zDim: number;
}

const CASES = "golden/models/cases";

export const goldenNames = () =>
  readdirSync(shared(CASES))
    .map((file) => file.replace(/\.json(\.gz)?$/, ""))
    .sort();

export function readGolden(name: string): GoldenModel {
  const files = readdirSync(shared(CASES));
  const file = files.find((f) => f === `${name}.json` || f === `${name}.json.gz`);
  const bytes = readFileSync(shared(`${CASES}/${file}`));
  return JSON.parse((file!.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString());
}

export function goldenFeatures(golden: GoldenModel): Float32Array {
  const bytes = Buffer.from(golden.features.base64, "base64");
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** What the official file of a case holds, container and bystanders included, as `torch.save` would take it. */
export function officialTree(golden: GoldenModel): Tree {
  const { container, prefix, rename, extraKeys = {}, extraEntries = [], absentKeys = [] } = golden.rawLayout;
  const state: Tree = {};
  Object.entries(golden.canonicalKeys).forEach(([key, shape], j) => {
    if (absentKeys.some((text) => key.includes(text))) return;
    state[rename?.[key] ?? prefix + key] = entry(golden, key, shape, golden.init.rules[golden.init.of[j]!]!);
  });
  for (const [key, shape] of Object.entries(extraKeys)) state[key] = entry(golden, key, shape, [0, 0.1]);
  const wrapped = container.reduceRight<Tree>((inner, key) => ({ [key]: inner }), state);
  return container.length === 0
    ? wrapped
    : { ...Object.fromEntries(extraEntries.map((name) => [name, 1])), ...wrapped };
}

function entry(golden: GoldenModel, key: string, shape: number[], rule: [number, number] | string): TensorEntry {
  const n = shape.reduce((a, b) => a * b, 1);
  if (typeof rule === "string") return { shape, dtype: "int64", values: () => new BigInt64Array(n) };
  return { shape, values: () => fill(golden.alias[key] ?? key, n, golden.seed, ...rule) };
}

/** ||a - b|| / ||b|| over all values. */
export function relativeL2(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}
