import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @ts-expect-error a script without types
import { listPages } from "../../scripts/docs/pages.mjs";
// @ts-expect-error a script without types
import { buildSite } from "../../scripts/docs/site.mjs";
import { accessibilityFaults } from "../support/accessibility.ts";
import { hasChromium, launchChromium } from "../support/chromium.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const PAGES: string[] = listPages(root).map(({ out }: { out: string }) => out);

const RUNS = { name: "mine.json", mimeType: "application/json", buffer: Buffer.from('[{"model":"mine","usability":4,"probe_gen":12,"enc_gen":3,"agg_risk":19,"shot5":41}]') }; // biome-ignore format: a line

describe.skipIf(!hasChromium)("every page for everybody (skipped without Chromium)", () => {
  let dir: string;
  let browser: Browser;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "ssl-hub-accessible-"));
    await buildSite(dir, { api: false });
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await rm(dir, { recursive: true, force: true });
  });

  const address = (path: string) => {
    const [file, hash] = path.split("#");
    return pathToFileURL(join(dir, file!)).href + (hash === undefined ? "" : `#${hash}`);
  };

  async function visit(o: { dark?: boolean; phone?: boolean }, use: (page: Page) => Promise<void>) {
    const viewport = o.phone ? { width: 390, height: 844 } : { width: 1280, height: 900 };
    const page = await browser.newPage({ viewport, colorScheme: o.dark ? "dark" : "light", reducedMotion: "reduce" });
    try {
      await use(page);
    } finally {
      await page.close();
    }
  }

  test.each([
    ["light", {}],
    ["dark on a phone", { dark: true, phone: true }],
  ])("pages of text, %s", async (_, look) => {
    await visit(look, async (page) => {
      for (const out of PAGES) {
        await page.goto(address(out));
        expect(await accessibilityFaults(page), out).toEqual([]);
      }
    });
  });

  test.each([
    ["light", {}],
    ["dark on a phone", { dark: true, phone: true }],
  ])("the explorer, %s: every view with own runs, and a card", async (_, look) => {
    await visit(look, async (page) => {
      await page.goto(address("explorer/index.html"));
      await page.locator("#runs-title").click();
      await page.locator("#runs-file").setInputFiles([RUNS]);
      for (const view of ["table", "scatter", "risk", "labels", "compare&pick=dino_rn50,swav_rn50"]) {
        await page.evaluate((hash) => (location.hash = hash), `view=${view}`);
        if (view !== "table") await page.locator("svg.marks").first().waitFor();
        expect(await accessibilityFaults(page), view).toEqual([]);
      }
      await page.evaluate(() => (location.hash = "view=table&model=deepcluster_rn50_bs512_ep200_mmselfsup"));
      await page.locator("dialog[open]").waitFor();
      expect(await accessibilityFaults(page), "card").toEqual([]);
      expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
    });
  });

  test("the try-it page: at first, and with all that it makes", async () => {
    await visit({ dark: true }, async (page) => {
      await page.goto(address("try/index.html"));
      expect(await accessibilityFaults(page)).toEqual([]);
      await page.locator("#samples").click();
      await page.locator("#status", { hasText: "200 images" }).waitFor();
      await page.locator("#image-3").click();
      await page.locator("#use-folders").click();
      await page.locator("#few-shot-result").waitFor();
      await page.locator("#decompose").click();
      await page.locator("#risk-agg_risk").waitFor();
      await page.locator("#encoder summary").click();
      expect(await accessibilityFaults(page)).toEqual([]);
    });
  });

  test("a page of a dark system prints dark on white, without its menu", async () => {
    await visit({ dark: true }, async (page) => {
      await page.goto(address("guide.html"));
      await page.emulateMedia({ media: "print", colorScheme: "dark" });
      const [color, background, menu] = await page.evaluate(() => {
        const { color, backgroundColor } = getComputedStyle(document.body);
        return [color, backgroundColor, getComputedStyle(document.querySelector(".menu")!).display];
      });
      expect([color, background, menu]).toEqual(["rgb(27, 31, 36)", "rgb(255, 255, 255)", "none"]);
    });
  });

  test("the first key of every page leads past its header", async () => {
    await visit({}, async (page) => {
      for (const out of ["index.html", "explorer/index.html", "try/index.html"]) {
        await page.goto(address(out));
        await page.keyboard.press("Tab");
        expect(await page.evaluate(() => document.activeElement!.className), out).toBe("skip");
        await page.keyboard.press("Enter");
        expect(await page.evaluate(() => document.activeElement!.tagName), out).toBe("MAIN");
      }
    });
  });
});
