import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { buildGraph } from "../../converters/build.ts";
import { convertSource } from "../../converters/convert.ts";
import { NAMED_ARCHITECTURES } from "../../hub/named.ts";
import type { ModelSpec } from "../../src/core/spec.ts";
import { openEncoder } from "../../src/encoder/encoder.ts";
import { engine } from "../../src/engine/engine.ts";
import { stateHalfError } from "../../src/half-error.ts";
import * as hub from "../../src/index.ts";
import { type FaultServer, serve } from "../fault/server.ts";
import { makeInput } from "../support/formula.ts";
import { relativeL2 } from "../support/golden-model.ts";
import { scratch } from "../support/scratch.ts";
import { formulaSource, TINY } from "../support/tiny-models.ts";
import { writeEmptySafetensors } from "../support/write-safetensors.ts";

beforeEach(() => hub.setDir(scratch()));

async function featuresOf(folder: string, side: number): Promise<Float32Array> {
  const { tf } = await engine("wasm");
  const [model] = await openEncoder(folder, { backend: "wasm" });
  const x = tf.tensor4d(makeInput(1, side, side, 3), [1, side, side, 3]);
  const y = model.predict(x);
  const values = (await y.data()) as Float32Array;
  tf.dispose([x, y]);
  model.dispose();
  return values;
}

/** Random initialisations take no download, but 22 million random numbers each. */
const timeout = 240_000;

describe("options of load, on a model that needs no download", () => {
  test("another representation and image size: features, shapes, preprocessing", { timeout }, async () => {
    const options = { representation: "tokens", imageSize: 96, backend: "wasm" } as const;
    const [model, preprocess] = await hub.load("init_vitS16", options);
    expect([model.inputShape, model.zDim, model.info.z_shape]).toEqual([[96, 96, 3], 36 * 384, [36, 384]]);
    expect(preprocess.steps).toMatchObject([{ size: 110 }, { size: 96 }, {}]);
    expect(hub.preprocess("init_vitS16", { imageSize: 96 }).steps).toEqual(preprocess.steps);
    const image = { data: new Uint8Array(200 * 100 * 3).fill(99), width: 200, height: 100 };
    const features = await model.encode([image]);
    expect(features).toHaveLength(model.zDim);
    expect(features.every(Number.isFinite)).toBe(true);
    model.dispose();
  });

  test("float16: half the bytes, the error stated, the folder whole", { timeout }, async () => {
    const folder = await hub.pull("init_vitS16", { dtype: "float16", imageSize: 32 });
    const info = await hub.readArtifact(folder);
    const bytes = Object.values(info.shards).reduce((sum, shard) => sum + shard.bytes, 0);
    expect(bytes / info.n_parameters).toBeGreaterThan(1.9);
    expect(bytes / info.n_parameters).toBeLessThan(2.1);
    expect(info.float16_error).toBeGreaterThan(1e-5);
    expect(info.float16_error).toBeLessThan(2e-3);
    expect((await readdir(folder)).sort()).toEqual([...Object.keys(info.shards), "model.json"].sort());
    expect((await hub.verify(["init_vitS16"])).every(({ ok }) => ok)).toBe(true);
  });

  test("the stated error is the features' distance", async () => {
    const { arch } = TINY.cases.find(({ name }) => name === "vit")!;
    const spec: ModelSpec = {
      weights: { seed: 0 },
      arch,
      representation: "tokens",
      preprocess: [{ op: "normalize", mean: [0, 0, 0], std: [1, 1, 1] }],
    };
    const about = {
      name: "toy",
      spec,
      fingerprint: "0".repeat(16),
      license: null,
      source: { url: "seed:0", sha256: null },
    };
    const [full, half] = [scratch(), scratch()];
    await convertSource(formulaSource(buildGraph(spec)), { ...about, dir: full });
    await convertSource(formulaSource(buildGraph(spec)), { ...about, dir: half, dtype: "float16" });
    process.env.SSL_HUB_BACKEND = "wasm";
    await stateHalfError(full, half, {});
    const { float16_error: stated } = await hub.readArtifact(half);
    // On other images than it was measured on: near, not equal.
    const error = relativeL2(await featuresOf(half, arch.size), await featuresOf(full, arch.size));
    expect(stated! / error).toBeGreaterThan(0.5);
    expect(stated! / error).toBeLessThan(2);
  });

  test("what is not offered is refused before any work", async () => {
    await expect(hub.pull("init_rn50", { representation: "cls" })).rejects.toThrow(/offers avgpool, map/);
    await expect(hub.pull("init_rn50", { dtype: "int8" as "float16" })).rejects.toThrow(/float32 or float16/);
    await expect(hub.pull("tiny_ssl", { representation: "map" })).rejects.toThrow(/already converted/);
    expect(await hub.cacheUsage()).toEqual([]);
  });
});

describe("a model too large for the engine", () => {
  let server: FaultServer;
  const before = { ...process.env };
  beforeEach(async () => {
    server = await serve((_, response) => response.writeHead(404).end());
    // Mirrors and every official address lead to this server.
    Object.assign(process.env, { SSL_HUB_MIRROR: server.base, https_proxy: server.base, no_proxy: "" });
  });
  afterEach(async () => {
    process.env = { ...before };
    await server.close();
  });

  test("is refused before anything is asked of the network, saying what would fit", async () => {
    const load = hub.load("openclip_vitG14", { backend: "wasm" });
    await expect(load).rejects.toMatchObject({ code: "MEMORY" });
    const { message, details } = (await load.catch((error) => error)) as hub.HubError;
    expect(message).toMatch(
      /3\.8 GiB in memory, the engine wasm holds at most [13]\.\d GiB here\. Nothing was downloaded/,
    );
    expect(message).toContain("tfjs-node");
    expect(details.smaller).toEqual(expect.arrayContaining(["openclip_vitL14", "openclip_vitB32"]));
    expect(server.requests).toEqual([]);
    // A model that fits does ask, so that the test would see it.
    await expect(hub.load("openclip_vitL14", { backend: "wasm" })).rejects.toMatchObject({ code: "DOWNLOAD" });
    expect(server.requests.length).toBeGreaterThan(0);
  });

  test("so is a file of one's own, of whatever model or architecture, before its weights are read", async () => {
    const arch = NAMED_ARCHITECTURES.vit_giant_patch14_clip!();
    const file = join(scratch(), "giant.safetensors");
    const { params } = buildGraph({ arch, representation: "cls" });
    writeEmptySafetensors(file, Object.fromEntries(params.map(({ key, shape }) => [key, shape])));
    for (const whose of [{ arch: "vit_giant_patch14_clip" }, { model: "openclip_vitG14" }] as const) {
      const load = hub.fromCheckpoint(file, { ...whose, backend: "wasm", onProgress: () => {} });
      await expect(load).rejects.toMatchObject({ code: "MEMORY" });
      await expect(load).rejects.toThrow(/3\.8 GiB in memory.*Nothing was converted/);
    }
    expect(await hub.cacheUsage()).toEqual([]);
  });
});
