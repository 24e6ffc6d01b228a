import { readFileSync } from "node:fs";
import { sha256 } from "../../src/core/hash.ts";
import { decode, type Pixels } from "../../src/images/index.ts";
import { hasShared, shared } from "./shared.ts";

/** Of the bytes behind an array: equality is to the byte and to the bit, no tolerance. */
export const digest = (data: Uint8Array | Float32Array) =>
  sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));

export const golden = (file: string) => shared(`golden/images/${file}`);

/** A golden file as JSON; without cases where the goldens are not here. */
export const load = (file: string) =>
  hasShared ? JSON.parse(readFileSync(golden(file), "utf8")) : { cases: [], inputs: {} };

export const title = (what: string, here: boolean) => `${what}${here ? "" : " (skipped: goldens are not here)"}`;

/** An input image of the goldens: a file, or a formula. */
export interface Input {
  kind: "png" | "lcg" | "tri" | "checker" | "impulse" | "solid";
  w: number;
  h: number;
  sha256: string;
  file?: string;
  [parameter: string]: unknown;
}

/** The formulas of the goldens' README: a byte from x, y, channel. */
function formula(input: Input): (x: number, y: number, c: number) => number {
  const p = input as unknown as Record<"seed" | "a" | "b" | "d" | "k", number> & { at: number[][]; rgb: number[] };
  const t = (v: number) => Math.abs((v % 510) - 255);
  let state = p.seed;
  switch (input.kind) {
    case "lcg":
      return () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state >>> 24;
      };
    case "tri":
      return (x, y, c) => (t(p.a * x + 85 * c) + t(p.b * y + (x >> 1) + c * p.d)) >> 1;
    case "checker":
      return (x, y, c) => {
        const on = (Math.floor(x / p.k) + Math.floor(y / p.k)) & 1;
        return [on * 255, (1 - on) * (x % 256), on * (y % 256)][c]!;
      };
    case "impulse":
      return (x, y, c) => (p.at.some(([px, py]) => px === x && py === y) ? [255, 128, 64][c]! : 0);
    default:
      return (_x, _y, c) => p.rgb[c]!;
  }
}

const made = new Map<string, Pixels>();
export async function makeInput(name: string, input: Input): Promise<Pixels> {
  const kept = made.get(name);
  if (kept) return kept;
  const { w: width, h: height } = input;
  const image = input.kind === "png" ? await decode(golden(input.file!)) : fill(width, height, formula(input));
  if (digest(image.data) !== input.sha256) throw new Error(`the golden input ${name} is not made as it was`);
  made.set(name, image);
  return image;
}

function fill(width: number, height: number, at: (x: number, y: number, c: number) => number): Pixels {
  const data = new Uint8Array(width * height * 3);
  let i = 0;
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) for (let c = 0; c < 3; c++) data[i++] = at(x, y, c);
  return { data, width, height };
}
