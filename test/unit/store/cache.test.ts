import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newOwner } from "../../../src/core/owner.ts";
import { cacheDirs, ensureDirs, setDir } from "../../../src/store/dirs.ts";
import { cacheUsage, removeEntry } from "../../../src/store/usage.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "ssl-hub-cache-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("cacheDirs", () => {
  test("SSL_HUB_DIR, else XDG_CACHE_HOME, else ~/.cache, else what setDir said", () => {
    expect(cacheDirs({ SSL_HUB_DIR: "/a", XDG_CACHE_HOME: "/b" }).root).toBe("/a");
    expect(cacheDirs({ SSL_HUB_DIR: "", XDG_CACHE_HOME: "/b" }).root).toBe("/b/ssl-hub");
    expect(cacheDirs({ XDG_CACHE_HOME: "relative" }).root).toBe(join(homedir(), ".cache", "ssl-hub"));
    expect(cacheDirs({}).models).toBe(join(homedir(), ".cache", "ssl-hub", "models"));
    setDir(dir);
    expect(cacheDirs({ SSL_HUB_DIR: "/a" }).root).toBe(dir);
    expect(() => setDir("")).toThrow(TypeError);
  });

  test("ensureDirs makes them and marks them as a cache", async () => {
    await ensureDirs();
    const { partial } = await ensureDirs();
    expect(existsSync(partial)).toBe(true);
    const tag = await readFile(join(dir, "CACHEDIR.TAG"), "utf8");
    expect(tag.startsWith("Signature: 8a477f597d28d172789f06886806bc55\n")).toBe(true);
  });

  test("a place that cannot be written is DISK and says what to set", async () => {
    await writeFile(join(dir, "file"), "");
    setDir(join(dir, "file"));
    await expect(ensureDirs()).rejects.toMatchObject({ code: "DISK", message: expect.stringContaining("SSL_HUB_DIR") });
    setDir(dir);
  });
});

describe("cacheUsage and removeEntry", () => {
  test("list and remove, but for what is worked on", async () => {
    const dirs = await ensureDirs();
    const files: [string, number][] = [
      [join(dirs.checkpoints, "01234567-m.pth"), 100],
      [join(dirs.checkpoints, "01234567-m.pth.json"), 10],
      [join(dirs.partial, "89abcdef", "data"), 50],
      [join(dirs.partial, `89abcdef.${newOwner()}`, "data"), 50],
      [join(dirs.models, "dino", "f1", "model.json"), 20],
      [join(dirs.models, "dino", "f1", "group1-shard1of1.bin"), 30],
      [join(dirs.features, "key", "00000.safetensors"), 40],
      [join(dirs.tmp, newOwner(), "staging", "x"), 5],
      [join(dirs.tmp, newOwner().replace(/^\d+/, "4194305"), "x"), 6],
    ];
    for (const [path, bytes] of files) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, new Uint8Array(bytes));
    }
    const entries = await cacheUsage();
    expect(entries.map(({ kind, name, bytes }) => [kind, name, bytes])).toEqual([
      ["checkpoints", "01234567-m.pth", 100],
      ["partial", "89abcdef", 50],
      ["models", "dino", 50],
      ["features", "key", 40],
      ["tmp", expect.stringMatching(/^4194305-/), 6],
    ]);
    for (const entry of entries) await removeEntry(entry);
    expect(await cacheUsage()).toEqual([]);
    expect(files.map(([path]) => existsSync(path))).toEqual([
      false,
      false,
      false,
      true,
      false,
      false,
      false,
      true,
      false,
    ]);
    expect(existsSync(join(dirs.models, "dino"))).toBe(false);
    expect(existsSync(dirs.models)).toBe(true);
  });

  test.each([".", "models", "../x", "models/../../x"])("does not remove %s", async (path) => {
    const entry = { kind: "models", path: join(dir, path) } as const;
    await expect(removeEntry(entry)).rejects.toMatchObject({ code: "DISK" });
    expect(existsSync(join(dir, "models"))).toBe(true);
  });
});
