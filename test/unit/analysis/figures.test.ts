import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { CHAPTERS } from "../../../src/analysis/analyze.ts";
import {
  analyze,
  computeNumbers,
  type Datum,
  FIGURE_IDS,
  makeStudy,
  readRuns,
  writeAnalysis,
} from "../../../src/analysis/index.ts";

const dir = mkdtempSync(join(tmpdir(), "ssl-hub-analysis-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A run of which everything is known, one of errors alone, and one of a hub name. */
const described = {
  ssl: { ssl_mode: "contrastive", objective: "simclr" },
  model: { architecture: "resnet50", architecture_exact: "resnet50", family: "resnet", n_parameters: 23508032 },
  ...{ patch_size: 7, projection1_arch: "mlp", projection2_arch: "mlp", z_dim: 1024, epochs: 150, batch_size: 512 },
  ...{ optimizer: "lars", pretraining_data: "ImageNet-1K", views: "2x224", year: 2022, train_rank: 900 },
  ...{ augmentations: ["crop", "flip", "color", "gray", "blur"], train_uniformity: -3.5, train_alignment: 1.1 },
  ...{ trainrealaug_alignment: 0.25, trainrealaug_vars: 0.2, top1acc_in1k_official: 70 },
};
const errors = { approx: 0.8, usability: 4.2, probe_gen: 21.1, enc_gen: 3, agg_risk: 29.1, shot3: 61.5, shot5: 55, shot30: 41, pct1: 44 }; // biome-ignore format: one line
const given = [
  { model: "mine", ...errors, alternative: { enc_gen: 1, probe_gen: 22 }, hyper_parameters: described },
  { model: "bare", ...errors, agg_risk: 69.1 },
  { model: "dino_rn50", ...errors, usability: 1 },
];
const runsFile = join(dir, "mine.json");
writeFileSync(runsFile, JSON.stringify(given));
const like = makeStudy().all[0]!;
const runs = await readRuns(runsFile, like);
const analysis = analyze({ runs });
const plain = new Map(
  CHAPTERS.flatMap(({ make }) => make(makeStudy(), analysis.numbers)).map((figure) => [figure.id, figure]),
);
const isYours = (row: Datum) => row.whose === "your runs";

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
      rows.filter((row) => row.at === "2021" && row.version === version && !isYours(row)).reduce((sum, row) => sum + (row.value as number), 0); // biome-ignore format: one line
    const { agg_risk } = analysis.numbers["trend.min.2021"] as { agg_risk: number };
    expect(height("corrected")).toBeCloseTo(agg_risk, 6);
    expect(agg_risk - height("as published")).toBeCloseTo(0.85, 2);
  });

  test("a run of which all is known is in every figure, or the figure says why it cannot be", () => {
    const absent = analysis.figures.filter(({ rows }) => !rows.some((row) => isYours(row) && row.model === "mine"));
    for (const { id, how, noRuns, other } of absent) {
      expect(noRuns ?? other, id).toBeDefined();
      expect(how, id).toContain(noRuns ?? `mine (${other})`);
    }
    // Of the pairs a run is in those with an encoder that differs in one thing; the others cannot show runs.
    expect(absent.filter(({ other }) => other === undefined).map(({ id }) => id)).toEqual(["overview", "fig5_evaluation", "scaling_table", "scaling_appendix", "scaling_splits", "importance", "controlled_effects", "random_init", "correlations"]); // biome-ignore format: one line
  });

  test("what a run lacks is named", () => {
    const how = (id: string) => analysis.figures.find((figure) => figure.id === id)!.how;
    expect(how("fig7_dim")).toContain("Not in it of your runs: bare (no z_dim)");
    expect(how("fig4_trend")).toContain("bare (no year)");
    expect(how("tradeoff_all")).not.toContain("Not in it");
  });

  test("a hub name brings its metadata, and does not hide the paper's row", () => {
    const own = runs.find(({ name }) => name === "dino_rn50 (yours)")!;
    expect(own).toMatchObject({ family: "resnet", z_dim: 2048, nviews: 8, year: 2021, usability: 1 });
    expect(analysis.figures.find(({ id }) => id === "table_all")!.rows.filter(({ model }) => String(model).startsWith("dino_rn50"))).toHaveLength(2); // biome-ignore format: one line
  });

  test("a run stands among the encoders that differ from it in one thing", async () => {
    const file = join(dir, "views.json");
    writeFileSync(file, JSON.stringify([{ model: "swav_rn50_ep400", ...errors, hyper_parameters: { nviews: 4 } }]));
    const [figure] = analyze({ runs: await readRuns(file, like), only: ["fig9b_nviews"] }).figures;
    const own = figure!.rows.filter(isYours);
    expect(own.map(({ group, nviews }) => [group, nviews])).toEqual([["swav_rn50_ep400", 4], ["swav_rn50_ep400", 4]]); // biome-ignore format: one line
    expect(figure!.how).toContain("Your runs are the red diamonds.");
    expect(figure!.rows.filter((row) => !isYours(row)).map(({ value }) => value)).toEqual(plain.get("fig9b_nviews")!.rows.map(({ value }) => value)); // biome-ignore format: one line
  });

  test("a run of a hub name is described as the paper's row is", () => {
    const own = runs.find(({ name }) => name === "dino_rn50 (yours)")!;
    const paper = makeStudy().all.find(({ name }) => name === "dino_rn50")!;
    for (const column of [
      "patch_size",
      "n_augmentations",
      "nviews",
      "n_parameters",
      "projection_nparameters_hidden",
      "learning_rate",
      "z_layer",
      "version",
      "img_size",
      "other",
    ]) {
      // biome-ignore format: one line
      expect(own[column], column).toEqual(paper[column]);
    }
  });

  test("own runs move no published point, fit or sentence", () => {
    for (const { id, how, note, rows } of analysis.figures) {
      if (id === "yours") continue;
      const before = plain.get(id)!;
      expect(how.startsWith(before.how), id).toBe(true);
      expect(note, id).toBe(before.note);
      expect(
        rows.filter((row) => !isYours(row)),
        id,
      ).toEqual(before.rows);
    }
    expect(analysis.numbers["counts.models"]).toBe(169);
  });

  test.each(CHAPTERS.map((chapter) => [chapter.ids.join(", "), chapter] as const))("%s: made of what the chapter needs", (_, chapter) => {
    const needed = new Set(chapter.needs);
    if (needed.has("scaling")) return expect(chapter.needs).toEqual(["scaling"]);
    const study = makeStudy();
    const figures = chapter.make(study, computeNumbers(study, chapter.needs));
    expect(figures.map(({ id }) => id).filter((id) => !chapter.ids.includes(id))).toEqual([]);
    for (const figure of figures) expect(figure.rows).toEqual(plain.get(figure.id)!.rows);
  }); // biome-ignore format: a long title

  test("every band of a stacked area has a value at every place: none is added at its end", () => {
    for (const { id, spec } of analysis.figures) {
      const drawn = spec as { data?: { values?: Datum[] }; spec?: { layer?: { mark?: { type?: string } }[] } };
      if (drawn?.spec?.layer?.[0]?.mark?.type !== "area") continue;
      const values = drawn.data!.values!.filter((row) => !isYours(row));
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
    expect(swav).toEqual({
      model: "swav_rn50w4",
      whose: "the paper's",
      ...(numbers["radar.scaled.swav_rn50w4"] as object),
    });
  });

  test("an unknown figure and bad runs are told", async () => {
    expect(() => analyze({ only: ["fig99"] })).toThrow(/no figure fig99.*radar/);
    for (const [text, message] of [
      ["{", /not JSON/],
      ["[]", /holds no model/],
      [
        '[{"model":"a","agg_risk":9,"hyper_parameters":{"zdim":3}}]',
        /zdim, and there is no such column. The nearest are z_dim/,
      ],
      ['[{"model":"a","agg_risk":9,"hyper_parameters":{"z_dim":1.5}}]', /has z_dim 1.5/],
      ['[{"model":"a","agg_risk":9,"metadata":[1]}]', /metadata \[1\], not an object/],
      ['[{"model":"a","agg_risk":9,"metadata":{"data":{"views":"many"}}}]', /has views many/],
      ['[{"model":"a","train_rank":9}]', /run of a: .* no error/],
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
  expect(lines).toHaveLength(1 + 5 * (5 + runs.length));
});
