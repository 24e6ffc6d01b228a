import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEncoder } from "../../src/encoder/encoder.ts";
import { engine } from "../../src/engine/engine.ts";
import * as hub from "../../src/index.ts";
import { hasChromium, launchChromium } from "../support/chromium.ts";
import { makeInput } from "../support/formula.ts";
import { relativeL2 } from "../support/golden-model.ts";

const TFJS = ["core/dist/tf-core", "converter/dist/tf-converter", "backend-cpu/dist/tf-backend-cpu"];
const WASM = "backend-wasm/dist/tf-backend-wasm";
const modules = fileURLToPath(new URL("../../node_modules/@tensorflow/", import.meta.url));

const sources = fileURLToPath(new URL("../../src/engine/kernels", import.meta.url));

/** Features of the same graph on the browser's engines, plain JavaScript and wasm, and on Node's wasm one. */
const TOLERANCE = 1e-5;

const PAGE = `<!doctype html><meta charset="utf-8"><title>ssl-hub</title>
${[...TFJS, WASM].map((path) => `<script src="/tfjs-${path}.min.js"></script>`).join("\n")}
<script src="/kernels.js"></script>`;

/** `ssl-hub/kernels` as a bundler gives it to a page. */
const bundle = (): Promise<string> =>
  build({
    entryPoints: [fileURLToPath(new URL("../../src/engine/kernels/install.ts", import.meta.url))],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "kernels",
    platform: "browser",
  }).then(({ outputFiles }) => outputFiles[0]!.text);

describe.skipIf(!hasChromium)("a converted folder in the browser (skipped without Chromium)", () => {
  let dir: string;
  let server: Server;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "ssl-hub-browser-"));
    hub.setDir(dir);
    const folder = await hub.pull("tiny_init");
    server = createServer(async (request, response) => {
      const path = new URL(request.url!, "http://localhost").pathname;
      if (path === "/") return response.end(PAGE);
      if (path === "/kernels.js") return response.end(await bundle());
      if (path.endsWith(".wasm")) {
        const from = path.startsWith("/kernels/") ? sources : `${modules}tfjs-backend-wasm/dist`;
        return response.end(await readFile(from + path.replace("/kernels", "")));
      }
      const file = path.startsWith("/tfjs-") ? modules + path.slice(1) : join(folder, path.replace("/model/", "/"));
      response.end(await readFile(file).catch(() => response.writeHead(404) && ""));
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  });
  afterAll(async () => {
    server.close();
    await rm(dir, { recursive: true, force: true });
  });

  /** What the page computes by `f` from values `[2, 32, 32, 3]`, and what Node does. */
  async function compare<T>(f: (values: number[]) => Promise<{ features: number[] } & T>): Promise<T> {
    const input = makeInput(2, 32, 32, 7);
    const [encoder] = await openEncoder(await hub.pull("tiny_init"), { backend: "wasm" });
    const { tf } = await engine("wasm");
    const expected = await encoder.predict(tf.tensor4d(input, [2, 32, 32, 3])).data();

    const browser = await launchChromium();
    const errors: string[] = [];
    try {
      const page = await browser.newPage();
      page.on("pageerror", (error) => errors.push(error.message));
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      const result = (await page.evaluate(f, Array.from(input))) as { features: number[] } & T;
      expect(result.features).toHaveLength(512);
      expect(relativeL2(result.features, expected)).toBeLessThanOrEqual(TOLERANCE);
      expect(errors).toEqual([]);
      return result;
    } finally {
      await browser.close();
    }
  }

  test("gives the same features by tf.loadGraphModel alone", async () => {
    await compare(async (values) => {
      // biome-ignore lint/suspicious/noExplicitAny: the page's TF.js is a global
      const tf = (globalThis as any).tf;
      await tf.setBackend("cpu");
      const model = await tf.loadGraphModel("/model/model.json");
      return { features: Array.from(await model.predict(tf.tensor4d(values, [2, 32, 32, 3])).data()) };
    });
  });

  test("gives the same features by TF.js's wasm backend with our kernels", async () => {
    const { variant } = await compare(async (values) => {
      // biome-ignore lint/suspicious/noExplicitAny: the page's scripts are globals
      const { tf, kernels } = globalThis as any;
      const get = (name: string) => async () => (await fetch(`/kernels/kernels-${name}.wasm`)).arrayBuffer();
      tf.wasm.setWasmPaths("/");
      await tf.setBackend("wasm");
      const installed = await kernels.installKernels(tf, { simd: get("simd"), relaxed: get("relaxed") });
      const model = await tf.loadGraphModel("/model/model.json");
      const y = model.predict(tf.tensor4d(values, [2, 32, 32, 3]));
      return { features: Array.from(await y.data()) as number[], variant: installed?.variant as string };
    });
    expect(variant).toMatch(/SIMD/);
  });
});
