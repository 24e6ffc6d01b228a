import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeStripped, stripped } from "../support/child.ts";
import { scratch } from "../support/scratch.ts";

/** 24 images, one of them broken: five shards of three batches, the last of two. */
const IMAGES = Object.fromEntries(
  Array.from({ length: 24 }, (_, i) => [`class ${i % 2}/${i}.png`, i === 7 ? "broken" : `image ${i}`]),
);
const BATCHES = 14;

let copy: string;
beforeAll(() => {
  copy = stripped(["src", "test/support"]);
});
afterAll(() => removeStripped(copy));

/** Runs `featurize-child`; `last` is the batch it dies at. */
function start(images: string, dir: string, last = "") {
  const args = [join(copy, "test/support/featurize-child.js"), images, dir, last];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let batches = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    batches += chunk.length;
  });
  return { child, batches: () => batches, end: once(child, "close").then(([code]) => code as number | null) };
}

/** Every file under `dir` with the hash of its bytes. */
function tree(dir: string): Record<string, string> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
  const hash = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
  return Object.fromEntries(
    files
      .map(({ parentPath, name }) => [join(parentPath, name).slice(dir.length), hash(join(parentPath, name))])
      .sort(),
  );
}

describe("featurizing", () => {
  it("killed at any point ends, after a rerun, in the bytes of a run that was not", async () => {
    const images = scratch(IMAGES);
    const clean = scratch();
    const whole = start(images, clean);
    expect(await whole.end).toBe(0);
    expect(whole.batches()).toBe(BATCHES);
    const expected = tree(clean);
    expect(Object.keys(expected).length).toBe(11);
    for (let kill = 1; kill < BATCHES; kill += 3) {
      const dir = scratch();
      expect(await start(images, dir, String(kill)).end).toBe(null);
      expect(tree(dir)).not.toEqual(expected);
      const rerun = start(images, dir);
      expect(await rerun.end).toBe(0);
      expect(tree(dir)).toEqual(expected);
      expect(rerun.batches()).toBeLessThanOrEqual(BATCHES - 3 * Math.floor((kill - 1) / 3));
    }
  });

  it("killed again and again at any moment still ends, in the same bytes", async () => {
    const images = scratch(IMAGES);
    const [clean, dir] = [scratch(), scratch()];
    expect(await start(images, clean).end).toBe(0);
    for (let run = 0; run < 6; run++) {
      const { child, end } = start(images, dir);
      child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), 5 * run));
      await end;
    }
    expect(await start(images, dir).end).toBe(0);
    expect(tree(dir)).toEqual(tree(clean));
  });

  it("by three processes at once does the work once", async () => {
    const images = scratch(IMAGES);
    const [clean, dir] = [scratch(), scratch()];
    expect(await start(images, clean).end).toBe(0);
    const runs = Array.from({ length: 3 }, () => start(images, dir));
    expect(await Promise.all(runs.map(({ end }) => end))).toEqual([0, 0, 0]);
    expect(runs.reduce((sum, { batches }) => sum + batches(), 0)).toBe(BATCHES);
    expect(tree(dir)).toEqual(tree(clean));
  });
});
