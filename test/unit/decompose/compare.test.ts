import { describe, expect, it } from "vitest";
import { comparePage } from "../../../src/analysis/compare-page.ts";
import { type LabelPoint, labelCurve } from "../../../src/decompose/compare/label-curve.ts";
import { type ComparedModel, verdicts } from "../../../src/decompose/compare/verdicts.ts";
import { arrays } from "../../../src/decompose/datasets/arrays.ts";
import type { FeatureSet, Probe } from "../../../src/decompose/types.ts";
import { isTest, problemOf, rowsOf } from "./problems.ts";

const problem = problemOf({ seed: 21, n: 350, d: 6, K: 3, sep: 0.6 });
const set = ({ x, y, d }: typeof problem) => arrays(x, y, { dim: d });
const train = set(rowsOf(problem, (i) => !isTest(i)));
const test = set(rowsOf(problem, isTest));

describe("labelCurve", () => {
  it("draws balanced, nested, seeded subsets of each size", async () => {
    const fitted: FeatureSet[] = [];
    const spy: Probe = {
      name: "spy",
      async fit(rows) {
        fitted.push(rows);
        return {
          predict: async (x) => new Int32Array(x.n),
          report: { loss: null, gradientNorm: null, iterations: 0 },
          dispose() {},
        };
      },
    };
    const points = await labelCurve(train, test, { probe: spy, shots: [10, 2, 10, 1000], draws: 3 });
    expect(points.map(({ shots, images }) => [shots, images])).toEqual([
      [2, 6],
      [10, 30],
      [null, 300],
    ]);
    expect(fitted.map(({ n }) => n)).toEqual([6, 6, 6, 30, 30, 30, 300]);
    for (const { labels, n } of fitted) {
      for (const c of [0, 1, 2]) expect(labels.filter((label) => label === c).length).toBe(n / 3);
    }
    const values = async (rows: FeatureSet) => (await rows.rows(0, rows.n)).join();
    const [few, many] = [fitted[0]!, fitted[3]!];
    const held = new Set(Array.from({ length: many.n }, (_, i) => i));
    const manyRows = await Promise.all([...held].map(async (i) => (await many.rows(i, i + 1)).join()));
    for (let i = 0; i < few.n; i++) expect(manyRows).toContain((await few.rows(i, i + 1)).join());
    expect(await values(fitted[0]!)).not.toBe(await values(fitted[1]!));
  });

  it("falls with more labels and repeats itself", async () => {
    const points = await labelCurve(train, test, { shots: [3, 30] });
    expect(points[0]!.error).toBeGreaterThan(points[2]!.error);
    for (const { draws, error } of points) {
      expect(error).toBeCloseTo(draws.reduce((sum, one) => sum + one, 0) / draws.length, 10);
    }
    expect(points[0]!.draws).toHaveLength(5);
    expect(points[0]!.standard_error).toBeGreaterThan(0);
    expect(await labelCurve(train, test, { shots: [3, 30] })).toEqual(points);
  });

  it("refuses wrong options", async () => {
    await expect(labelCurve(train, test, { shots: [0] })).rejects.toThrow(TypeError);
    await expect(labelCurve(train, test, { draws: 1.5 })).rejects.toThrow(TypeError);
    await expect(labelCurve(train, test, { probe: "none" as never })).rejects.toThrow(TypeError);
  });
});

const point = (shots: number | null, draws: number[]): LabelPoint => {
  const error = draws.reduce((sum, one) => sum + one, 0) / draws.length;
  return { shots, images: shots ?? 500, error, standard_error: 1, draws };
};
const model = (name: string, parts: [number | null, number, number, number], curve: LabelPoint[]): ComparedModel => {
  const [approx, usability, probe_gen, enc_gen] = parts;
  const agg_risk = (approx ?? 0) + usability + probe_gen + enc_gen;
  return { model: name, approx, usability, probe_gen, enc_gen, agg_risk, curve };
};

describe("verdicts", () => {
  const rows = [
    model("wide", [1, 2, 9, 3], [point(3, [40, 44, 42]), point(null, [15])]),
    model("small", [null, 12, 2, -1], [point(3, [30, 33, 32]), point(null, [13.5])]),
  ];
  const found = verdicts(rows);

  it("names what limits each model", () => {
    expect(found.models.map(({ limited_by, points }) => [limited_by, points])).toEqual([
      ["probe_gen", 9],
      ["usability", 12],
    ]);
    expect(found.models[0]!.text).toContain("limited by probe generalization (9.0 points; 15.0 in all)");
    expect(found.models[1]!.text).toContain("approximation and usability together");
  });

  it("compares draw by draw and says when the difference may be chance", () => {
    expect(found.labels[0]).toMatchObject({ shots: 3, best: "small", equals: [] });
    expect(found.labels[0]!.text).toContain("10.3 points before wide");
    expect(found.labels[1]).toMatchObject({ shots: null, best: "small", equals: ["wide"] });
    expect(found.labels[1]!.text).toContain("not clearly better than wide");
  });

  it("speaks of one model, and of one without error", () => {
    const alone = verdicts([model("only", [0, 0, 0, 0], [point(null, [0])])]);
    expect(alone.models[0]!.text).toContain("nothing limits it");
    expect(alone.labels[0]!.text).toBe("With all 500 labels: 0.0 % error.");
  });
});

describe("comparePage", () => {
  it("is one file with figures, tables and words, and loads nothing", async () => {
    const rows = [
      model("a<b", [1, 2, 9, 3], [point(3, [40, 44, 42]), point(null, [15])]),
      model("other", [1, 12, 2, -1], [point(3, [30, 33, 32]), point(null, [13.5])]),
    ];
    const page = await comparePage({
      title: 'Two & "more" <i>',
      rows: rows.map((row) => ({ ...row, standard_errors: { probe_gen: 0.25, enc_gen: 0.25 } })),
      curve: rows.flatMap((row) => row.curve.map((one) => ({ model: row.model, ...one }))),
      limits: ["first sentence", "a<b: limited"],
      labels: ["second sentence", "a<b: labels"],
      facts: [
        ["Probe", "logistic"],
        ["n<m", "1<2"],
      ],
    });
    expect(page.match(/<svg/g)).toHaveLength(2);
    expect(page).not.toMatch(/<script|<link|<img|src=|@import|url\(http/);
    // Vega escapes what it draws; the rest is ours.
    const ours = page.replace(/<svg[\s\S]*?<\/svg>/g, "");
    expect(ours).toContain("<title>Two &amp; &quot;more&quot; &lt;i&gt;</title>");
    expect(ours.match(/>a&lt;b<\/t[dh]>/g)).toHaveLength(2);
    for (const text of ["a&lt;b: limited", "a&lt;b: labels", "n&lt;m", "1&lt;2"]) expect(ours).toContain(text);
    expect(page).not.toMatch(/a<b|n<m|1<2|<i>/);
    for (const text of ["first sentence", "second sentence", "9.00 ± 0.25", "42.00 ± 1.00", "logistic"]) {
      expect(page).toContain(text);
    }
    expect(page).toContain("currentColor");
    expect(page).toContain("prefers-color-scheme:dark");
  });
});
