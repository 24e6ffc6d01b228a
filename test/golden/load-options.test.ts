import { stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { engine } from "../../src/engine/engine.ts";
import * as hub from "../../src/index.ts";
import { type FaultServer, serve } from "../fault/server.ts";
import { makeInput } from "../support/formula.ts";
import { relativeL2 } from "../support/golden-model.ts";
import { scratch } from "../support/scratch.ts";

beforeEach(() => hub.setDir(scratch()));

const bytesOf = async (folder: string) => {
  const { shards } = await hub.readArtifact(folder);
  const sizes = await Promise.all(Object.keys(shards).map((file) => stat(join(folder, file))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
};

async function features(model: hub.Encoder, side: number): Promise<Float32Array> {
  const { tf } = await engine("wasm");
  const x = tf.tensor4d(makeInput(1, side, side, 3), [1, side, side, 3]);
  const y = model.predict(x);
  const values = (await y.data()) as Float32Array;
  tf.dispose([x, y]);
  return values;
}

describe("options of load, on a model that needs no download", () => {
  test("another representation and image size: features, shapes, preprocessing, a folder of their own", async () => {
    const [plain] = await hub.load("init_vitS16", { backend: "wasm" });
    const options = { representation: "tokens", imageSize: 96, backend: "wasm" } as const;
    const [model, preprocess] = await hub.load("init_vitS16", options);
    expect([model.inputShape, model.zDim, model.info.z_shape]).toEqual([[96, 96, 3], 36 * 384, [36, 384]]);
    expect(preprocess.steps).toMatchObject([{ size: 110 }, { size: 96 }, {}]);
    expect(hub.preprocess("init_vitS16", { imageSize: 96 }).steps).toEqual(preprocess.steps);
    expect(model.info.fingerprint).not.toBe(plain.info.fingerprint);
    expect((await features(model, 96)).every(Number.isFinite)).toBe(true);
    const image = { data: new Uint8Array(200 * 100 * 3).fill(99), width: 200, height: 100 };
    expect(await model.encode([image])).toHaveLength(model.zDim);
    plain.dispose();
    model.dispose();
  });

  test("float16: half the bytes, features near, the measured error stated", async () => {
    const [full, half] = [await hub.pull("init_vitS16"), await hub.pull("init_vitS16", { dtype: "float16" })];
    const ratio = (await bytesOf(half)) / (await bytesOf(full));
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(0.51);
    const info = await hub.readArtifact(half);
    const [a] = await hub.load("init_vitS16", { backend: "wasm" });
    const [b] = await hub.load("init_vitS16", { backend: "wasm", dtype: "float16" });
    const error = relativeL2(await features(b, 224), await features(a, 224));
    expect(error).toBeGreaterThan(1e-6);
    expect(error).toBeLessThan(2e-3);
    expect(info.float16_error).toBeGreaterThan(error / 3);
    expect(info.float16_error).toBeLessThan(error * 3);
    expect((await hub.verify(["init_vitS16"])).every(({ ok }) => ok)).toBe(true);
    a.dispose();
    b.dispose();
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
    expect(message).toMatch(/3\.8 GiB in memory, the engine wasm holds at most 1\.8 GiB here\. Nothing was downloaded/);
    expect(message).toContain("tfjs-node");
    expect(details.smaller).toContain("openclip_vitL14");
    expect(server.requests).toEqual([]);
    // A model that fits does ask, so that the test would see it.
    await expect(hub.load("openclip_vitL14", { backend: "wasm" })).rejects.toMatchObject({ code: "DOWNLOAD" });
    expect(server.requests.length).toBeGreaterThan(0);
  });
});
