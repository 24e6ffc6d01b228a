import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { augment } from "../../../src/cli/augment.ts";
import { decode } from "../../../src/images/index.ts";
import { fixture } from "../images/fixtures.ts";

const out = mkdtempSync(join(tmpdir(), "ssl-hub-augment-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

async function run(args: string[], options: Record<string, string>): Promise<string[]> {
  const lines: string[] = [];
  const job = { signal: new AbortController().signal, onProgress: () => {} };
  await augment.run(
    args,
    { n: "8", seed: "0", ...options },
    { json: "json" in options, job, print: (text) => lines.push(text) },
  );
  return lines;
}

const image = fixture("png-rgb.png");

describe("ssl-hub augment", () => {
  it("writes views and their sheet; a view follows from its seed alone", async () => {
    const dir = join(out, "a", "b");
    expect(await run(["tiny_ssl", image], { out: dir, n: "5" })).toEqual([join(dir, "sheet.png")]);
    expect(readdirSync(dir).sort()).toEqual(["sheet.png", ...[0, 1, 2, 3, 4].map((i) => `view-${i}.png`)]);
    const sheet = await decode(join(dir, "sheet.png"));
    expect([sheet.width, sheet.height]).toEqual([4 * 36 - 4, 2 * 36 - 4]);
    const again = join(out, "c");
    const [json] = await run(["TINY_SSL", image], { out: again, n: "1", seed: "3", json: "" });
    expect(JSON.parse(json!)).toMatchObject({
      model: "tiny_ssl",
      files: [join(again, "view-3.png")],
      steps: { length: 5 },
    });
    expect(await decode(join(again, "view-3.png"))).toEqual(await decode(join(dir, "view-3.png")));
  });

  it("refuses before it writes anything", async () => {
    const dir = join(out, "none");
    await expect(run(["tiny_ssl", image], { out: dir, n: "0" })).rejects.toThrow(TypeError);
    await expect(run(["tiny_ssl", image], { out: dir, seed: "x" })).rejects.toThrow("--seed takes a whole number");
    await expect(run(["init_rn50", image], { out: dir })).rejects.toMatchObject({ code: "METADATA" });
    await expect(run(["tiny_ssl", "nothing.jpg"], { out: dir })).rejects.toMatchObject({ code: "IMAGE" });
    expect(readdirSync(out)).not.toContain("none");
  });
});
