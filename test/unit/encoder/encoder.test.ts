import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HubError } from "../../../src/core/errors.ts";
import type { ProgressEvent } from "../../../src/core/events.ts";
import { rng } from "../../../src/core/rng.ts";
import { type Encoder, openEncoder } from "../../../src/encoder/encoder.ts";
import type { ImageInput } from "../../../src/encoder/inputs.ts";
import { encodeBatches } from "../../../src/encoder/pool.ts";
import type { Preprocess } from "../../../src/encoder/preprocess.ts";
import { engine } from "../../../src/engine/engine.ts";
import { SIDE, tinyModel, Z_DIM } from "../engine/tiny-model.ts";

const folder = mkdtempSync(join(tmpdir(), "ssl-hub-encoder-"));

/** A PPM file of random pixels. */
function ppm(index: number, width = 20, height = 16): Uint8Array {
  const random = rng(index, "ppm");
  const head = Buffer.from(`P6\n${width} ${height}\n255\n`);
  return Buffer.concat([head, Uint8Array.from({ length: width * height * 3 }, () => random.integer(256))]);
}

const paths = Array.from({ length: 11 }, (_, i) => {
  const path = join(folder, `${i}.ppm`);
  writeFileSync(path, ppm(i, 20 + i, 16));
  return path;
});
const brokenPath = join(folder, "broken.jpg");
writeFileSync(brokenPath, "not an image");

let encoder: Encoder;
let preprocess: Preprocess;
beforeAll(async () => {
  [encoder, preprocess] = await openEncoder(tinyModel(), { backend: "wasm" });
});
afterAll(() => encoder.dispose());

/** Features of each path by `predict`, one image at a time. */
async function oneByOne(images: readonly ImageInput[]): Promise<number[]> {
  const rows: number[] = [];
  for (const image of images) {
    const x = await preprocess(image);
    const z = encoder.predict(x);
    rows.push(...(await z.data()));
    x.dispose();
    z.dispose();
  }
  return rows;
}

describe("predict", () => {
  test("gives [n, zDim], leaves its input alone and no tensor behind", async () => {
    const { tf } = await engine("wasm");
    const x = await preprocess([paths[0]!, paths[1]!]);
    expect(x.shape).toEqual([2, SIDE, SIDE, 3]);
    const before = tf.memory().numTensors;
    const z = encoder.predict(x);
    expect(z.shape).toEqual([2, Z_DIM]);
    expect(x.isDisposed).toBe(false);
    expect(tf.memory().numTensors).toBe(before + 1);
    tf.dispose([x, z]);
  });

  test("refuses other shapes", async () => {
    const { tf, run } = await engine("wasm");
    const x = run(() => tf.zeros<import("@tensorflow/tfjs-core").Rank.R4>([1, 8, 8, 3]));
    expect(() => encoder.predict(x)).toThrow(/\[1,8,8,3\], need \[n, 12, 12, 3\]/);
    x.dispose();
  });
});

