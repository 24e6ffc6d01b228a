import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { HubError } from "../../../src/core/errors.ts";
import { type Backend, backendInfo, chooseEngine, type EngineName, engine } from "../../../src/engine/engine.ts";
import { loadNative } from "../../../src/engine/node.ts";
import { loadWasm } from "../../../src/engine/wasm.ts";

afterEach(() => vi.unstubAllEnvs());

const absent = async () => undefined;
const loaders = (o: Partial<Record<EngineName, () => Promise<Backend | undefined>>>) => ({
  "tfjs-node-gpu": absent,
  "tfjs-node": absent,
  webgpu: absent,
  wasm: loadWasm,
  cpu: absent,
  ...o,
});

const handlers = () => [process.listenerCount("uncaughtException"), process.listenerCount("unhandledRejection")];

describe("engine", () => {
  test("starting wasm leaves the process's own error handling alone", async () => {
    const before = handlers();
    await loadWasm();
    expect(handlers()).toEqual(before);
  });

  test("wasm computes, prints nothing and is the same object each time", async () => {
    const said = ["log", "warn", "info", "error"].map((m) =>
      vi.spyOn(console, m as "log").mockImplementation(() => {}),
    );
    const wasm = await engine("wasm");
    expect(await engine("wasm")).toBe(wasm);
    const y = wasm.run(() => wasm.tf.matMul(wasm.tf.tensor2d([[1, 2], [3, 4]]), wasm.tf.tensor2d([[5, 6], [7, 8]]))); // biome-ignore format: a matrix
    expect(Array.from(await y.data())).toEqual([19, 22, 43, 50]);
    y.dispose();
    await engine("cpu");
    for (const spy of said) expect(spy).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  test("run computes on its own backend, whichever was used last", async () => {
    const [wasm, cpu] = [await engine("wasm"), await engine("cpu")];
    expect(wasm.run(() => (wasm.tf.getBackend() === "wasm" ? [] : [wasm.tf.scalar(0)]))).toEqual([]);
    expect(cpu.run(() => (cpu.tf.getBackend() === "cpu" ? [] : [cpu.tf.scalar(0)]))).toEqual([]);
  });

  test("SSL_HUB_BACKEND is heard, and an argument wins over it", async () => {
    vi.stubEnv("SSL_HUB_BACKEND", "cpu");
    expect(await backendInfo()).toMatchObject({ name: "cpu", why: "SSL_HUB_BACKEND=cpu", version: "4.22.0" });
    expect((await engine("wasm")).name).toBe("wasm");
    vi.stubEnv("SSL_HUB_BACKEND", "cuda");
    await expect(engine()).rejects.toMatchObject({ code: "ENGINE", message: expect.stringContaining("cuda") });
  });

  test("the walk passes over what is missing and tells what is broken", async () => {
    const broken = async () => {
      throw new HubError("ENGINE", "libcudart is gone.");
    };
    const chosen = await chooseEngine(loaders({ "tfjs-node-gpu": broken }));
    expect(chosen.name).toBe("wasm");
    expect(chosen.why).toBe("the embedded default; not installed: tfjs-node, webgpu; libcudart is gone.");
    await expect(chooseEngine(loaders({ wasm: broken }))).rejects.toMatchObject({ code: "ENGINE" });
  });
});

describe("loadNative", () => {
  const project = (files: Record<string, string>) => {
    const root = mkdtempSync(join(tmpdir(), "ssl-hub-native-"));
    for (const [path, text] of Object.entries(files)) {
      const file = join(root, "node_modules", path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    return join(root, "index.js");
  };
  const core = createRequire(import.meta.url).resolve("@tensorflow/tfjs-core");
  const manifest = (name: string) => JSON.stringify({ name, version: "9.9.9", main: "index.js" });

  test("undefined when it is not installed", async () => {
    expect(await loadNative("tfjs-node", 1, project({}))).toBeUndefined();
  });

  test("a second copy of tfjs-core is refused, with both versions", async () => {
    const from = project({
      "@tensorflow/tfjs-node/package.json": manifest("tfjs-node"),
      "@tensorflow/tfjs-node/index.js": "throw new Error('must not be loaded')",
      "@tensorflow/tfjs/package.json": manifest("tfjs"),
      "@tensorflow/tfjs-core/package.json": manifest("tfjs-core"),
      "@tensorflow/tfjs-core/index.js": "module.exports = 1",
    });
    await expect(loadNative("tfjs-node", 1, from)).rejects.toMatchObject({
      code: "ENGINE",
      message: expect.stringMatching(/9\.9\.9, ours is 4\.22\.0/),
    });
  });

  test("an install whose native part is missing is ENGINE and says what to do", async () => {
    const from = project({
      "@tensorflow/tfjs-node/package.json": manifest("tfjs-node"),
      "@tensorflow/tfjs-node/index.js": "throw new Error('tfjs_binding.node can not be found')",
      "@tensorflow/tfjs/package.json": manifest("tfjs"),
    });
    symlinkSync(dirname(dirname(core)), join(dirname(from), "node_modules/@tensorflow/tfjs-core"));
    await expect(loadNative("tfjs-node", 1, from)).rejects.toMatchObject({
      code: "ENGINE",
      message: expect.stringMatching(/does not load \(tfjs_binding.node can not be found\).*docs\/engines.md/),
    });
  });
});
