import { truncateSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { Tensor } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { HubError } from "../../../src/core/errors.ts";
import type { ProgressEvent } from "../../../src/core/events.ts";
import { type Engine, engine } from "../../../src/engine/engine.ts";
import { loadGraphFolder } from "../../../src/engine/graph-model.ts";
import { relativeL2 } from "../../support/golden-model.ts";
import { SIDE, tinyModel, Z_DIM } from "./tiny-model.ts";

let wasm: Engine;
beforeAll(async () => {
  wasm = await engine("wasm");
});

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "loaded",
    (error) => (error instanceof HubError ? `${error.code}: ${error.message}` : error),
  );

describe("loadGraph", () => {
  test("computes what plain JavaScript computes", async () => {
    const folder = tinyModel();
    const cpu = await engine("cpu");
    const x = wasm.run(() => wasm.tf.randomNormal([2, SIDE, SIDE, 3], 0, 1, "float32", 7));
    const [a, b] = await Promise.all(
      [wasm, cpu].map(async (e) => {
        const graph = await e.loadGraph(folder);
        return e.run(() => graph.predict(x) as Tensor).data();
      }),
    );
    expect(a!.length).toBe(2 * Z_DIM);
    expect(relativeL2(a!, b!)).toBeLessThan(1e-6); // float32 sums in another order
  });

  test("reports bytes up to the total, and disposing leaves no tensor", async () => {
    const folder = tinyModel();
    const before = wasm.tf.memory().numTensors;
    const events: ProgressEvent[] = [];
    const graph = await wasm.loadGraph(folder, { onProgress: (event) => events.push(event) });
    const last = events.at(-1)!;
    expect(last).toMatchObject({ stage: "load", name: "tiny", unit: "bytes" });
    expect(last).toHaveProperty("done", (last as { total: number }).total);
    graph.dispose();
    expect(wasm.tf.memory().numTensors).toBe(before);
  });

  test("an abort in the middle rejects with its reason and leaves no tensor", async () => {
    const before = wasm.tf.memory().numTensors;
    const controller = new AbortController();
    const reason = new Error("enough");
    const job = { signal: controller.signal, onProgress: () => controller.abort(reason) };
    await expect(wasm.loadGraph(tinyModel(), job)).rejects.toBe(reason);
    expect(wasm.tf.memory().numTensors).toBe(before);
  });

  test("a shard that is cut, missing or not listed is refused before loading", async () => {
    const cut = tinyModel();
    truncateSync(join(cut, "group1-shard2of2.bin"), 100);
    expect(await codeOf(wasm.loadGraph(cut))).toMatch(/^METADATA: .*shard2of2.bin has 100 bytes, model.json says/);
    const missing = tinyModel();
    unlinkSync(join(missing, "group1-shard1of2.bin"));
    expect(await codeOf(wasm.loadGraph(missing))).toMatch(/^METADATA: .*shard1of2.bin is missing/);
    const outside = tinyModel({
      change: (m) => {
        m.weightsManifest[0].paths[0] = "../secret";
        m.userDefinedMetadata.ssl_hub.shards["../secret"] = { bytes: 1, sha256: "" };
      },
    });
    expect(await codeOf(wasm.loadGraph(outside))).toMatch(/^METADATA: .*\.\.\/secret is not a shard it lists/);
  });

  test("weights that do not fill the shards are refused", async () => {
    for (const shape of [[1, 3, 3, 8], [2 ** 60], [-1], "x"]) {
      const folder = tinyModel({
        change: (m) => {
          m.weightsManifest[0].weights[0]!.shape = shape;
        },
      });
      expect(await codeOf(wasm.loadGraph(folder))).toMatch(/^METADATA: /);
    }
  });

  test("weights larger than the engine are MEMORY, before anything is read", async () => {
    expect(await codeOf(loadGraphFolder(tinyModel(), 100))).toMatch(/^MEMORY: Cannot load tiny/);
  });
});
