import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withRules } from "../../converters/rules.ts";
import { openCheckpoint } from "../../converters/source.ts";
import { HubError } from "../../src/core/errors.ts";
import { rng } from "../../src/core/rng.ts";
import { fixture } from "../support/checkpoint-fixtures.ts";

const FILES = [
  "training-zip.pth",
  "training-legacy.pth",
  "views-zip.pth",
  "views-protocol4.pth",
  "views-legacy.pth",
  "views-legacy-protocol5.pth",
  "big-endian.pth",
  "zip64.pth",
  "torchscript.pt",
  "tensors.safetensors",
  "arrays.npz",
  "arrays-deflated.npz",
  "versions.npz",
  "haiku.pkl",
  "arrays-protocol2.pkl",
  "arrays-protocol5.pkl",
];
const FLIPS = 200;
const CUTS = 80;
/** What the numpy fixtures hold beside arrays of numbers. */
const BESIDE = [{ drop: /^(objects|record|text)$/ }];
/** A damaged file of a few kB may not make us allocate more than this for one tensor, nor take this long. */
const MAX_BYTES = 64 * 2 ** 20;
const MAX_MS = 5_000;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "ssl-hub-corpus-"));
});
afterAll(() => rm(dir, { recursive: true }));

/** Opens and reads all there is: "read", or the code of the refusal. Anything else that is thrown is thrown on. */
async function outcome(path: string): Promise<string> {
  try {
    const source = await openCheckpoint(path);
    try {
      const layer = withRules(source, BESIDE);
      for (const name of layer.names()) {
        expect(layer.meta(name).shape.reduce((a, b) => a * b, 4)).toBeLessThanOrEqual(MAX_BYTES);
        await layer.read(name);
      }
      return "read";
    } finally {
      await source.close();
    }
  } catch (error) {
    if (error instanceof HubError) return error.code;
    throw error;
  }
}

async function damagedOutcome(data: Uint8Array, what: string): Promise<string> {
  const path = join(dir, "damaged.pth");
  await writeFile(path, data);
  const start = performance.now();
  try {
    return await outcome(path);
  } catch (error) {
    throw new Error(`${what}: not a refusal but ${error}`, { cause: error });
  } finally {
    expect(performance.now() - start, what).toBeLessThan(MAX_MS);
  }
}

describe("damaged checkpoints are read or refused, never worse", () => {
  for (const name of FILES) {
    test(`${name}, cut anywhere`, async () => {
      const whole = await readFile(fixture(name));
      for (let i = 0; i < CUTS; i++) {
        const length = Math.floor((whole.length * i) / CUTS);
        expect(await damagedOutcome(whole.subarray(0, length), `cut to ${length}`)).toBe("CHECKPOINT");
      }
      expect(await damagedOutcome(whole, "whole")).toBe("read");
    });

    test(`${name}, ${FLIPS} bytes flipped, one at a time`, async () => {
      const whole = await readFile(fixture(name));
      const random = rng(1, name);
      const seen = new Set<string>();
      for (let i = 0; i < FLIPS; i++) {
        const data = Buffer.from(whole);
        const at = random.integer(data.length);
        data[at] = data[at]! ^ (1 + random.integer(255));
        seen.add(await damagedOutcome(data, `byte ${at} set to ${data[at]}`));
      }
      expect([...seen].sort()).toEqual(["CHECKPOINT", "read"]);
    });
  }
});
