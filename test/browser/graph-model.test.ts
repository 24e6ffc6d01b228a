import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEncoder } from "../../src/encoder/encoder.ts";
import { engine } from "../../src/engine/engine.ts";
import * as hub from "../../src/index.ts";
import { hasChromium, launchChromium } from "../support/chromium.ts";
import { makeInput } from "../support/formula.ts";
import { relativeL2 } from "../support/golden-model.ts";

const TFJS = ["core/dist/tf-core", "converter/dist/tf-converter", "backend-cpu/dist/tf-backend-cpu"];
const modules = fileURLToPath(new URL("../../node_modules/@tensorflow/", import.meta.url));

/** Features of the same graph on the browser's plain JavaScript engine and on Node's wasm one. */
const TOLERANCE = 1e-5;

const PAGE = `<!doctype html><meta charset="utf-8"><title>ssl-hub</title>
${TFJS.map((path) => `<script src="/tfjs-${path}.min.js"></script>`).join("\n")}`;

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
      const file = path.startsWith("/tfjs-") ? modules + path.slice(1) : join(folder, path.replace("/model/", "/"));
      response.end(await readFile(file).catch(() => response.writeHead(404) && ""));
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  });
  afterAll(async () => {
    server.close();
    await rm(dir, { recursive: true, force: true });
  });

  test("gives the same features by tf.loadGraphModel alone", async () => {
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
      const features = await page.evaluate(async (values) => {
        // biome-ignore lint/suspicious/noExplicitAny: the page's TF.js is a global
        const tf = (globalThis as any).tf;
        const model = await tf.loadGraphModel("/model/model.json");
        return Array.from(await model.predict(tf.tensor4d(values, [2, 32, 32, 3])).data()) as number[];
      }, Array.from(input));
      expect(features).toHaveLength(512);
      expect(relativeL2(features, expected)).toBeLessThanOrEqual(TOLERANCE);
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
