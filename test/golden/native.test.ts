import { mkdtempSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GraphModel } from "@tensorflow/tfjs-converter";
import type { Tensor } from "@tensorflow/tfjs-core";
import { describe, expect, test, vi } from "vitest";
import { convertSeed } from "../../converters/convert.ts";
import type { ModelSpec } from "../../src/core/spec.ts";
import { openEncoder } from "../../src/encoder/encoder.ts";
import { engine } from "../../src/engine/engine.ts";
import { loadGraphFolder } from "../../src/engine/graph-model.ts";
import type { SessionBackend } from "../../src/engine/session.ts";
import { relativeL2 } from "../support/golden-model.ts";
import { SIDE, tinyModel, Z_DIM } from "../unit/engine/tiny-model.ts";

const installed = (["tfjs-node-gpu", "tfjs-node"] as const).find((name) => {
  try {
    return createRequire(import.meta.url).resolve(`@tensorflow/${name}/package.json`);
  } catch {
    return undefined;
  }
});
const title = installed ?? "tfjs-node (skipped: it is not installed here; scripts/build-tfjs-node.sh builds it)";

/** Relative L2 error between two engines: both sum in float32, in another order. */
const TOLERANCE = 1e-5;

const spec: ModelSpec = {
  weights: { seed: 3 },
  arch: { kind: "resnet", size: 64, layers: [1, 2, 1, 1], width: 16, stem: { kernel: 7, stride: 2, pool: true } },
  representation: "avgpool",
  preprocess: [
    { op: "resize", size: 72, interpolation: "bicubic" },
    { op: "centerCrop", size: 64 },
    { op: "normalize", mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  ],
};

/** A small random ResNet, by our own converter. */
async function resnet(): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "ssl-hub-native-"));
  const source = { url: "seed:3", sha256: null };
  await convertSeed(3, { name: "small_resnet", spec, dir, fingerprint: "test", license: null, source });
  return dir;
}

describe.skipIf(installed === undefined)(`native engine ${title}`, () => {
  test("is chosen before wasm, and says why", async () => {
    const native = await engine("auto");
    expect(native.name).toBe(installed);
    expect(native.why).toMatch(/^the first one installed/);
    expect(native.version).toMatch(/^4\.22\.0, TensorFlow \d/);
  });

  test("fused convolution, explicit padding, padded max pool: the features of wasm", async () => {
    const folder = tinyModel();
    const [wasm, native] = [await engine("wasm"), await engine(installed)];
    const x = wasm.run(() => wasm.tf.randomNormal([3, SIDE, SIDE, 3], 0, 1, "float32", 11));
    const backends: Record<string, string> = {};
    const [a, b] = await Promise.all(
      [native, wasm].map(async (e) => {
        const graph = await e.loadGraph(folder);
        return e
          .run(() => {
            backends[e.name] = e.tf.getBackend();
            return graph.predict(x) as Tensor;
          })
          .data();
      }),
    );
    expect(a).toHaveLength(3 * Z_DIM);
    expect(relativeL2(a!, b!)).toBeLessThanOrEqual(TOLERANCE);
    expect(backends).toEqual({ [native.name]: "tensorflow", wasm: "wasm" }); // so small a model may agree to the bit
  });

  test("a graph in one session: the features of its nodes one by one; disposing ends it", async () => {
    const folder = await resnet();
    const native = await engine(installed);
    const { tf } = native;
    const ops = (graph: GraphModel) => (graph as unknown as { artifacts: { modelTopology: { node: { op: string }[] } } }).artifacts.modelTopology.node.map(({ op }) => op); // biome-ignore format: one line
    const [before, plain] = [tf.memory().numTensors, await loadGraphFolder(folder, 2 ** 30)];
    const whole = await native.loadGraph(folder);
    expect(ops(plain)).toContain("_FusedConv2D");
    expect(ops(whole).filter((op) => op === "HubSession")).toHaveLength(native.device === "cpu" ? 1 : 0);
    const x = tf.randomNormal([5, 64, 64, 3], 0, 1, "float32", 3) as Tensor;
    const [a, b] = [whole, plain].map((graph) => native.run(() => graph.predict(x) as Tensor).dataSync());
    expect(relativeL2(a as Float32Array, b as Float32Array)).toBeLessThanOrEqual(1e-6);
    const ended = vi.spyOn(tf.backend() as unknown as SessionBackend, "deleteSavedModel");
    for (const graph of [whole, plain]) graph.dispose();
    expect(ended).toHaveBeenCalledTimes(native.device === "cpu" ? 1 : 0);
    expect(() => whole.predict(x)).toThrow();
    x.dispose();
    expect(tf.memory().numTensors - before).toBe(2); // the features
  });

  test("a ResNet from images to features: the features of wasm", async () => {
    const folder = await resnet();
    const images = [1, 2, 3].map((seed) => ({
      data: Uint8Array.from({ length: 90 * 80 * 3 }, (_, i) => (i * seed * 7919) % 251),
      width: 90,
      height: 80,
    }));
    const encode = async (backend: "wasm" | typeof installed) => {
      const [encoder] = await openEncoder(folder, { backend });
      const features = await encoder.encode(images, { batchSize: 2 });
      encoder.dispose();
      return features;
    };
    const [a, b] = [await encode(installed), await encode("wasm")];
    expect(a).toHaveLength(3 * 16 * 2 ** 3 * 4);
    expect(relativeL2(a, b)).toBeLessThanOrEqual(TOLERANCE);
  });
});
