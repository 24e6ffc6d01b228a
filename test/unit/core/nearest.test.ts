import { describe, expect, it } from "vitest";
import { nearest } from "../../../src/core/nearest.ts";

const NAMES = ["dino_rn50", "dino_vitS16", "moco_rn50", "swav_rn50", "simclr_rn50", "simclr_rn50_ep200"];

describe("nearest", () => {
  it.each([
    ["dinno_rn50", "dino_rn50"],
    ["DINO_RN50", "dino_rn50"],
    ["mooc_rn50", "moco_rn50"],
    ["simclr_rn5", "simclr_rn50"],
    ["vits", "dino_vitS16"],
    ["", "dino_rn50"],
  ])("%s -> %s", (typed, wanted) => {
    expect(nearest(typed, NAMES)[0]).toBe(wanted);
  });

  it("gives n names, or all when there are fewer", () => {
    expect(nearest("x", NAMES).length).toBe(3);
    expect(nearest("x", NAMES, 10).length).toBe(NAMES.length);
  });

  it("a swap of neighbours is one step", () => {
    expect(nearest("ba", ["ab", "bcd"], 1)).toEqual(["ab"]);
    expect(nearest("acbd", ["abcd", "acbdxx"], 1)).toEqual(["acbdxx"]);
  });
});
