import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
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

  const json = (value: unknown) => ({ name: "mine.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(value)) }); // biome-ignore format: a line
  const mine = [
    { model: "my_vit", approx: 0.9, usability: 4.4, probe_gen: 12.3, enc_gen: 3.3, agg_risk: 20.9, shot5: 41.2 },
    { model: "dino_rn50", usability: 2.8, probe_gen: 23.9, enc_gen: -4.3, agg_risk: 22.4 },
  ];

  test("own runs are marked in every view, and gone with the page unless they are kept", async () => {
    await open();
    await page.locator("#runs-title").click();
    await page.locator("#runs-file").setInputFiles([json(mine)]);
    const all = hub.list().length;
    await expect.poll(() => page.locator("#count").textContent()).toBe(`${all + 2} of ${all + 2} models, 169 measured, 2 yours`); // biome-ignore format: a line
    await page.locator("#runs-only").click();
    expect(await names()).toEqual(["my_vit (yours)", "dino_rn50 (yours)"]);
    // A run of a hub's model is described as that is.
    expect(await page.locator("tr.yours", { hasText: "dino_rn50" }).textContent()).toContain("resnet50");

    await open("#view=scatter");
    expect(await page.locator("tr.yours").count()).toBe(0);
    await page.locator("#runs-title").click();
    await page.locator("#runs-file").setInputFiles([json(mine)]);
    const diamonds = page.locator('svg.marks path[fill="#D55E00"][stroke="black"]');
    await expect.poll(() => diamonds.count()).toBe(2);
    expect(await page.locator(".chart + .note").textContent()).toContain("2 of yours, red diamonds, left out");
    await page.locator("#view-risk").click();
    await page.locator("svg.marks text", { hasText: "my_vit (yours)" }).waitFor();
    expect(await page.locator("svg.marks text", { hasText: "(yours)" }).count()).toBe(2);
    await page.locator("#view-labels").click();
    const five = results.filter((row) => Number(row["train-nperclass-5_test"] ?? 99) < 41.2).length;
    expect(await page.locator("table.best tr.yours", { hasText: "my_vit" }).textContent()).toContain(`41.2 rank ${five + 1} of`); // biome-ignore format: a line
    await page.locator("#runs-compare").click();
    expect(await page.locator("table.compare thead a").allTextContents()).toEqual(["my_vit (yours)", "dino_rn50 (yours)"]); // biome-ignore format: a line
    expect(page.url()).toContain("pick=my_vit");

    await page.locator("#runs-keep").check();
    await page.reload();
    expect(await page.locator("table.compare thead a").count()).toBe(2);
    await page.locator("#runs-title").click();
    await page.locator("#runs-remove-0").click();
    await page.reload();
    expect(await page.locator("#runs-title").textContent()).toBe("Your own runs");
    expect(await page.locator("table.compare").count()).toBe(0);
    await page.evaluate(() => localStorage.clear());
  });

  test("a file dropped on the page is taken, and one that holds no runs is told", async () => {
    await open();
    const drop = (name: string, text: string) =>
      page.evaluate(([name, text]) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([text!], name!));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
      }, [name, text]); // biome-ignore format: a line
    await drop("cat.jpg", "\u0000\u0001");
    const faults = page.locator("#runs .faults li");
    await expect.poll(() => faults.allTextContents()).toEqual([expect.stringContaining("Cannot read the runs of cat.jpg: it is neither JSON nor CSV")]); // biome-ignore format: a line
    await drop("mine.csv", "model,shot5\n<b>x</b>,12.5\n");
    await expect.poll(() => page.locator("tr.yours th").textContent()).toBe("◆ <b>x</b> (yours)");
    expect(await faults.count()).toBe(0);
  });

  test("ssl-hub explore --runs puts them into the page", async () => {
    const dir = await mkdtemp(join(tmpdir(), "ssl-hub-explore-runs-"));
    const job = { signal: new AbortController().signal, onProgress() {} };
    try {
      await writeFile(join(dir, "mine.json"), JSON.stringify(mine).replace("my_vit", "</script><b>"));
      const runs = [join(dir, "mine.json")];
      await explore.run([], { out: join(dir, "page"), runs }, { json: true, job, print() {} });
      await page.goto(`${pathToFileURL(join(dir, "page/index.html")).href}#where=whose=yours`);
      expect(await names()).toEqual(["</script><b> (yours)", "dino_rn50 (yours)"]);
      expect(await readFile(built, "utf8")).not.toContain("runs.js");
      await writeFile(runs[0]!, "[]");
      const again = explore.run([], { runs }, { json: true, job, print() {} });
      await expect(again).rejects.toThrow(/mine.json: it holds no model/);
    } finally {
      await rm(dir, { recursive: true });
    }
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
