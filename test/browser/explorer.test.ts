import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { explore } from "../../src/cli/explore.ts";
import * as hub from "../../src/index.ts";
import { hasChromium, launchChromium } from "../support/chromium.ts";

const built = fileURLToPath(new URL("../../dist/pages/explorer/index.html", import.meta.url));

/** Rows as `ssl-hub results` has them: what the page shows is compared with the tables, not with itself. */
const results = hub.resultsDf().objects() as { name: string; [column: string]: unknown }[];

describe.skipIf(!hasChromium)("the explorer from the disk (skipped without Chromium)", () => {
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];

  beforeAll(async () => {
    if (!existsSync(built)) throw new Error("dist/pages/explorer is missing: run npm run build");
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    errors.length = 0;
    page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) errors.push(message.text());
    });
    // Whatever is not a file of the folder would need the network.
    page.on("request", (request) => {
      if (!/^(file|data|blob):/.test(request.url())) errors.push(`asks for ${request.url()}`);
    });
  });
  afterEach(async () => {
    await page.close();
    expect(errors).toEqual([]);
  });

  const open = (hash = "") => page.goto(pathToFileURL(built).href + hash);
  const names = () => page.locator("table.models tbody th a").allTextContents();

  test("lists every model, best first, and sorts by a header", async () => {
    await open();
    expect(await page.locator("#count").textContent()).toBe(
      `${hub.list().length} of ${hub.list().length} models, 169 measured`,
    );
    const best = results.toSorted((a, b) => Number(a.train_test) - Number(b.train_test)).map(({ name }) => name);
    expect((await names()).slice(0, 5)).toEqual(best.slice(0, 5));
    expect(await page.locator("th[aria-sort]").textContent()).toContain("Error, all labels");
    await page.locator("#sort-probe_gen").focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    expect(await page.locator("th[aria-sort=descending] button").getAttribute("title")).toBe("probe_gen");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("sort-probe_gen");
    const worst = results.toSorted((a, b) => Number(b.probe_gen) - Number(a.probe_gen))[0]!.name;
    expect((await names())[0]).toBe(worst);
    await page.goBack();
    expect(page.url()).toContain("sort=probe_gen");
  });

  test("filters as ssl-hub list does, and says what is wrong with a condition", async () => {
    await open();
    await page.locator("#where").fill("train_test<=30 objective=dino,msn z_layer=cls");
    expect((await names()).sort()).toEqual(
      hub.list({ train_test: { max: 30 }, objective: ["dino", "msn"], z_layer: "cls" }).sort(),
    );
    await page.locator("#where").fill("nonsense<=3");
    expect(await page.locator("#fault").textContent()).toBe("There is no column nonsense.");
    await page.locator("#where").fill("");
    await page.locator("#search").fill("clip_*14");
    expect((await names()).sort()).toEqual(hub.list("clip_*14").sort());
    await page.locator("#facet-commercial").selectOption("true");
    expect(await names()).toEqual((await names()).filter((name) => !hub.card(name as hub.ModelName).non_commercial));
    await page.locator("#reset").click();
    expect((await names()).length).toBe(hub.list().length);
  });

  test("draws what its address says, and a click opens a card", async () => {
    await open("#view=scatter&q=rn50&x=enc_gen&y=train_test&color=objective&pick=dino_rn50");
    const shown = results.filter(({ name }) => name.toLowerCase().includes("rn50"));
    await page.locator("svg.marks .mark-symbol.role-mark path").first().waitFor();
    expect(await page.locator("svg.marks .mark-symbol.role-mark path").count()).toBe(shown.length);
    expect(await page.locator("svg.marks .mark-text.role-mark").first().textContent()).toContain("dino_rn50");
    await page.locator("svg.marks .mark-symbol.role-mark path").first().click({ force: true });
    await page.locator("dialog[open]").waitFor();
    expect(page.url()).toMatch(/model=\w+/);
    await page.keyboard.press("Escape");
    await page.locator("dialog[open]").waitFor({ state: "hidden" });
    // The dialog tells that it was closed a moment after.
    await expect.poll(() => page.url()).not.toContain("model=");
  });

  test("a card has code, licence, preprocessing, source, errata", async () => {
    await open("#model=deepcluster_rn50_bs512_ep200_mmselfsup");
    const card = page.locator("dialog[open]");
    expect(await card.locator("#card-code").textContent()).toContain(
      'hub.load("deepcluster_rn50_bs512_ep200_mmselfsup")',
    );
    const text = await card.textContent();
    for (const part of ["Licence", "Apache-2.0", "centre crop 224", "Source", "Erratum E02", "another model"]) {
      expect(text).toContain(part);
    }
    await card.locator("#card-pick").click();
    await card.getByRole("link", { name: "Compare" }).click();
    expect(await page.locator("table.compare thead a").allTextContents()).toEqual([
      "deepcluster_rn50_bs512_ep200_mmselfsup",
    ]);
  });

  test("compares models, and ranks by number of labels", async () => {
    await open("#view=compare&pick=dino_rn50,swav_rn50");
    await page.locator("svg.marks .mark-rect.role-mark path").first().waitFor();
    const row = page.locator("table.compare tr", { has: page.getByText("Error, all labels (%)", { exact: true }) });
    const error = (name: string) => Number(results.find((row) => row.name === name)!.train_test).toFixed(1);
    expect(await row.locator("td").allTextContents()).toEqual([`${error("dino_rn50")} (lowest)`, error("swav_rn50")]);
    await page.locator("#view-labels").click();
    await page.locator("svg.marks .mark-line").first().waitFor();
    const five = results
      .filter((row) => row["train-nperclass-5_test"] !== null)
      .sort((a, b) => Number(a["train-nperclass-5_test"]) - Number(b["train-nperclass-5_test"]));
    const first = page.locator("table.best tbody tr").first();
    expect(await first.locator("td a").nth(1).textContent()).toBe(five[0]!.name);
  });

  test("fits a phone, follows the colours", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.emulateMedia({ colorScheme: "dark" });
    for (const view of ["table", "scatter", "compare"]) {
      await open(`#view=${view}&pick=dino_rn50,swav_rn50&x=n_parameters&logX=1`);
      if (view !== "table") await page.locator("svg.marks").first().waitFor();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    }
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await background()).toBe("rgb(20, 23, 27)");
    await page.locator("#theme").selectOption("light");
    expect(await background()).toBe("rgb(255, 255, 255)");
  });

  test("ssl-hub explore copies it whole", async () => {
    const dir = await mkdtemp(join(tmpdir(), "ssl-hub-explore-"));
    const printed: string[] = [];
    try {
      const job = { signal: new AbortController().signal, onProgress() {} };
      await explore.run([], { out: dir }, { json: true, job, print: (text) => printed.push(text) });
      const files = ["charts.js", "data.js", "explorer.css", "explorer.js", "index.html"];
      expect((await readdir(dir)).sort()).toEqual(files);
      const { url } = JSON.parse(printed[0]!);
      await page.goto(url);
      expect((await names()).length).toBe(hub.list().length);
      await explore.run([], {}, { json: false, job, print: (text) => printed.push(text) });
      expect(printed[1]).toBe(`Open this page: ${pathToFileURL(built).href}`);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