describe("encode", () => {
  test("equals predict image by image, in order, whatever the batch size, and leaves no tensor", async () => {
    const { tf } = await engine("wasm");
    const expected = await oneByOne(paths);
    const before = tf.memory().numTensors;
    for (const batchSize of [1, 4, 64]) {
      const features = await encoder.encode(paths, { batchSize });
      expect(features.length).toBe(paths.length * Z_DIM);
      // 0: a row's sums do not depend on its neighbours.
      expect(Math.max(...features.map((v, i) => Math.abs(v - expected[i]!)))).toBe(0);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test("every kind of input gives the same features", async () => {
    const { tf, run } = await engine("wasm");
    const bytes = ppm(0, 20, 16);
    const pixels = bytes.subarray(bytes.length - 20 * 16 * 3);
    const tensor = run(() => tf.tensor3d(Array.from(pixels), [16, 20, 3], "int32"));
    const raw = { data: new Uint8ClampedArray(pixels), width: 20, height: 16 };
    const kinds: ImageInput[] = [
      paths[0]!,
      pathToFileURL(paths[0]!),
      pathToFileURL(paths[0]!).href,
      bytes,
      raw,
      tensor,
    ];
    const features = await encoder.encode(kinds);
    const first = features.slice(0, Z_DIM);
    expect(first.some((v) => v !== 0)).toBe(true);
    for (let i = 1; i < kinds.length; i++) expect(features.slice(i * Z_DIM, (i + 1) * Z_DIM)).toEqual(first);
    expect(tensor.isDisposed).toBe(false);
    tensor.dispose();
  });

  test("a URL is fetched by what was given, and an error without it", async () => {
    const asked: string[] = [];
    const fetchImage = async (url: URL) => {
      asked.push(url.href);
      return ppm(0, 20, 16);
    };
    const [other] = await openEncoder(tinyModel(), { backend: "wasm", fetchImage });
    expect(await other.encode(["https://example.org/a.ppm"])).toEqual(await encoder.encode([paths[0]!]));
    expect(asked).toEqual(["https://example.org/a.ppm"]);
    other.dispose();
    await expect(encoder.encode(["https://example.org/a.ppm"])).rejects.toMatchObject({ code: "IMAGE" });
  });

  test("a broken image ends it, by the first in order, naming the file", async () => {
    // The bytes fail at once, the file only after it is read.
    const images = [...paths.slice(0, 4), brokenPath, new Uint8Array(9), join(folder, "absent.png"), ...paths.slice(4)];
    for (const batchSize of [1, 2, 64]) {
      await expect(encoder.encode(images, { batchSize })).rejects.toMatchObject({
        code: "IMAGE",
        message: expect.stringContaining("broken.jpg"),
      });
    }
  });

  test("skip leaves its row out and warns", async () => {
    const warnings: string[] = [];
    const onProgress = (event: ProgressEvent) => event.stage === "warning" && warnings.push(event.message);
    const images = [brokenPath, ...paths.slice(0, 3), brokenPath];
    const features = await encoder.encode(images, { onError: "skip", batchSize: 2, onProgress });
    expect(features).toEqual(await encoder.encode(paths.slice(0, 3)));
    expect(warnings).toHaveLength(2);
    expect(await encoder.encode([brokenPath], { onError: "skip" })).toHaveLength(0);
    expect(await encoder.encode([])).toHaveLength(0);
  });

  test("progress counts up to the number of images", async () => {
    const events: ProgressEvent[] = [];
    await encoder.encode(paths, { batchSize: 4, onProgress: (event) => events.push(event) });
    expect(events.map((event) => "done" in event && event.done)).toEqual([4, 8, 11]);
  });

  test("an abort rejects with the signal's reason, and the encoder still works", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const onProgress = () => controller.abort(reason);
    await expect(encoder.encode(paths, { batchSize: 1, signal: controller.signal, onProgress })).rejects.toBe(reason);
    await expect(encoder.encode(paths, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(await encoder.encode(paths.slice(0, 1))).toHaveLength(Z_DIM);
  });

  test("wrong arguments are TypeErrors, also in the middle of a batch that skips", async () => {
    await expect(encoder.encode("a.jpg" as never)).rejects.toThrow(TypeError);
    await expect(encoder.encode(paths, { batchSize: 0 })).rejects.toThrow(TypeError);
    await expect(encoder.encode([paths[0]!, 7 as never], { onError: "skip" })).rejects.toThrow(TypeError);
  });
});

describe("encodeBatches", () => {
  test("reports starts, rows and the index of each failure", async () => {
    const batches = [];
    const absent = join(folder, "absent.png");
    async function* items() {
      yield* [paths[0]!, brokenPath, paths[1]!, brokenPath, brokenPath, absent, paths[2]!];
    }
    for await (const batch of encodeBatches(encoder, items(), { batchSize: 2, onError: "skip" })) batches.push(batch);
    expect(batches.map(({ start, rows, errors }) => [start, rows, errors.map(({ index }) => index)])).toEqual([
      [0, 1, [1]],
      [2, 1, [3]],
      [4, 0, [4, 5]],
      [6, 1, []],
    ]);
    expect(batches[2]!.errors.map(({ error }) => error.details.name)).toEqual([brokenPath, absent]);
    expect(batches[0]!.errors[0]!.error).toBeInstanceOf(HubError);
  });

  test("reads only a few batches ahead of its reader", async () => {
    let read = 0;
    function* endless() {
      for (;;) {
        read++;
        yield paths[0]!;
      }
    }
    for await (const { start } of encodeBatches(encoder, endless(), { batchSize: 2 })) {
      expect(read).toBeLessThanOrEqual(start + 2 * 2 + 1);
      if (start >= 20) break;
    }
  });
});
