import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { HubError } from "../../src/core/errors.ts";
import { rng } from "../../src/core/rng.ts";
import { decode } from "../../src/images/index.ts";

const folder = fileURLToPath(new URL("../fixtures/images", import.meta.url));
const files = readdirSync(folder).filter((file) => file !== "expected.json" && file !== "empty.jpg");
/** Damaged copies of each fixture. More of them find the same things: 30 keeps this under ten seconds. */
const COPIES = 30;
/** Generous for a picture of 75 x 50: a hang is what it is meant to find. */
const MAX_MS = 5000;

/** Cut short, or some bits flipped, mostly in the headers, or a stretch of bytes overwritten with 0xff. */
function damage(bytes: Uint8Array, random: ReturnType<typeof rng>): Uint8Array {
  const copy = bytes.slice();
  const kind = random.integer(4);
  if (kind === 0) return copy.subarray(0, random.integer(copy.length));
  if (kind === 1) {
    const at = random.integer(copy.length);
    return copy.fill(0xff, at, at + 1 + random.integer(4));
  }
  const reach = kind === 2 ? Math.min(copy.length, 80) : copy.length;
  for (let i = 1 + random.integer(3); i > 0; i--) copy[random.integer(reach)]! ^= 1 << random.integer(8);
  return copy;
}

describe("damaged images give pixels or HubError IMAGE, never a crash, a hang or a half picture", () => {
  test.each(files)("%s", async (file) => {
    const bytes = new Uint8Array(readFileSync(`${folder}/${file}`));
    const random = rng(20, file);
    for (let i = 0; i < COPIES; i++) {
      const damaged = damage(bytes, random);
      const start = performance.now();
      const got = await decode(damaged).catch((error: unknown) => error);
      expect(performance.now() - start).toBeLessThan(MAX_MS);
      if (got instanceof Error) {
        expect(got, `copy ${i}: ${got.stack}`).toBeInstanceOf(HubError);
        expect((got as HubError).code).toBe("IMAGE");
      } else {
        const { data, width, height } = got as Awaited<ReturnType<typeof decode>>;
        expect(data.length).toBe(width * height * 3);
      }
    }
  });
});
