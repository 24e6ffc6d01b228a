import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @ts-expect-error a script without types
import { buildSite } from "../../scripts/docs/site.mjs";
import { hasChromium, launchChromium } from "../support/chromium.ts";

/** The API reference takes TypeDoc half a minute: `npm run docs` makes and checks it. */
describe("the site, without the API reference", () => {
  let dir: string;
  let found: { pages: number; links: number; dead: string[] };
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "ssl-hub-site-"));
    found = await buildSite(dir, { api: false });
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  test("has no dead link", () => {
    expect(found.dead).toEqual([]);
    expect(found.pages).toBeGreaterThan(12);
    expect(found.links).toBeGreaterThan(500);
  });

  test.skipIf(!hasChromium)("opens from the disk, on a phone and in the dark (skipped without Chromium)", async () => {
    const browser = await launchChromium();
    const errors: string[] = [];
    try {
      const page = await browser.newPage({ viewport: { width: 390, height: 844 }, colorScheme: "dark" });
      page.on("pageerror", (error) => errors.push(error.message));
      page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
      for (const name of ["index", "guide", "models", "decompose", "verification"]) {
        await page.goto(pathToFileURL(join(dir, `${name}.html`)).href);
        expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBe(390);
      }
      expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(20, 23, 27)");
      await page.goto(pathToFileURL(join(dir, "models.html")).href);
      await page.locator('h3#dino_rn50 + p a:text("In the explorer")').click();
      expect(await page.locator("dialog[open] h2").textContent()).toBe("dino_rn50");
      await page.keyboard.press("Escape");
      await page.getByRole("navigation", { name: "Site" }).getByRole("link", { name: "Docs" }).click();
      expect(await page.title()).toContain("ssl-hub");
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
