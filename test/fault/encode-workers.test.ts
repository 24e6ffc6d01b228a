import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rng } from "../../src/core/rng.ts";
import { type Child, removeStripped, runModule, stripped } from "../support/child.ts";
import { tinyModel, Z_DIM } from "../unit/engine/tiny-model.ts";

let code: string;
let dir: string;
let paths: string[];

/** Images 3 and 14 of 21 are broken. */
beforeAll(() => {
  code = stripped(["src", "converters"]);
  dir = mkdtempSync(join(tmpdir(), "ssl-hub-workers-"));
  paths = Array.from({ length: 21 }, (_, i) => {
    const path = join(dir, `${i}.ppm`);
    const random = rng(i, "ppm");
    const pixels = Uint8Array.from({ length: (20 + i) * 16 * 3 }, () => random.integer(256));
    writeFileSync(path, Buffer.concat([Buffer.from(i % 11 === 3 ? "P9" : `P6\n${20 + i} 16\n255\n`), pixels]));
    return path;
  });
});
afterAll(() => {
  removeStripped(code);
  rmSync(dir, { recursive: true, force: true });
});

interface Encoded {
  features: number[];
  /** Messages about broken images, and their indices as each batch tells them. */
  broken: string[];
  indices: number[];
}

/** All that a run with so many workers tells. */
async function encode(backend: string, threads: number, tail = ""): Promise<Encoded> {
  const text = `
    import { openEncoder } from "./src/encoder/encoder.js";
    import { encodeBatches } from "./src/encoder/pool.js";
    const [encoder] = await openEncoder(${JSON.stringify(tinyModel())}, { backend: "${backend}", threads: ${threads} });
    const broken = [];
    const onProgress = (event) => { if (event.stage === "warning") broken.push(event.message); };
    const o = { batchSize: 5, onError: "skip", onProgress };
    ${tail}
    const features = await encoder.encode(${JSON.stringify(paths)}, o);
    const indices = [];
    for await (const { errors } of encodeBatches(encoder, ${JSON.stringify(paths)}, o)) {
      for (const { index } of errors) indices.push(index);
    }
    encoder.dispose();
    console.log(JSON.stringify({ features: [...features], broken, indices }));`;
  const child: Child = runModule(code, text);
  const { code: rc, stdout, stderr } = await child.ended;
  expect(stderr).toBe("");
  expect(rc).toBe(0);
  return JSON.parse(stdout.split("\n").at(-2)!);
}

/** wasm's workers encode; those of an engine with threads of its own, as cpu stands for here, decode. */
test.each(["wasm", "cpu"])(
  "%s: the features and errors of one thread, whatever the number of workers",
  async (backend) => {
    const one = await encode(backend, 1);
    expect(one.broken).toHaveLength(2);
    expect(one.indices).toEqual([3, 14]);
    expect(one.features).toHaveLength(19 * Z_DIM);
    for (const threads of [2, 3]) expect(await encode(backend, threads)).toEqual(one);
  },
);

test("a run that is cancelled on its way frees its workers, which go on with the next", async () => {
  const { features } = await encode(
    "wasm",
    2,
    `const controller = new AbortController();
     const stopping = { ...o, signal: controller.signal, onProgress: () => controller.abort(new Error("enough")) };
     await encoder.encode(${JSON.stringify(paths)}, stopping).then(
       () => { throw new Error("went on"); },
       (error) => { if (error.message !== "enough") throw error; },
     );`,
  );
  expect(features).toEqual((await encode("wasm", 1)).features);
});

test("a worker stops a batch that is not wanted any more, between two nodes or before", async () => {
  const text = `
    import { Worker } from "node:worker_threads";
    const entry = new URL("./src/encoder/encode-worker.js", import.meta.url).href;
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const code = \`
      import { parentPort, workerData } from "node:worker_threads";
      const { default: run } = await import(workerData.entry);
      const { stop, slots } = workerData;
      const again = async (stop) => run({ slots, stop }).then((r) => r.rows ?? r, (e) => e.message);
      const rows = await again(stop);
      Atomics.store(stop, 0, 1);
      parentPort.postMessage([rows, await again(stop), await again()]);\`;
    const slots = [{ image: ${JSON.stringify("PATH")}, name: "a" }];
    const workerData = { entry, stop, slots, folder: ${JSON.stringify(tinyModel())}, engine: "wasm" };
    const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(code)), { workerData });
    worker.on("message", (message) => console.log(JSON.stringify(message)));`.replace("PATH", paths[0]!);
  const { code: rc, stdout, stderr } = await runModule(code, text).ended;
  expect(stderr).toBe("");
  expect(rc).toBe(0);
  expect(JSON.parse(stdout)).toEqual([1, "stopped", 1]);
});

test("a cancelled run with workers ends with the signal's reason", async () => {
  const { features } = await encode(
    "cpu",
    2,
    `const signal = AbortSignal.abort(new Error("enough"));
     await encoder.encode(${JSON.stringify(paths)}, { ...o, signal }).then(
       () => { throw new Error("went on"); },
       (error) => { if (error.message !== "enough") throw error; },
     );`,
  );
  expect(features.length).toBeGreaterThan(0);
});
