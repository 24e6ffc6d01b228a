import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { describe, expect, it } from "vitest";
import { csvRecords } from "../../../src/core/csv.ts";
import { derivedColumns } from "../../../src/tables/derived.ts";
import { metadataOf } from "../../../src/tables/metadata.ts";
import { type ErrataMode, loadResults, type ResultRow } from "../../../src/tables/results.ts";
import { hasShared, shared } from "../../support/shared.ts";

const row = (name: string, errata?: ErrataMode) => loadResults({ errata }).find((one) => one.name === name)!;
const E02 = "deepcluster_rn50_bs512_ep200_mmselfsup";

describe("results", () => {
  const rows = loadResults();

  it("has 169 rows of 118 columns, name, enc and errata", () => {
    expect(rows.length).toBe(169);
    for (const one of rows) expect(Object.keys(one).length).toBe(118 + 3);
    expect(rows.every(({ name, enc }) => name.toLowerCase() === enc)).toBe(true);
    expect(rows.filter(({ name }) => metadataOf(name) === undefined)).toEqual([]);
  });

  it("fills as many cells as the paper", () => {
    const filled = (column: string) => rows.filter((one) => one[column] !== null).length;
    expect(filled("train_test")).toBe(169);
    expect([filled("approx"), filled("usability"), filled("probe_gen"), filled("enc_gen")]).toEqual([
      146, 146, 169, 169,
    ]);
    expect([filled("train_rank"), filled("train_rank_Z"), filled("trainaug_nc1"), filled("trainrealaug_nc1")]).toEqual([
      142, 113, 138, 114,
    ]);
  });

  it("has the right types", () => {
    expect(row("barlow_rn50")).toMatchObject({
      train_test: 28.82199883460998,
      is_ema: false,
      views: "2x224",
      augmentations: ["crop", "flip", "color", "gray", "blur", "solarize", "normalize"],
      finetuning_data: null,
      "train-nperclass-30_test": 43.576,
      date_published: "2021-03-01",
    });
  });

  it("components sum to the aggregate risk but for the 12 rows the paper clipped at zero", () => {
    const gaps = rows
      .filter(({ approx }) => approx !== null)
      .map((one) => {
        const sum = ["approx", "usability", "probe_gen", "enc_gen"].reduce(
          (total, part) => total + Number(one[part]),
          0,
        );
        return sum - Number(one.train_test);
      });
    // 1e-6 points: the CSV prints float64, the sums differ by rounding only.
    expect(gaps.filter((gap) => Math.abs(gap) > 1e-6).length).toBe(12);
    expect(Math.max(...gaps)).toBeLessThan(1);
  });

  it("derives the computed columns as the paper did, in every row", () => {
    for (const one of rows) {
      const derived = derivedColumns(one);
      expect([one.name, Object.fromEntries(Object.keys(derived).map((key) => [key, one[key]]))]).toEqual([
        one.name,
        derived,
      ]);
    }
  });

  it("gives rows that are the caller's", () => {
    row("barlow_rn50").train_test = 0;
    expect(row("barlow_rn50").train_test).not.toBe(0);
  });
});

describe("errata of results", () => {
  it("flag: the paper's values, ids beside them", () => {
    expect(row(E02)).toMatchObject({ objective: "deepcluster", errata: "E02" });
    expect(row("clip_rn50x4")).toMatchObject({ z_dim: 640 });
    expect(row("clip_rn50x4").errata.split(" ")).toContain("E15");
    expect(row("swav_rn50w2").errata).toBe("E33");
    expect(row("vicreg_rn50").errata).toBe("");
    expect(loadResults()).toEqual(loadResults({ errata: "flag" }));
  });

  it("drop: without the row that measures another model, all else as flagged", () => {
    const dropped = loadResults({ errata: "drop" });
    expect(dropped).toEqual(loadResults().filter(({ name }) => name !== E02));
    expect(dropped.length).toBe(168);
  });

  it("correct: describing columns from the metadata, derived ones computed anew, measurements untouched", () => {
    expect(row("clip_rn50x4", "correct").z_dim).toBe(2560);
    expect(row("simsiam_rn50_bs256_ep100", "correct").license).toBe("CC-BY-NC-4.0");
    expect(row("msn_vitl16_ep600", "correct").epochs).toBe(600);
    const [before, after] = [row(E02), row(E02, "correct")];
    expect(after).toMatchObject({ objective: "simclr", views: "2x224", nviews: 2, is_aug_rotate: 0, is_aug_blur: 1 });
    expect(before).toMatchObject({ views: "224", nviews: 1, is_aug_rotate: 1, is_aug_blur: 0 });
    const measured = (one: ResultRow) => [one.train_test, one.approx, one.probe_gen, one.train_nc1, one.test_alignment];
    expect(measured(after)).toEqual(measured(before));
    const changed = loadResults({ errata: "correct" }).filter((one) => {
      const flagged = row(one.name);
      return Object.keys(one).some((key) => String(one[key]) !== String(flagged[key]));
    });
    const told = loadResults().filter(({ name }) =>
      metadataOf(name)!.meta.errata.some(({ upstream }) => Object.keys(upstream).length > 0),
    );
    expect(changed.map(({ name }) => name)).toEqual(told.map(({ name }) => name));
  });

  it("refuses another mode", () => {
    expect(() => loadResults({ errata: "ignore" as ErrataMode })).toThrow(TypeError);
  });
});

describe("the shipped table", () => {
  it("reads as another parser reads it", () => {
    const text = readFileSync(new URL("../../../assets/results.csv", import.meta.url), "utf8");
    expect(Array.from(csvRecords(text), ({ fields }) => fields)).toEqual(parse(text));
  });
});

describe.skipIf(!hasShared)("results against the paper's CSV (skipped without the shared references)", () => {
  it("every cell of every row is equal, but for notes and documented spellings", () => {
    const text = readFileSync(shared("reference/upstream-results.csv"), "utf8");
    const [, header, , ...lines] = parse(text) as string[][];
    const ours = new Map(loadResults().map((one) => [one.enc, one]));
    expect([lines.length, header!.length - 1]).toEqual([169, 118]);
    expect(Object.keys([...ours.values()][0]!).slice(2, -1)).toEqual(header!.slice(1));
    const respelled = new Set(["notes", "license", "pu_type"]);
    for (const line of lines) {
      const one = ours.get(line[0]!)!;
      for (const [i, column] of header!.entries()) {
        if (i > 0 && !respelled.has(column))
          expect([column, comparable(column, line[i]!)]).toEqual([column, one[column]]);
      }
    }
  });

  function comparable(column: string, cell: string): unknown {
    if (cell === "") return null;
    if (cell === "True" || cell === "False") return cell === "True";
    if (cell.startsWith("[")) return [...cell.matchAll(/'(\w+)'/g)].map((match) => match[1]);
    return column !== "views" && Number.isFinite(Number(cell)) ? Number(cell) : cell;
  }
});
