import { describe, expect, it } from "vitest";
import { metadataDf, metadataDict, resultsDf } from "../../../src/tables/frames.ts";
import { loadMetadata } from "../../../src/tables/metadata.ts";

describe("frames", () => {
  it("metadataDf: a row a model, a column a field", () => {
    const table = metadataDf();
    expect(table.numRows()).toBe(Object.keys(loadMetadata()).length);
    expect(table.columnNames()).toEqual(expect.arrayContaining(["name", "objective", "z_dim", "license", "citation"]));
    const rows = table.objects() as Record<string, unknown>[];
    expect(rows.find(({ name }) => name === "dino_rn50")).toMatchObject({
      z_dim: 2048,
      license: "Apache-2.0",
      errata: "E18",
      n_classes: loadMetadata().dino_rn50!.ssl.n_classes,
      top1acc_cifar10_linear: null,
    });
  });

  it("resultsDf: 169 rows, errata treated as asked", () => {
    expect([resultsDf().numRows(), resultsDf().numCols()]).toEqual([169, 121]);
    expect(resultsDf({ errata: "drop" }).numRows()).toBe(168);
    const best = resultsDf().orderby("train_test").slice(0, 1).object() as Record<string, unknown>;
    expect(best.name).toBe("clip_vitL14_px336_extractS");
  });

  it("metadataDict: a copy", () => {
    const copy = metadataDict();
    copy.dino_rn50!.representation.z_dim = 1;
    expect(metadataDict().dino_rn50!.representation.z_dim).toBe(2048);
  });
});
