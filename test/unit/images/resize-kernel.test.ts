import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, test } from "vitest";
import { rng } from "../../../src/core/rng.ts";
import type { Filter, Pixels, Region } from "../../../src/images/index.ts";
import { resample } from "../../../src/images/resample.ts";
import { hasKernel } from "../../../src/images/resize-kernel.ts";
import { RESIZE_WASM } from "../../../src/images/resize-wasm.ts";

const FILTERS: Filter[] = ["box", "bilinear", "hamming", "bicubic", "lanczos"];

/** Bytes of noise, many of them at the ends of the range, where rounding and clamping show. */
function noise(width: number, height: number): Pixels {
  const random = rng(width, `${height}`);
  const data = Uint8Array.from({ length: width * height * 3 }, () => {
    const byte = random.integer(512);
    return byte < 256 ? byte : byte < 384 ? 0 : 255;
  });
  return { data, width, height };
}

function compare(image: Pixels, width: number, height: number, filter: Filter, region?: Region): void {
  const [own, plain] = [true, false].map((kernel) => resample(image, width, height, filter, region, kernel)) as [
    Pixels,
    Pixels,
  ];
  expect([filter, own.width, own.height]).toEqual([filter, plain.width, plain.height]);
  // Buffer's comparison is quick; a difference is worth a slow report.
  if (Buffer.compare(own.data, plain.data) !== 0) expect(own.data).toEqual(plain.data);
}

describe("the resize kernel gives the plain path's bytes", () => {
  it("runs on this machine", () => {
    expect(hasKernel()).toBe(true);
  });

  const shapes = [
    [75, 50, 37, 31],
    [75, 50, 149, 101],
    [1, 1, 5, 7],
    [1, 40, 3, 3],
    [40, 1, 3, 3],
    [2, 3, 16, 16],
    [3, 2, 1, 1],
    [5, 5, 6, 4],
    [17, 33, 16, 32],
    [33, 17, 32, 48],
    [321, 243, 256, 194],
    [1000, 7, 224, 8],
    [7, 1000, 8, 224],
    [640, 480, 5, 3],
    [4001, 3, 2, 2], // thousands of taps
  ] as const;
  test.each(shapes)("%i x %i to %i x %i", (w, h, width, height) => {
    for (const filter of FILTERS) compare(noise(w, h), width, height, filter);
  });

  it("random shapes and regions", () => {
    const random = rng(3);
    const side = (most: number) => 1 + random.integer(most);
    for (let i = 0; i < 150; i++) {
      const [image, width, height] = [noise(side(120), side(120)), side(150), side(150)];
      const region = { left: random.integer(width), top: random.integer(height), width: 0, height: 0 };
      region.width = side(width - region.left);
      region.height = side(height - region.top);
      compare(image, width, height, FILTERS[i % FILTERS.length]!, i % 3 === 0 ? undefined : region);
    }
  });

  it("images of one colour keep it, whites and blacks do not wrap", () => {
    for (const byte of [0, 1, 128, 254, 255]) {
      const image = { data: new Uint8Array(90 * 61 * 3).fill(byte), width: 90, height: 61 };
      for (const filter of FILTERS) {
        const { data } = resample(image, 47, 112, filter, undefined, true);
        expect([filter, data.every((b) => b === byte)]).toEqual([filter, true]);
      }
    }
  });

  it("leaves what is too large for its memory to the plain path", () => {
    // The rows between the passes alone have 76 MB.
    compare(noise(1, 100_000), 256, 2, "bilinear");
  });
});

const version = spawnSync(process.env.CLANG ?? "clang-19", ["--version"], { encoding: "utf8" }).stdout ?? "";
const compiler = /clang version 19\.1\./.test(version) && spawnSync("wasm-ld-19", ["--version"]).status === 0;
test.skipIf(!compiler)(
  `the bytes are what resize.c gives${compiler ? "" : " (skipped: clang-19 and lld-19 are not here)"}`,
  () => {
    const dir = mkdtempSync(join(tmpdir(), "ssl-hub-resize-"));
    const script = fileURLToPath(new URL("../../../scripts/build-kernels.sh", import.meta.url));
    expect(spawnSync(script, [dir], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
    expect(readFileSync(join(dir, "resize.wasm")).toString("base64")).toBe(RESIZE_WASM);
    rmSync(dir, { recursive: true });
  },
);
