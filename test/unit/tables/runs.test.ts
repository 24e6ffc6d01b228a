import { describe, expect, test } from "vitest";
import { ERRORS } from "../../../src/tables/error-columns.ts";
import { loadResults } from "../../../src/tables/results.ts";
import { parseRuns } from "../../../src/tables/runs.ts";

const cells = (value: unknown) => Object.fromEntries(parseRuns(JSON.stringify(value), "f").map((r) => [r.model, r.cells])); // biome-ignore format: one line

describe("runs of users", () => {
  test("every error is a column of the results table", () => {
    const columns = Object.keys(loadResults()[0]!);
    expect(ERRORS.filter((column) => !columns.includes(column))).toEqual([]);
  });

  test("decompose, compare, fewshot and stats give the table's columns", () => {
    const risk = { approx: null, usability: 3, probe_gen: 2, enc_gen: -1, agg_risk: 4 };
    const plain = { usability: 3, probe_gen: 2, enc_gen: -1, train_test: 4 };
    expect(cells([{ model: "a", ...risk, n_train: 1540, probe: "logistic" }])).toEqual({ a: plain });
    expect(cells({ model: "a", ...risk, cs_repeats: [6, 7] })).toEqual({ a: plain });
    const curve = [3, 5, 7, null].map((shots, i) => ({ shots, images: 30, error: 40 - i }));
    expect(cells({ rows: [{ model: "a", z_dim: 256, ...risk, curve }], verdicts: { models: [] } })).toEqual({
      a: { ...plain, z_dim: 256, train_test: 37, "train-nperclass-3_test": 40, "train-nperclass-5_test": 39 },
    });
    const few = { "train-nperclass-3_test": 25.5, "train-balsbst-ntrain0.01_test": 20, "train-nperclass-1_test": 50 };
    expect(cells([{ model: "a", seeds: [0], validation: "rest", ...few }])).toEqual({
      a: { "train-nperclass-3_test": 25.5, "train-balsbst-ntrain0.01_test": 20 },
    });
    expect(cells({ name: "a", columns: { train_rank: 39, train_nc1: null }, train: { n: 5 } })).toEqual({
      a: { train_rank: 39 },
    });
  });

  test("CSV with the table's columns, typed; runs of one model are joined", () => {
    const csv = "\ufeffmodel,shot5,objective,is_ema,augmentations,mine\r\n a ,12.5,dino,yes,crop flip,x\r\n\"b, c\",,,,,\r\na,13,,,,\r\n"; // biome-ignore format: one line
    expect(() => parseRuns(csv, "f.csv")).toThrow("b, c has no error that is known here");
    const [run, ...others] = parseRuns(csv.replace('"b, c",,', '"b, c",3,'), "f.csv");
    const wanted = { "train-nperclass-5_test": 13, objective: "dino", is_ema: true, augmentations: ["crop", "flip"] };
    expect(run).toEqual({ model: "a", cells: wanted });
    expect(others.map(({ model }) => model)).toEqual(["b, c"]);
  });

  test.each([
    ["{", "it is not JSON"],
    ["[]", "it holds no model"],
    ["null", "neither JSON nor CSV"],
    ["<html>", "neither JSON nor CSV with a column model"],
    ['model,approx\n"a', "it is not CSV, line 2"],
    ['[{"model":"a","usability":"x"}]', "a has usability x."],
    ['[{"model":"a","shot3":900}]', "a has shot3 900."],
    ['[{"model":"a","shot3":9,"z_dim":{"x":1}}]', 'a has z_dim {"x":1}.'],
    ['[{"model":"a","shot3":9,"is_ema":"perhaps"}]', "a has is_ema perhaps."],
    ['[{"model":"a","colour":1}]', "no error that is known"],
    [`[{"model":"a${"\\u0007"}","shot3":1}]`, "control characters"],
    [JSON.stringify([{ model: "x".repeat(201), shot3: 1 }]), "longer than 200"],
    [JSON.stringify(Array.from({ length: 1001 }, (_, i) => ({ model: `m${i}`, shot3: 1 }))), "1001 models"],
  ])("%s is told", (text, message) => {
    expect(() => parseRuns(text, "mine.json")).toThrow(message);
    expect(() => parseRuns(text, "mine.json")).toThrow("Cannot read the runs of mine.json");
  });

  test("a value named __proto__ stays a value", () => {
    const [run] = parseRuns('[{"model":"a","shot3":1,"__proto__":{"shot5":7}}]', "f");
    expect(run!.cells).toEqual({ "train-nperclass-3_test": 1 });
  });
});
