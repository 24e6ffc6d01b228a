import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { HubError } from "./core/errors.ts";
import type { Job } from "./core/events.ts";
import { writeFileAtomic } from "./core/files.ts";
import { rng } from "./core/rng.ts";

/** Images the error is measured on. */
const IMAGES = 2;

/**
 * Measures what storing weights in float16 does to the features, on synthetic images, and states it in the half-size
 * folder's `model.json`: relative L2 distance from the features of the float32 folder. Where no engine here can hold
 * the model, it states null.
 */
export async function stateHalfError(full: string, half: string, job: Job): Promise<void> {
  const path = join(half, "model.json");
  const model = JSON.parse(await readFile(path, "utf8"));
  const info = model.userDefinedMetadata.ssl_hub;
  info.float16_error = await distance(full, half, info.image_size, job);
  await writeFileAtomic(path, JSON.stringify(model));
}

async function distance(full: string, half: string, side: number, job: Job): Promise<number | null> {
  try {
    const images = syntheticImages(side);
    const [expected, found] = [await features(full, images, side, job), await features(half, images, side, job)];
    let [difference, norm] = [0, 0];
    for (let i = 0; i < expected.length; i++) {
      difference += (found[i]! - expected[i]!) ** 2;
      norm += expected[i]! ** 2;
    }
    return Math.sqrt(difference / norm);
  } catch (error) {
    if (error instanceof HubError && (error.code === "MEMORY" || error.code === "ENGINE")) return null;
    throw error;
  }
}

async function features(folder: string, images: Float32Array, side: number, { signal }: Job): Promise<Float32Array> {
  const { openEncoder } = await import("./encoder/encoder.ts");
  const { engine } = await import("./engine/engine.ts");
  const started = await engine();
  const [encoder] = await openEncoder(folder, { signal });
  const x = started.run(() => started.tf.tensor4d(images, [IMAGES, side, side, 3]));
  const y = encoder.predict(x);
  try {
    return (await y.data()) as Float32Array;
  } finally {
    started.tf.dispose([x, y]);
    encoder.dispose();
  }
}

/** Blocks of 1, 4, 16 and all pixels a side and how much each weighs: about the statistics of normalised photographs. */
const OCTAVES: [blocks: number, weight: number][] = [
  [1, 1.3],
  [4, 1],
  [16, 0.5],
  [Number.POSITIVE_INFINITY, 0.3],
];

/** Always the same images, `[n, side, side, 3]`. */
function syntheticImages(side: number): Float32Array {
  const values = new Float32Array(IMAGES * side * side * 3);
  OCTAVES.forEach(([blocks, weight], octave) => {
    const grid = Math.min(blocks, side);
    const { uniform } = rng(octave);
    const noise = Float32Array.from({ length: IMAGES * grid * grid * 3 }, () => weight * (2 * uniform() - 1));
    const at = (pixel: number) => Math.floor((pixel * grid) / side);
    for (let i = 0; i < values.length; i++) {
      const [c, x, y] = [i % 3, Math.floor(i / 3) % side, Math.floor(i / 3 / side) % side];
      const image = Math.floor(i / (3 * side * side));
      values[i]! += noise[((image * grid + at(y)) * grid + at(x)) * 3 + c]!;
    }
  });
  return values;
}
