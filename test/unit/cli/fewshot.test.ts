import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeStudy, readRuns } from "../../../src/analysis/index.ts";
import { fewshot } from "../../../src/cli/fewshot.ts";

const dir = mkdtempSync(join(tmpdir(), "ssl-hub-fewshot-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function run(models: string[], options: Record<string, string>): Promise<string> {
  const lines: string[] = [];
  const job = { signal: new AbortController().signal, onProgress: () => {} };
  const defaults = { train: "digits:train", test: "digits:test", shots: "3,1%", seeds: "0,1", candidates: "4" };
  const given = { ...defaults, validation: "rest", features: join(dir, "features"), ...options };
  await fewshot.run([models], given, { json: "json" in options, job, print: (text) => lines.push(text) });
  return lines.join("\n");
}

describe("ssl-hub fewshot", () => {
  it("prints errors, chosen C and words, draws the curve; its JSON joins the results table", async () => {
    const svg = join(dir, "curve.svg");
    const text = await run(["tiny_ssl"], { svg });
    expect(text).toMatch(/error in %, labels +3 a class +1% \(15\)/);
    expect(text).toMatch(/tiny_ssl +\d+\.\d\d ±\d+\.\d\d +\d+\.\d\d ±\d+\.\d\d/);
    expect(text).toContain("C from 4 values by the error on 257 training images that are no shots.");
    expect(text).toContain("With 1% of the labels (15): ");
    expect(readFileSync(svg, "utf8")).toMatch(/^<svg[\s\S]*Few-shot error on digits-train/);

    const json = await run(["tiny_ssl"], { json: "", seeds: "0" });
    const [row] = JSON.parse(json);
    expect(row).toMatchObject({ model: "tiny_ssl", z_dim: 256, n_train: 1540, n_test: 257, seeds: [0] });
    expect(row["train-nperclass-3_test"]).toBe(row.points[0].error);
    const [few, whole] = [join(dir, "few.json"), join(dir, "whole.json")];
    writeFileSync(few, json);
    writeFileSync(
      whole,
      JSON.stringify([
        { model: "tiny_ssl", agg_risk: 3.1 },
        { model: "other", shot5: 20 },
      ]),
    );
    const runs = await readRuns([whole, few], makeStudy().all[0]!);
    expect(runs.map((one) => [one.name, one["train-nperclass-3_test"], one["train-balsbst-ntrain0.01_test"], one.train_test])).toEqual([
      ["tiny_ssl", row.points[0].error, row.points[1].error, 3.1],
      ["other", null, null, null],
    ]); // biome-ignore format: one line
  });

  it("refuses a wrong command line before it loads a model", async () => {
    for (const [name, value] of Object.entries({ shots: "3,x", seeds: "a", validation: "some", candidates: "-1" })) {
      await expect(run(["tiny_ssl"], { [name]: value }), name).rejects.toThrow(`--${name} takes`);
    }
    await expect(run(["no_such_model"], { shots: "3,0" })).rejects.toMatchObject({ code: "UNKNOWN_MODEL" });
    await expect(run(["tiny_ssl"], { shots: "500" })).rejects.toMatchObject({ code: "DATA" });
  });
});
