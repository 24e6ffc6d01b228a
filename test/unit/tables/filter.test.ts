import { describe, expect, it } from "vitest";
import { filterColumns, type ListFilter, matchNames } from "../../../src/tables/filter.ts";
import { loadMetadata } from "../../../src/tables/metadata.ts";

const names = Object.keys(loadMetadata());
const list = (filter: ListFilter) => matchNames(names, filter);

describe("matchNames", () => {
  it("takes wildcards on names, whatever the case", () => {
    expect(list("DINO_vitS*")).toEqual(names.filter((name) => name.startsWith("dino_vitS")));
    expect(list("sup_rn5?")).toEqual(["sup_rn50"]);
    expect(list("sup_rn50")).toEqual(["sup_rn50", "sup_rn50w2"]);
    expect(list("no such")).toEqual([]);
    expect(list("a.c(")).toEqual([]);
  });

  it("takes columns of metadata and results together", () => {
    const found = list({ objective: "simclr", n_parameters: { max: 24e6 }, train_test: { max: 35 } });
    expect(found).toContain("simclr_rn50");
    expect(found).not.toContain("simclr_rn101");
    for (const name of found) {
      expect(loadMetadata()[name]!.ssl.objective).toBe("simclr");
      expect(loadMetadata()[name]!.model.n_parameters).toBeLessThanOrEqual(24e6);
    }
    expect(list({ name: "simclr*", license: ["MIT", "Apache-2.0"] }).length).toBe(list("simclr*").length);
    expect(list({ name: "swav*", license: "mit" })).toEqual([]);
    expect(list({ z_dim: 2560, family: "resnet" })).toEqual(["clip_rn50x4"]);
    expect(list({ architecture: "resnet50w*", objective: null })).toEqual(["sup_rn50w2", "init_rn50w2"]);
    expect(list({ is_ema: true, objective: "m*" }).every((name) => /^(moco|msn|mugs|infomin)/.test(name))).toBe(true);
    const jigsaw = list({ augmentations: "jigsaw" });
    expect(jigsaw.length).toBeGreaterThan(0);
    expect(jigsaw.filter((name) => !loadMetadata()[name]!.data.augmentations!.includes("jigsaw"))).toEqual([]);
  });

  it("does not list the renamed SimCLR as DeepCluster", () => {
    expect(list({ objective: "deepcluster" }).every((name) => name.startsWith("dc2_"))).toBe(true);
    expect(list({ objective: "simclr" })).toContain("deepcluster_rn50_bs512_ep200_mmselfsup");
  });

  it("a missing value is in no range", () => {
    expect(list({ train_test: { min: 0 } }).length).toBe(169);
    expect(list({ train_test: null }).length).toBe(names.length - 169);
  });

  it("refuses unknown columns and names the nearest", () => {
    expect(() => list({ licence: "MIT" })).toThrow(/licence.*license/);
    expect(() => list({ objectiv: "dino" })).toThrow(TypeError);
  });

  it.each([
    [{ epochs: { above: 3 } }],
    [{ epochs: {} }],
    [{ epochs: { min: "3" } }],
    [{ epochs: () => true }],
    [7],
    [[1]],
  ])("refuses the condition %j", (filter) => {
    expect(() => list(filter as unknown as ListFilter)).toThrow(TypeError);
  });

  it("knows every column of both tables", () => {
    const columns = filterColumns();
    expect(new Set(columns).size).toBe(columns.length);
    for (const column of ["name", "enc", "z_dim", "train-nperclass-30_test", "nviews", "top1acc_cifar10_linear"]) {
      expect(columns).toContain(column);
    }
  });
});
