import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { shared } from "./shared.ts";

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
    /** Raw name of a canonical key; a text where the names follow a scheme of their own. */
    rename?: Record<string, string> | string;
    extraKeys?: Record<string, (number | null)[]>;
    extraEntries?: string[];
    absentKeys?: string[];
  };
  /** Keys whose values are rounded to float16, in a `__f16` case. */
  float16Keys?: string[];
  formats: string[];
  /** lossyless: what is rounded, and the positions `[image, feature]` too near to a half to be compared. */
  rounding?: { beforeRounding: { base64: string }; nearHalf: [number, number][] };
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

export const goldenFeatures = (golden: GoldenModel): Float32Array => floats(golden.features.base64);

/** Little-endian float32 values in base64. */
export const floats = (base64: string) => new Float32Array(new Uint8Array(Buffer.from(base64, "base64")).buffer);

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
