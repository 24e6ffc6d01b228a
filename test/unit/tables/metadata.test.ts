import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkMetadata, isNonCommercial, loadErrata, loadMetadata, metadataOf } from "../../../src/tables/metadata.ts";
import { hasShared, shared } from "../../support/shared.ts";

const MINIMAL = `
some_model:
  representation: { z_dim: 4, z_layer: avgpool }
  preprocess: [{ op: centerCrop, size: 4 }]
`;

describe("metadata.yaml", () => {
  it("passes its schema, with an entry for every model of the paper and ours", () => {
    const all = loadMetadata();
    // More when somebody adds a model.
    expect(Object.keys(all).length).toBeGreaterThanOrEqual(207);
    expect(Object.values(all).filter(({ ssl }) => ssl.ssl_mode === "supervised").length).toBeGreaterThanOrEqual(15 + 1);
    expect(Object.values(all).filter(({ ssl }) => ssl.ssl_mode === "initialized").length).toBe(17 + 1);
  });

  it("has numbers where upstream has text, null where upstream has ???", () => {
    for (const model of Object.values(loadMetadata())) {
      expect(JSON.stringify(model)).not.toContain("???");
      for (const value of [model.optimization.weight_decay, model.model.projection_nparameters, model.compute.n_pus]) {
        expect(value === null || Number.isFinite(value)).toBe(true);
      }
    }
    expect(metadataOf("swav_rn50")?.optimization.weight_decay).toBe(1e-6);
    expect(metadataOf("swav_rn50")?.model.projection_nparameters).toBe(5e6);
  });

  it("corrects what upstream gets wrong, and says so", () => {
    const corrected = (name: string, id: string) => metadataOf(name)?.meta.errata.find((e) => e.id === id)?.upstream;
    expect(metadataOf("clip_rn50x4")?.representation.z_dim).toBe(2560);
    expect(metadataOf("init_rn50w2")?.representation.z_dim).toBe(4096);
    expect(metadataOf("msn_vitl16_ep600")?.optimization.epochs).toBe(600);
    expect(corrected("msn_vitl16_ep600", "E15")).toEqual({ "optimization.epochs": 300 });
    expect(metadataOf("simsiam_rn50_bs512_ep100")?.meta.license).toBe("CC-BY-NC-4.0");
    expect(corrected("simsiam_rn50_bs512_ep100", "E27")).toEqual({ "meta.license": "MIT" });
    expect(metadataOf("deepcluster_rn50_bs512_ep200_mmselfsup")?.ssl.objective).toBe("simclr");
    expect(corrected("deepcluster_rn50_bs512_ep200_mmselfsup", "E02")).toMatchObject({
      "ssl.objective": "deepcluster",
    });
  });

  it("warns at load of what may not be what its name says, and only of that", () => {
    expect(loadErrata("deepcluster_rn50_bs512_ep200_mmselfsup").map(({ id }) => id)).toEqual(["E02"]);
    expect(loadErrata("jigsaw_rn50").map(({ id }) => id)).toEqual(["E26"]);
    expect(loadErrata("dino_rn50")).toEqual([]);
    expect(loadErrata("nobody")).toEqual([]);
  });

  it("knows non-commercial licences", () => {
    expect(["CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "MIT", null].map(isNonCommercial)).toEqual([true, true, false, false]);
    const names = Object.keys(loadMetadata()).filter((name) => isNonCommercial(loadMetadata()[name]!.meta.license));
    expect(names.length).toBe(56);
  });
});

describe("checkMetadata", () => {
  it("fills absent fields with null", () => {
    const { some_model } = checkMetadata(MINIMAL);
    expect(some_model?.optimization.epochs).toBeNull();
    expect(some_model?.meta).toMatchObject({ license: null, citation: null, errata: [] });
  });

  it.each([
    ["an unknown field", "  data: { image_size: 3 }", "image_size"],
    ["an unknown section", "  extra: {}", "extra"],
    ["text for a number", "  optimization: { epochs: many }", "some_model.optimization.epochs"],
    ["a licence that is no identifier", "  meta: { license: CC BY-NC 4.0 }", "SPDX"],
    ["an address that is none", "  meta: { where: github }", "some_model.meta.where"],
    [
      "an erratum on no field",
      "  meta: { errata: [{ id: E01, affects: [metadata], text: long enough, upstream: { a.b: 1 } }] }",
      "upstream.a.b",
    ],
    ["a key twice", "  data: { img_size: 1, img_size: 2 }", "unique"],
  ])("refuses %s and names it", (_, lines, named) => {
    expect(() => checkMetadata(`${MINIMAL}${lines}\n`)).toThrowError(
      expect.objectContaining({ code: "METADATA", message: expect.stringContaining(named) }),
    );
  });

  it("refuses an entry without size or preprocessing", () => {
    expect(() => checkMetadata("a_model: { ssl: { objective: x } }")).toThrow(/z_dim[\s\S]*preprocess/);
  });
});

describe.skipIf(!hasShared)("metadata against upstream's (skipped without the shared references)", () => {
  it("differs nowhere without an erratum or a documented change of spelling", async () => {
    const { parse } = await import("yaml");
    const text = readFileSync(shared("reference/upstream-metadata.yaml"), "utf8");
    const upstream: Record<string, Record<string, Record<string, unknown>>> = parse(text, { uniqueKeys: false });
    expect(Object.keys(upstream).length).toBe(200);
    const silent: string[] = [];
    for (const [name, sections] of Object.entries(upstream)) {
      const model = metadataOf(name)! as unknown as Record<string, Record<string, unknown>>;
      const told = Object.assign({}, ...metadataOf(name)!.meta.errata.map((e) => e.upstream));
      for (const [section, fields] of Object.entries(sections)) {
        for (const [field, value] of Object.entries(fields)) {
          const path = `${section}.${field}`;
          const ours = path in told ? told[path] : model[section]![field];
          if (path !== "meta.notes" && !same(value, ours)) silent.push(`${name} ${path}: ${value} -> ${ours}`);
        }
      }
    }
    expect(silent).toEqual([]);
  });

  const SPELLINGS: Record<string, string> = {
    "CC BY-NC 4.0": "CC-BY-NC-4.0",
    "Creative Commons Attribution-NonCommercial 4.0 International License": "CC-BY-NC-4.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "BSD 3-Clause": "BSD-3-Clause",
    "Tesla V100": "V100",
    Volta: "V100",
    "Cloud TPU v3": "TPU v3",
  };
  function same(theirs: unknown, ours: unknown): boolean {
    if (theirs === null || theirs === "???") return ours === null;
    if (typeof ours === "number") return Number(theirs) === ours;
    const respelled = SPELLINGS[String(theirs)] ?? theirs;
    return JSON.stringify(respelled) === JSON.stringify(ours) || String(respelled) === ours;
  }
});
