import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { decodePng } from "../../../docs/try/png.ts";
import { rng } from "../../../src/core/rng.ts";
import { decode } from "../../../src/images/index.ts";
import { digest, expected, fixtureBytes } from "../images/fixtures.ts";

const cases = Object.entries(expected.decode).filter(([name]) => name.endsWith(".png"));
/** Damage that PIL forgives or finds in texts: the page refuses the first and does not look at the second. */
const OTHERWISE = ["png-cut-checksum.png", "png-cut-second-chunk.png", "png-text-bomb.png"];

describe("PNG in the page", () => {
  test.each(cases.filter(([name]) => !OTHERWISE.includes(name)))("%s is as PIL has it", async (name, want) => {
    if ("error" in want) {
      await expect(decodePng(fixtureBytes(name))).rejects.toMatchObject({ code: "IMAGE" });
      return;
    }
    const { data, width, height } = await decodePng(fixtureBytes(name));
    expect([width, height]).toEqual(want.size);
    expect(digest(data)).toBe(want.sha256);
  });

  const kinds = [
    { channels: 1, options: {} },
    { channels: 3, options: {} },
    { channels: 4, options: {} },
    { channels: 3, options: { progressive: true } },
    { channels: 4, options: { progressive: true } },
    { channels: 3, options: { palette: true, colours: 13 } },
    { channels: 3, options: { palette: true, colours: 2, progressive: true } },
  ] as const;
  test.each(kinds)("is as in Node: $channels channels, $options", async ({ channels, options }) => {
    const draw = rng(5, JSON.stringify(options));
    for (const [width, height] of [
      [1, 1],
      [3, 2],
      [17, 9],
      [64, 41],
    ] as const) {
      // biome-ignore format: a line
      const noise = Uint8Array.from({ length: width * height * channels }, () => draw.integer(256));
      const file = await sharp(noise, { raw: { width, height, channels } }).png(options).toBuffer();
      const bytes = new Uint8Array(file);
      expect(await decodePng(bytes)).toEqual(await decode(bytes));
    }
  });

  test("16-bit colour is cut to its high bytes", async () => {
    const draw = rng(6);
    const noise = Uint16Array.from({ length: 12 * 7 * 3 }, () => draw.integer(65536));
    const file = await sharp(noise, { raw: { width: 12, height: 7, channels: 3 } })
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    expect((await sharp(file).metadata()).depth).toBe("ushort");
    expect((await decodePng(new Uint8Array(file))).data).toEqual(Uint8Array.from(noise, (v) => v >> 8));
  });

  test("damage is an error, never a hang or garbage", async () => {
    const whole = fixtureBytes("png-rgb.png");
    for (let length = 0; length < whole.length; length += 37) {
      await expect(decodePng(whole.subarray(0, length))).rejects.toMatchObject({ code: "IMAGE" });
    }
  });
});
