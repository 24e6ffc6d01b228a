import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as hubconf from "../../../hubconf.ts";
import { modelsPage } from "../../../src/tables/models-page.ts";

const root = new URL("../../../", import.meta.url);
const registry = readFileSync(new URL("hubconf.ts", root), "utf8");
const names = [...registry.matchAll(/^export const (\w+)/gm)].map((match) => match[1]!);
const page = readFileSync(new URL("docs/models.md", root), "utf8");

describe("docs/models.md", () => {
  it("is what the metadata say now (npm run cards writes it)", () => {
    expect(names.toSorted()).toEqual(Object.keys(hubconf).toSorted());
    expect(page === modelsPage(names)).toBe(true);
  });

  it("links every model's row to its card, and stays small", () => {
    const anchors = new Set([...page.matchAll(/^### (\w+)$/gm)].map((match) => match[1]!.toLowerCase()));
    const links = [...page.matchAll(/\]\(#(\w+)\)/g)].map((match) => match[1]!);
    expect(links.length).toBe(names.length);
    expect(links.filter((link) => !anchors.has(link))).toEqual([]);
    expect(page.length).toBeLessThan(400_000);
  });
});
