import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
// @ts-expect-error a script without types
import { corpora, KINDS, PAGE, section, withSection } from "../../../scripts/docs/reliability.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const page = readFileSync(join(root, PAGE), "utf8");

test("the page's numbers of corpora are those of the tests", () => {
  for (const sentence of corpora()) expect(page).toContain(sentence);
});

test("every place that the page names is there", () => {
  for (const [what, places] of KINDS as [string, string[]][]) {
    expect(page).toContain(`| ${what} |`);
    expect(places.filter((place) => !existsSync(join(root, place)))).toEqual([]);
  }
});

test("tests are counted once, by file or folder; the rest of the page stays", () => {
  const counts = new Map([["test/unit/converters/a.test.ts", 3], ["test/fault/race.test.ts", 2], ["test/new.test.ts", 5]]); // biome-ignore format: a line
  const text: string = section(counts, "2026-01-02");
  expect(text).toContain("10 tests in 3 files, counted 2026-01-02");
  expect(text).toMatch(/key rules.*\| 3 \|/);
  expect(text).toMatch(/races.*\| 2 \|/);
  expect(text).toMatch(/everything else.*\| 5 \|/);
  expect(withSection("# A\n\n## Counted\nold\n\n## B\nb\n", "## Counted\nnew\n")).toBe("# A\n\n## Counted\nnew\n\n## B\nb\n"); // biome-ignore format: a line
});
