import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { analyze, FIGURE_IDS, makeStudy, readRuns, writeAnalysis } from "../../../src/analysis/index.ts";

const dir = mkdtempSync(join(tmpdir(), "ssl-hub-analysis-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const runsFile = join(dir, "mine.json");
writeFileSync(runsFile, JSON.stringify([{ model: "mine", approx: 0.8, usability: 4.2, probe_gen: 61.1, enc_gen: 3, agg_risk: 69.1, shot3: 41.5 }])); // biome-ignore format: one line
const runs = await readRuns(runsFile, makeStudy().all[0]!);
const analysis = analyze({ runs });

describe("figures", () => {
  test("all of the main text are there, in the paper's order, with data and how to read them", () => {
    const ids = analysis.figures.map(({ id }) => id);
    expect(ids.slice(0, FIGURE_IDS.length)).toEqual(FIGURE_IDS);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, how, title, rows } of analysis.figures) {
      expect(rows.length, id).toBeGreaterThan(0);
      expect(how.length, id).toBeGreaterThan(20);
      expect(title.length, id).toBeGreaterThan(5);
    }
  });

  test("missing parts are not drawn as 0: the stack of 2021 is as high as its error", () => {
    const rows = analysis.figures.find(({ id }) => id === "fig4_trend")!.rows;
    const height = (version: string) =>
      rows.filter((row) => row.at === "2021" && row.version === version).reduce((sum, row) => sum + (row.value as number), 0); // biome-ignore format: one line
    const { agg_risk } = analysis.numbers["trend.min.2021"] as { agg_risk: number };
    expect(height("corrected")).toBeCloseTo(agg_risk, 6);
    expect(agg_risk - height("as published")).toBeCloseTo(0.85, 2);
  });

  test("a reader's own run is in the figures and not in the numbers", () => {
    const mine = (id: string) =>
      analysis.figures.find((figure) => figure.id === id)!.rows.filter((row) => row.model === "mine");
    for (const id of ["tradeoff_all", "table_all", "scaling_law", "yours"])
      expect(mine(id).length, id).toBeGreaterThan(0);
    expect(mine("tradeoff_all")[0]).toMatchObject({ whose: "yours", usability: 4.2 });
    expect(analysis.numbers["counts.models"]).toBe(169);
  });

  test("every band of a stacked area has a value at every place: none is added at its end", () => {
    for (const { id, spec } of analysis.figures) {
      const drawn = spec as { data?: { values?: Record<string, unknown>[] }; spec?: { mark?: { type?: string } } };
      if (drawn?.spec?.mark?.type !== "area") continue;
      const values = drawn.data!.values!;
      for (const panel of new Set(values.map((row) => row.version ?? row.group))) {
        const rows = values.filter((row) => (row.version ?? row.group) === panel);
        const count = (key: string) => new Set(rows.map((row) => row[key])).size;
        expect(rows.length, `${id} ${panel}`).toBe(count("at") * count("component"));
      }
    }
  });

  test("a reader's own run moves neither the law nor the scale of the radars", () => {
    const { numbers } = analysis;
    const of = (id: string) => analysis.figures.find((figure) => figure.id === id)!;
    const { alpha, B } = numbers["scaling.ours2.params"] as { alpha: number; B: number };
    expect(of("scaling_law").how).toContain(`(alpha ${alpha.toFixed(3)}, B ${B.toFixed(3)}) fitted on 729 errors`);
    const swav = of("radar").rows.find(({ model }) => model === "swav_rn50w4");
    expect(swav).toEqual({ model: "swav_rn50w4", ...(numbers["radar.scaled.swav_rn50w4"] as object) });
  });

  test("an unknown figure and bad runs are told", async () => {
    expect(() => analyze({ only: ["fig99"] })).toThrow(/no figure fig99.*radar/);
    const like = makeStudy().all[0]!;
    for (const [text, message] of [
      ["{", /not JSON/],
      ["[]", /holds no model/],
      ['[{"model":"a","usability":"x"}]', /has usability x/],
      ['[{"model":"a","colour":1}]', /no error that is known/],
    ] as const) {
      writeFileSync(join(dir, "bad.json"), text);
      await expect(readRuns(join(dir, "bad.json"), like)).rejects.toThrow(message);
    }
  });
});

test("files: numbers, page, and of a drawn figure SVG, PNG, specification and CSV", async () => {
  const chosen = { ...analysis, figures: analysis.figures.filter(({ id }) => ["fig4_trend", "best5"].includes(id)) };
  await writeAnalysis(chosen, join(dir, "out"));
  expect(readdirSync(join(dir, "out", "figures")).sort()).toEqual(["best5.csv", "fig4_trend.csv", "fig4_trend.png", "fig4_trend.svg", "fig4_trend.vl.json"]); // biome-ignore format: one line
  expect(readFileSync(join(dir, "out/figures/fig4_trend.png")).subarray(1, 4).toString()).toBe("PNG");
  expect(JSON.parse(readFileSync(join(dir, "out/numbers.json"), "utf8"))["counts.objectives"]).toBe(28);
  const page = readFileSync(join(dir, "out/index.html"), "utf8");
  expect(page.indexOf("fig4_trend")).toBeLessThan(page.indexOf("best5"));
  const lines = readFileSync(join(dir, "out/figures/best5.csv"), "utf8").trimEnd().split("\n");
  expect(lines).toHaveLength(26);
});
