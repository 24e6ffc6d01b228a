import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sha256 } from "../../../src/core/hash.ts";
import type { Filter, Pixels } from "../../../src/images/index.ts";

type RGB = [number, number, number];

/** What PIL 9.4 and torchvision 0.14 make of the fixtures; written by scripts/make_images.py. */
interface Expected {
  decode: Record<string, { size: [number, number]; sha256: string } | { error: string }>;
  resize: { input: string; cases: { filter: Filter; size: [number, number]; sha256: string }[] };
  pipeline: Pipelines;
  pipeline_small: Pipelines;
}
interface Pipelines {
  input: string;
  cases: {
    size: number;
    crop: number;
    interpolation: "bilinear" | "bicubic";
    mean: RGB;
    std: RGB;
    sha256: string;
  }[];
}

export const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/images/${name}`, import.meta.url));
export const fixtureBytes = (name: string) => new Uint8Array(readFileSync(fixture(name)));
export const expected: Expected = JSON.parse(readFileSync(fixture("expected.json"), "utf8"));

/** SHA-256 of the bytes behind a typed array. */
export const digest = (data: Uint8Array | Float32Array) =>
  sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));

/** An image whose bytes are `0, 1, 2, ...` modulo 251. */
export function ramp(width: number, height: number): Pixels {
  return { data: Uint8Array.from({ length: width * height * 3 }, (_, i) => i % 251), width, height };
}
