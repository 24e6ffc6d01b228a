import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { assetPath } from "../core/assets.ts";
import { HubError } from "../core/errors.ts";
import type { Dataset } from "./dataset.ts";
import { arrays, imageArrays } from "./datasets/arrays.ts";
import type { FeatureSet } from "./types.ts";

/** `test` is row i with i % 7 = 3, `train` the others; `all` in the order of scikit-learn's `load_digits`. */
export type DigitsSplit = "all" | "train" | "test";

const SIDE = 8;
const PIXELS = SIDE * SIDE;
const CLASSES = Array.from({ length: 10 }, (_, digit) => String(digit));

/**
 * The optical digits shipped with the package: 1797 real handwritten digits of 8x8 pixels, as RGB images (grey level v of
 * 0..16 becomes v * 255 / 16, rounded).
 *
 * Alpaydin and Kaynak (1998), UCI Machine Learning Repository, CC BY 4.0; see assets/digits-LICENSE.txt.
 */
export async function opticalDigits(options: { split?: DigitsSplit } = {}): Promise<Dataset> {
  const { pixels, labels } = await readDigits(options.split);
  const images = Array.from(labels, (_, i) => ({ data: rgb(pixels.subarray(i * PIXELS, (i + 1) * PIXELS)), ...SIZE }));
  return imageArrays(images, labels, { classes: CLASSES, name: `digits-${options.split ?? "all"}` });
}

/** The same rows as raw features: 64 grey levels 0..16, row-major. What the probes' reference values are made on. */
export async function digitsFeatures(options: { split?: DigitsSplit } = {}): Promise<FeatureSet> {
  const { pixels, labels } = await readDigits(options.split);
  return arrays(Float32Array.from(pixels), labels, { dim: PIXELS, classes: CLASSES });
}

const SIZE = { width: SIDE, height: SIDE };

async function readDigits(split: DigitsSplit = "all"): Promise<{ pixels: Uint8Array; labels: Int32Array }> {
  const path = assetPath("digits.csv.gz");
  const text = (await promisify(gunzip)(await readFile(path), { maxOutputLength: 1 << 20 })).toString("latin1");
  const rows = text
    .trimEnd()
    .split("\n")
    .filter((_, i) => split === "all" || (i % 7 === 3) === (split === "test"))
    .map((line) => line.split(",").map(Number));
  if (!rows.every((row) => row.length === PIXELS + 1 && row.every((v) => v >= 0 && v <= 16))) {
    throw new HubError(
      "DISK",
      `Cannot read ${path}: it is not the file shipped with ssl-hub. Install the package again.`,
    );
  }
  return {
    pixels: Uint8Array.from(rows.flatMap((row) => row.slice(0, PIXELS))),
    labels: Int32Array.from(rows, (row) => row[PIXELS]!),
  };
}

function rgb(levels: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: 3 * PIXELS }, (_, i) => Math.round((levels[Math.trunc(i / 3)]! * 255) / 16));
}
