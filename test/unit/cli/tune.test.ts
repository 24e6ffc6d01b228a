import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { tune } from "../../../src/cli/tune.ts";

const dir = mkdtempSync(join(tmpdir(), "ssl-hub-tune-cli-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function run(options: Record<string, string>): Promise<string> {
  const lines: string[] = [];
  const job = { signal: new AbortController().signal, onProgress: () => {} };
  const defaults = { train: "digits:train", probe: "ridge", trials: "2", sampler: "tpe", seed: "123" };
  const given = { ...defaults, features: join(dir, "features"), ...options };
  await tune.run(["tiny_ssl"], given, { json: "json" in options, job, print: (text) => lines.push(text) });
  return lines.join("\n");
}

describe("ssl-hub tune", () => {
  it("prints the trials, the best marked, and the error on test", async () => {
    const text = await run({ test: "digits:test" });
    expect(text).toMatch(/^ +trial +error % +alpha +recipe/m);
    expect(text.match(/^\*/gm)).toHaveLength(1);
    expect(text).toMatch(/Fitted on all 1540 training images with the best: error \d+\.\d\d % on test\./);
    const found = JSON.parse(await run({ test: "digits:test", json: "" }));
    expect(text).toContain(`error ${found.test_error.toFixed(2)} % on test`);
    expect(found).toMatchObject({ model: "tiny_ssl", probe: "ridge", seed: 123, trials: [{ trial: 0 }, { trial: 1 }] });
  });

  it("a test set that is not there is told before the search", async () => {
    const trialsDir = join(dir, "trials");
    await expect(run({ test: join(dir, "absent"), trialsDir })).rejects.toThrow(/absent/);
    expect(readdirSync(dir)).not.toContain("trials");
  });
});
