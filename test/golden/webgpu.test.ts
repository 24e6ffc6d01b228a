import { createRequire } from "node:module";
import type { Tensor } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { openEncoder } from "../../src/encoder/encoder.ts";
import { type Engine, engine } from "../../src/engine/engine.ts";
import { relativeL2 } from "../support/golden-model.ts";
import { SIDE, tinyModel, Z_DIM } from "../unit/engine/tiny-model.ts";

/** Relative L2 error between two engines: both sum in float32, in another order. */
const TOLERANCE = 1e-5;

let webgpu: Engine | undefined;
let why = "";
try {
  createRequire(import.meta.url).resolve("webgpu");
  webgpu = await engine("webgpu");
} catch (error) {
  why = (error as Error).message.split("\n")[0]!;
}
const title = webgpu?.device ?? `(skipped: ${why})`;

describe.skipIf(webgpu === undefined)(`WebGPU ${title}`, () => {
  test("fused convolution, explicit padding, padded max pool: the features of wasm", async () => {
    const folder = tinyModel();
    const wasm = await engine("wasm");
    const values = await wasm.run(() => wasm.tf.randomNormal([3, SIDE, SIDE, 3], 0, 1, "float32", 11)).data();
    const [a, b] = [await predict(webgpu!), await predict(wasm)];
    expect(a).toHaveLength(3 * Z_DIM);
    expect(relativeL2(a, b)).toBeLessThanOrEqual(TOLERANCE);

    async function predict(on: Engine) {
      const graph = await on.loadGraph(folder);
      const x = on.run(() => on.tf.tensor4d(values as Float32Array, [3, SIDE, SIDE, 3]));
      return on.run(() => graph.predict(x) as Tensor).data();
    }
  });

  test.each(["tiny_ssl", "tiny_sup"])("%s from images to features: the features of wasm", async (name) => {
    const folder = new URL(`../../assets/${name}`, import.meta.url).pathname;
    const images = [1, 2, 3].map((seed) => ({
      data: Uint8Array.from({ length: 40 * 36 * 3 }, (_, i) => (i * seed * 7919) % 251),
      width: 40,
      height: 36,
    }));
    const encode = async (backend: "wasm" | "webgpu") => {
      const [encoder] = await openEncoder(folder, { backend });
      const features = await encoder.encode(images, { batchSize: 2 });
      encoder.dispose();
      return features;
    };
    const [a, b] = [await encode("webgpu"), await encode("wasm")];
    expect(relativeL2(a, b)).toBeLessThanOrEqual(TOLERANCE);
  });
});
