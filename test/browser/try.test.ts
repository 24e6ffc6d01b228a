import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
// @ts-expect-error a script without types
import { buildTry } from "../../scripts/build-pages.mjs";
import { opticalDigits } from "../../src/decompose/index.ts";
import * as hub from "../../src/index.ts";
import { hasChromium, launchChromium } from "../support/chromium.ts";
import { relativeL2 } from "../support/golden-model.ts";
import { fixture } from "../unit/images/fixtures.ts";

/** Features in the page and in Node: both sum in float32, on the same WebAssembly. */
const TOLERANCE = 1e-5;

const SAMPLES = 200;

describe.skipIf(!hasChromium)("the try-it page (skipped without Chromium)", () => {
  let dir: string;
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];
  let asked: string[] = [];

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "ssl-hub-try-"));
    await buildTry(join(dir, "page"));
    hub.setDir(join(dir, "cache"));
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await rm(dir, { recursive: true, force: true });
  });
  beforeEach(async () => {
    errors.length = 0;
    asked = [];
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) errors.push(message.text());
    });
    page.on("request", (request) => {
      if (!/^(file|data|blob):/.test(request.url())) asked.push(request.url());
    });
    await page.goto(pathToFileURL(join(dir, "page/index.html")).href);
  });
  afterEach(async () => {
    await page.close();
    expect(errors).toEqual([]);
  });

  const encoded = (text: string | RegExp) => page.locator("#status", { hasText: text }).waitFor({ timeout: 30_000 });

  /** What the button saves: name, label and features of each image. */
  async function saved() {
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#save-features").click()]);
    const [, ...lines] = (await readFile(await download.path(), "utf8")).trimEnd().split("\n");
    return lines.map((line) => {
      const [name = "", label = "", ...features] = line.split(",");
      return { name, label, features: features.map(Number) };
    });
  }

  test("features of exactly decoded files equal Node's; broken files are named; nothing is sent", async () => {
    const names = ["png-rgb.png", "png-rgba.png", "png-gray16.png", "png-palette.png", "gif-transparent.gif", "bmp-565.bmp", "pnm-6-maxval.ppm"]; // biome-ignore format: a line
    const broken = ["png-truncated.png", "tiff-cmyk.tif"];
    await page.locator("#choose").setInputFiles([...names, ...broken].map(fixture));
    await encoded("7 images, 256 features each, by tiny_ssl on wasm");
    expect(await page.locator("#faults li").allTextContents()).toEqual([
      expect.stringContaining("png-truncated.png: its chunk"),
      "tiff-cmyk.tif: it is a TIFF, which browsers do not read",
    ]);
    const rows = await saved();
    expect(rows.map(({ name }) => name)).toEqual(names);
    const [model] = await hub.load("tiny_ssl", { backend: "wasm" });
    const wanted = await model.encode(names.map(fixture));
    for (const [i, { features }] of rows.entries()) {
      expect(features).toHaveLength(model.zDim);
      expect(relativeL2(features, wanted.subarray(i * model.zDim, (i + 1) * model.zDim)), names[i]!).toBeLessThan(
        TOLERANCE,
      );
    }
    expect(asked).toEqual([]);
  });

  test("neighbours, a few-shot classifier and the risk of the sample digits, on a phone too", async () => {
    await page.locator("#samples").click();
    await encoded(`${SAMPLES} images`);
    const digits = await opticalDigits({ split: "test" });
    const labels = Array.from(digits.labels().subarray(0, SAMPLES), String);

    // Neighbours: the first one by cosine is most often of the same class, and is the one of the saved features.
    await page.locator("#image-3").click();
    const rows = await saved();
    const cosine = (a: number[], b: number[]) => {
      const dot = (x: number[], y: number[]) => x.reduce((sum, v, i) => sum + v * y[i]!, 0);
      return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    };
    const near = rows
      .map(({ features }, i) => ({ i, value: i === 3 ? -2 : cosine(rows[3]!.features, features) }))
      .sort((a, b) => b.value - a.value);
    const shown = await page.locator("ol.neighbours button").evaluateAll((list) => list.map(({ id }) => id));
    expect(shown).toEqual(near.slice(0, 8).map(({ i }) => `near-${i}`));
    expect(await page.locator("ol.neighbours button").first().textContent()).toContain(near[0]!.value.toFixed(3));

    // Two labels by hand, on the keyboard.
    await page.locator("#new-class").fill(labels[0]!);
    await page.keyboard.press("Enter");
    await page.locator("#image-0").focus();
    await page.keyboard.press("Space");
    const other = labels.findIndex((label) => label !== labels[0]);
    await page.locator("#new-class").fill(labels[other]!);
    await page.keyboard.press("Enter");
    await page.locator(`#image-${other}`).click();
    await page.locator("#few-shot-result", { hasText: "Fitted on 2 labelled images of 2 classes" }).waitFor();
    expect(await page.locator("#image-3 .guess").textContent()).toMatch(/^\d \d+%$/);
    expect(await page.locator("#decompose").isDisabled()).toBe(true);

    // All labels, then five of each class.
    await page.locator("#use-folders").click();
    await page.locator("#few-shot-result", { hasText: `Fitted on ${SAMPLES} labelled images` }).waitFor();
    expect((await saved()).map(({ label }) => label)).toEqual(labels);
    await page.locator("#shots").selectOption("5");
    const result = page.locator("#few-shot-result", { hasText: "Fitted on 50 labelled images of 10 classes" });
    await result.waitFor();
    const accuracy = Number(/it gets ([\d.]+) % right/.exec((await result.textContent())!)![1]);
    expect(accuracy).toBeGreaterThan(70);

    await page.locator("#decompose").click();
    await page.locator("#risk-agg_risk").waitFor();
    const value = async (part: string) => Number(await page.locator(`#risk-${part}`).textContent());
    const parts = [await value("usability"), await value("probe_gen"), await value("enc_gen")];
    const total = await value("agg_risk");
    // Each of the four is rounded to a tenth.
    expect(Math.abs(parts.reduce((sum, part) => sum + part) - total)).toBeLessThan(0.21);
    expect(total).toBeGreaterThan(0);
    expect(total).toBeLessThan(30);
    expect(asked).toEqual([]);

    await page.setViewportSize({ width: 390, height: 844 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  });

  test("by the keyboard alone: labels, classifier, decomposition", async () => {
    await page.keyboard.press("Tab");
    const reach = async (id: string) => {
      for (let presses = 0; presses < 40; presses++) {
        if ((await page.evaluate(() => document.activeElement?.id)) === id) return;
        await page.keyboard.press("Tab");
      }
      throw new Error(`40 presses of Tab do not reach #${id}`);
    };
    await reach("samples");
    await page.keyboard.press("Enter");
    await encoded(`${SAMPLES} images`);
    const digits = await opticalDigits({ split: "test" });
    const labels = Array.from(digits.labels().subarray(0, SAMPLES), String);
    for (const name of ["0", "1"]) {
      await reach("new-class");
      await page.keyboard.type(name);
      await page.keyboard.press("Enter");
      // Adding a class leads to what a click does; the field for the next one is before it on the way back.
      await page.locator("#clear-labels").waitFor();
      await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    }
    await reach("image-0");
    let at = 0;
    const go = async (to: number) => {
      for (; at < to; at++) await page.keyboard.press("ArrowRight");
      for (; at > to; at--) await page.keyboard.press("ArrowLeft");
      expect(await page.evaluate(() => document.activeElement?.id)).toBe(`image-${to}`);
    };
    const rows = ["0", "1"].flatMap((name) => labels.flatMap((label, i) => (label === name ? [i] : [])).slice(0, 4));
    for (const row of rows.sort((a, b) => a - b)) {
      await go(row);
      await page.keyboard.press(labels[row] === "0" ? "1" : "2");
    }
    await page.locator("#few-shot-result", { hasText: "Fitted on 8 labelled images of 2 classes" }).waitFor();
    // 0 takes a label away, the key of its class gives it back.
    await page.keyboard.press("0");
    await page.locator("#few-shot-result", { hasText: "Fitted on 7 labelled images" }).waitFor();
    await page.keyboard.press(labels[at] === "0" ? "1" : "2");
    await page.locator("#few-shot-result", { hasText: "Fitted on 8 labelled images" }).waitFor();
    await page.keyboard.press("End");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe(`image-${SAMPLES - 1}`);
    await reach("decompose");
    await page.keyboard.press("Enter");
    await page.locator("#risk-agg_risk").waitFor();
  });

  test("a drop takes images and says of each other file what it is", async () => {
    const bytes = Array.from(await readFile(fixture("png-rgb.png")));
    await page.evaluate((png) => {
      const dataTransfer = new DataTransfer();
      const files = [
        new File([new Uint8Array(png)], "a.png"),
        new File(["shopping list"], "notes.txt"),
        new File(["%PDF-1.7"], "paper.pdf"),
        new File([], "nothing.jpg"),
      ];
      for (const file of files) dataTransfer.items.add(file);
      const event = { dataTransfer, bubbles: true, cancelable: true };
      document.body.dispatchEvent(new DragEvent("dragover", event));
      document.body.dispatchEvent(new DragEvent("drop", event));
    }, bytes);
    await encoded("1 images, 256 features each");
    expect(await page.locator("#faults li").allTextContents()).toEqual([
      expect.stringContaining("notes.txt: it is text beginning with"),
      expect.stringContaining("paper.pdf: it is a PDF"),
      expect.stringContaining("nothing.jpg: it is an empty file"),
    ]);
    expect(await page.locator(".drop.over").count()).toBe(0);
  });

  test("a JPEG is decoded without its turn and profile, close to libjpeg-turbo, and the page says so", async () => {
    await page.locator("#choose").setInputFiles(["jpeg-444.jpg", "jpeg-420.jpg", "jpeg-exif6.jpg"].map(fixture));
    await encoded("3 were decoded by the browser");
    const [model] = await hub.load("tiny_ssl", { backend: "wasm" });
    const wanted = await model.encode(["jpeg-444.jpg", "jpeg-420.jpg", "jpeg-exif6.jpg"].map(fixture));
    // Decoders may differ by a few levels of 255: that much, and no turned picture, is let pass.
    for (const [i, { features }] of (await saved()).entries()) {
      expect(relativeL2(features, wanted.subarray(i * 256, (i + 1) * 256))).toBeLessThan(0.05);
    }
  });

  describe("an encoder by its address", () => {
    let server: Server;
    let base: string;
    const folder = fileURLToPath(new URL("../../assets/tiny_sup/", import.meta.url));
    beforeAll(async () => {
      server = createServer(async (request, response) => {
        if (!request.url!.startsWith("/closed/")) response.setHeader("access-control-allow-origin", "*");
        const name = request.url!.split("/").at(-1)!;
        const bytes = await readFile(folder + name).catch(() => undefined);
        if (bytes === undefined || request.url!.startsWith("/nowhere/")) return response.writeHead(404).end();
        if (request.url!.startsWith("/damaged/") && name.endsWith(".bin")) bytes[5]! ^= 1;
        response.end(bytes);
      });
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
      base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterAll(() => server.close());

    test("takes the embedded one's place when its shards are what they should be", async () => {
      await page.locator("#choose").setInputFiles([fixture("png-rgb.png")]);
      await encoded("by tiny_ssl");
      await page.locator("#encoder summary").click();
      const load = async (path: string) => {
        await page.locator("#address").fill(base + path);
        await page.getByRole("button", { name: "Load", exact: true }).click();
      };
      await load("/damaged/");
      await encoded(/the SHA-256 of .* is not the one in model.json/);
      await load("/nowhere/");
      await encoded(/nowhere\/model.json answers 404/);
      await load("/closed/");
      await encoded(
        /cannot reach .*closed\/model.json .*Access-Control-Allow-Origin \(CORS\).*choose the folder from your disk/,
      );
      // The browser writes what it refuses to its console, too.
      expect(errors.splice(0).every((text) => /CORS|Failed to load resource/.test(text))).toBe(true);
      await load("/good");
      await encoded("1 images, 256 features each, by tiny_sup");
      const [model] = await hub.load("tiny_sup", { backend: "wasm" });
      const [row] = await saved();
      expect(relativeL2(row!.features, await model.encode([fixture("png-rgb.png")]))).toBeLessThan(TOLERANCE);
      expect(asked.every((url) => url.startsWith(base))).toBe(true);
    });
  });
});
