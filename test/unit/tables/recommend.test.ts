import { describe, expect, it } from "vitest";
import * as hub from "../../../src/index.ts";
import { loadResults, measuresAnother } from "../../../src/tables/results.ts";

/** The same choice made plainly from the tables. */
function best(column: string, keep: (name: string) => boolean): string {
  const rows = loadResults().filter(
    (row) => hub.isModel(row.name) && !measuresAnother(row.name) && typeof row[column] === "number" && keep(row.name),
  );
  return rows.reduce((a, b) => ((b[column] as number) < (a[column] as number) ? b : a)).name;
}

const facts = hub.metadataDict();

describe("hub.recommend", () => {
  it("gives the smallest error of the paper for each number of labels", () => {
    const columns = {
      full: "train_test",
      "1%": "train-balsbst-ntrain0.01_test",
      3: "train-nperclass-3_test",
      5: "train-nperclass-5_test",
      30: "train-nperclass-30_test",
    };
    for (const [shots, column] of Object.entries(columns)) {
      const answer = hub.recommend({ shots: shots === "full" || shots === "1%" ? shots : Number(shots) });
      expect(answer.column).toBe(column);
      expect(answer.models[0]!.name).toBe(best(column, () => true));
      const errors = answer.models.map(({ error }) => error);
      expect(errors).toEqual([...errors].sort((a, b) => a - b));
      expect(answer.models).toHaveLength(5);
    }
  });

  it("keeps to every condition and counts what it left out", () => {
    const answer = hub.recommend({ shots: 5, maxParams: 30e6, family: "ViT", commercial: true, maxDim: 400, limit: 3 });
    for (const { name, license, n_parameters, z_dim, family } of answer.models) {
      expect(family).toBe("vit");
      expect(n_parameters).toBeLessThanOrEqual(30e6);
      expect(z_dim).toBeLessThanOrEqual(400);
      expect(license).not.toMatch(/NC/);
      expect(facts[name]!.meta.license).toBe(license);
    }
    const left = answer.left_out.reduce((sum, { count }) => sum + count, 0);
    expect(left + answer.considered).toBe(loadResults().length);
    expect(answer.models[0]!.name).toBe(
      best("train-nperclass-5_test", (name) => {
        const { model, meta, representation } = facts[name]!;
        return (
          model.family === "vit" &&
          model.n_parameters! <= 30e6 &&
          representation.z_dim! <= 400 &&
          meta.license !== null &&
          !/NC/.test(meta.license)
        );
      }),
    );
    expect(answer.models[0]!.reason).toContain(`the smallest of ${answer.considered}`);
    expect(answer.models[1]!.behind).toBeCloseTo(answer.models[1]!.error - answer.models[0]!.error, 12);
  });

  it("takes other columns, and says when nothing fits", () => {
    const answer = hub.recommend({ filter: { ssl_mode: "contrastive" }, objective: "simclr" });
    expect(answer.models.every(({ objective }) => objective === "simclr")).toBe(true);
    const none = hub.recommend({ maxParams: 10 });
    expect([none.models, none.considered]).toEqual([[], 0]);
    expect(none.notes.join()).toMatch(/No model fulfils/);
  });

  it("says which setting stands for a number that was not measured, and what to mind", () => {
    const answer = hub.recommend({ shots: 10 });
    expect(answer.column).toBe("train-balsbst-ntrain0.01_test");
    expect(answer.notes.join()).toMatch(/no result for 10 images/);
    expect(hub.recommend({ shots: 100_000 }).column).toBe("train_test");
    const limited = hub.recommend({ limit: 200 }).models.filter(({ license }) => license?.includes("NC"));
    expect(limited.length).toBeGreaterThan(0);
    for (const { caveats } of limited) expect(caveats.join()).toMatch(/not for commercial use/);
  });

  it("names the largest part also where approximation and usability are not told apart", () => {
    const merged = hub.recommend({ limit: 200 }).models.filter(({ approx }) => approx === null);
    expect(merged.length).toBeGreaterThan(0);
    for (const { reason, error, probe_gen, enc_gen } of merged) {
      const rest = error - probe_gen! - enc_gen!;
      if (rest > Math.max(probe_gen!, enc_gen!)) expect(reason).toContain(`(${rest.toFixed(1)})`);
    }
  });

  it("refuses what no model could be", () => {
    expect(() => hub.recommend({ family: "vitt" })).toThrow(/Did you mean vit/);
    expect(() => hub.recommend({ shots: 0 })).toThrow(TypeError);
    expect(() => hub.recommend({ shots: "2%" as never })).toThrow(TypeError);
    expect(() => hub.recommend({ limit: 0 })).toThrow(TypeError);
    expect(() => hub.recommend({ filter: { famly: "vit" } })).toThrow(/no column famly/);
  });
});
