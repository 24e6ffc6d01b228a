import { describe, expect, it } from "vitest";
import * as hubconf from "../../../hubconf.ts";
import type { SpecLoader } from "../../../src/core/family.ts";
import { cardData, modelCard } from "../../../src/tables/card.ts";

const registry = Object.entries(hubconf) as [string, SpecLoader][];

describe("model cards", () => {
  it.each(registry)("%s fits 80 columns and tells size, preprocessing and source", async (name, load) => {
    const { arch } = await load();
    const card = modelCard(name);
    const lines = card.split("\n");
    expect(lines[0]).toBe(name);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(card).toContain(`centre crop ${arch.size}`);
    expect(card).toMatch(/\d+ dimensions, read at (avgpool|attnpool|4?(x?cls)(\+avg)?|proj(\+cls)?|pred)/);
    expect(card).not.toMatch(/null|undefined|NaN|\[object/);
  });

  it("says that a licence is non-commercial", () => {
    expect(modelCard("mocov2_rn50_ep800")).toContain("CC-BY-NC-4.0 - NOT for commercial use");
    expect(modelCard("dino_rn50")).not.toContain("NOT for commercial use");
    expect(cardData("simsiam_rn50_bs512_ep100").non_commercial).toBe(true);
  });

  it("tells the paper's risk components", () => {
    const { results } = cardData("barlow_rn50");
    expect(results!.approx! + results!.usability! + results!.probe_gen + results!.enc_gen).toBeCloseTo(
      results!.agg_risk,
      6, // the paper's sum rule holds exactly for this row, up to float64 rounding of its printed values
    );
    expect(modelCard("barlow_rn50")).toContain("28.8%");
    expect(cardData("sup_rn50").results).toBeNull();
  });

  it("tells what float16 costs, where the hub makes any", () => {
    const plain = (name: string) => modelCard(name).replace(/\s+/g, " ");
    expect(plain("dino_rn50")).toContain(
      "Storage 94 MB converted; as float16 47 MB, and the features differ by about 4e-4 (relative; each conversion measures its own)",
    );
    expect(cardData("dino_vitS16").float16_error).toBe(5e-4);
    expect(cardData("lossyless_vitb32_b01").float16_error).toBe(1e-2);
    expect(cardData("tiny_ssl").float16_error).toBeNull();
    expect(plain("tiny_ssl")).not.toContain("float16");
  });

  it("owns up to the file that is not DeepCluster", () => {
    const card = modelCard("deepcluster_rn50_bs512_ep200_mmselfsup");
    expect(card).toContain("self-supervised encoder: simclr");
    expect(card).toContain("Erratum E02");
    expect(card.replace(/\s+/g, " ")).toContain("Measured on another model than the name says");
    expect(cardData("deepcluster_rn50_bs512_ep200_mmselfsup").results_of_another).toBe(true);
  });

  it("refuses a name without metadata", () => {
    expect(() => cardData("nobody")).toThrowError(expect.objectContaining({ code: "METADATA" }));
    expect(() => cardData("constructor")).toThrowError(expect.objectContaining({ code: "METADATA" }));
  });
});
