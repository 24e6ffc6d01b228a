import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { HubError } from "../../../src/core/errors.ts";
import { decode } from "../../../src/images/index.ts";
import { digest, expected, fixture, fixtureBytes } from "./fixtures.ts";

const failure = async (work: Promise<unknown>): Promise<HubError> => {
  const error = await work.then(
    () => new Error("nothing was thrown"),
    (e) => e,
  );
  expect(error).toBeInstanceOf(HubError);
  expect(error.code).toBe("IMAGE");
  return error;
};

describe("decodes as PIL 9.4, byte for byte", () => {
  test.each(Object.entries(expected.decode))("%s", async (name, want) => {
    if ("error" in want) {
      const error = await failure(decode(fixture(name)));
      expect(error.message).toContain(fixture(name));
      return;
    }
    const got = await decode(fixture(name));
    expect([got.width, got.height]).toEqual(want.size);
    expect(digest(got.data)).toBe(want.sha256);
  });
});

describe("inputs", () => {
  const name = "png-rgb.png";
  const want = expected.decode[name] as { sha256: string };

  test("bytes, a path, a file URL and its text are the same image", async () => {
    const url = pathToFileURL(fixture(name));
    for (const input of [fixtureBytes(name), readFileSync(fixture(name)), fixture(name), url, url.href]) {
      expect(digest((await decode(input)).data)).toBe(want.sha256);
    }
  });

  test("raw pixels: the channels follow from the length, alpha is dropped", async () => {
    const rgb = await decode({ data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 2, height: 1 });
    expect([...rgb.data]).toEqual([1, 2, 3, 4, 5, 6]);
    const rgba = await decode({ data: Uint8ClampedArray.of(1, 2, 3, 0, 4, 5, 6, 0), width: 1, height: 2 });
    expect(rgba).toEqual({ data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 1, height: 2 });
    const gray = await decode({ data: Uint8Array.of(7, 8), width: 2, height: 1 });
    expect([...gray.data]).toEqual([7, 7, 7, 8, 8, 8]);
    await expect(decode({ data: new Uint8Array(5), width: 2, height: 1 })).rejects.toThrow(TypeError);
  });

  test("tensors hold whole numbers 0..255", async () => {
    const tensor = (values: number[], shape = [1, 2, 3], dtype = "float32") => ({
      shape,
      dtype,
      data: async () => Float32Array.from(values),
    });
    expect([...(await decode(tensor([0, 1, 2, 253, 254, 255]))).data]).toEqual([0, 1, 2, 253, 254, 255]);
    const error = await failure(decode(tensor([0, 1, 2, 0.5, 254, 255]), { name: "batch 3" }));
    expect(error.message).toMatch(/batch 3.*value 3 is 0\.5/);
    await failure(decode(tensor([0, 1, 2, 256, 254, 255])));
    await expect(decode(tensor([1], [1, 1]))).rejects.toThrow(TypeError);
    await expect(decode(tensor([1, 2, 3], [1, 1, 3], "bool"))).rejects.toThrow(TypeError);
  });

  test("a web URL needs a fetch function", async () => {
    expect((await failure(decode("https://example.org/a.png"))).message).toMatch(/options\.fetch/);
    const seen: string[] = [];
    const fetch = async (url: URL) => {
      seen.push(url.href);
      return fixtureBytes(name);
    };
    expect(digest((await decode(new URL("https://example.org/a.png"), { fetch })).data)).toBe(want.sha256);
    expect(seen).toEqual(["https://example.org/a.png"]);
  });

  test("errors name the image and what was found", async () => {
    expect((await failure(decode("/no/such/file.png"))).message).toMatch(/\/no\/such\/file\.png.*ENOENT/);
    expect((await failure(decode(tmpdir()))).message).toMatch(/not a file/);
    expect((await failure(decode(fixtureBytes("drawing.png"), { name: "row 7" }))).message).toMatch(/row 7.*SVG/);
    expect((await failure(decode(fixtureBytes("png-bomb.png")))).message).toMatch(/20000 x 20000/);
    await expect(decode(17 as never)).rejects.toThrow(TypeError);
  });

  test("an aborted job ends with the signal's reason", async () => {
    const reason = new Error("enough");
    await expect(decode(fixture(name), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("declared sizes are not believed", () => {
  const bmp = (width: number, height: number, compression: number) => {
    const bytes = new Uint8Array(54 + 1024 + 8);
    const view = new DataView(bytes.buffer);
    bytes.set([0x42, 0x4d]);
    view.setUint32(10, 54 + 1024, true);
    view.setUint32(14, 40, true);
    view.setUint32(18, width, true);
    view.setUint32(22, height, true);
    view.setUint16(28, 8, true);
    view.setUint32(30, compression, true);
    return bytes;
  };
  const text = (s: string) => new TextEncoder().encode(s);
  const gif = Uint8Array.from([..."GIF89a"].map((c) => c.charCodeAt(0)).concat([255, 47, 255, 47, 0, 0, 0, 0x2c]));
  test.each([
    ["raw bitmap", bmp(13000, 13000, 0)],
    ["run-length bitmap", bmp(13000, 13000, 1)],
    ["bitmap beyond the limit", bmp(0x7fffffff, 0x7fffffff, 0)],
    ["pixmap", text("P6 13000 13000 255\nabc")],
    ["ASCII pixmap", text("P3 13000 13000 255\n1 2 3")],
    ["pixmap of no size", text("P6 0 10 255\n")],
    ["GIF", Uint8Array.from([...gif, 0, 0, 0, 0, 200, 50, 200, 50, 0, 8, 1, 0])],
  ])("%s", async (_, bytes) => {
    const before = process.memoryUsage();
    await failure(decode(bytes));
    const after = process.memoryUsage();
    // None of them may allocate its 169 million pixels.
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(64e6);
  });
});
