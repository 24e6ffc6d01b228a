import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { Header } from "tar";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ArtifactInfo } from "../../src/core/artifact.ts";
import type { ProgressEvent } from "../../src/core/events.ts";
import { setDir } from "../../src/store/dirs.ts";
import { fetchFromMirrors, packArtifact } from "../../src/store/mirror.ts";
import { verifyArtifact } from "../../src/store/verify.ts";
import { artifactFiles, FINGERPRINT, writeFiles } from "../support/artifact.ts";
import { sendFile, serve } from "./server.ts";

let dir: string;
let mirror: string;
let staging: string;
let warnings: string[];
const onProgress = (event: ProgressEvent) => {
  if (event.stage === "warning") warnings.push(`${event.code} ${event.message}`);
};

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ssl-hub-mirror-"));
  setDir(join(dir, "cache"));
  mirror = join(dir, "mirror");
  staging = join(dir, "staging");
  warnings = [];
  await mkdir(mirror);
  await mkdir(staging);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

const fileUrl = () => pathToFileURL(mirror).href;
const fetch = (mirrors: string) =>
  fetchFromMirrors("tiny", FINGERPRINT, staging, { mirrors, onProgress, retry: { baseMs: 1 } });

async function stagedFiles(): Promise<Record<string, Uint8Array>> {
  const names = (await readdir(staging)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, new Uint8Array(await readFile(join(staging, name)))])),
  );
}

const plain = (files: Record<string, Uint8Array>) =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, new Uint8Array(bytes)]));

interface Entry {
  path: string;
  type?: "File" | "SymbolicLink" | "Link" | "Directory" | "CharacterDevice" | "FIFO";
  body?: Uint8Array;
  /** What the header claims, if not the truth. */
  size?: number;
  linkpath?: string;
}

/** A tar as no honest tool would write it. */
function tarGz(entries: Entry[]): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const { path, type = "File", body = new Uint8Array(0), size = body.length, linkpath } of entries) {
    const block = Buffer.alloc(512);
    new Header({ path, type, size, linkpath, mode: 0o644, mtime: new Date(0) }).encode(block, 0);
    blocks.push(block, body, new Uint8Array((512 - (body.length % 512)) % 512));
  }
  return gzipSync(Buffer.concat([...blocks, new Uint8Array(1024)]));
}

const asEntries = (files: Record<string, Uint8Array>): Entry[] =>
  Object.entries(files).map(([path, body]) => ({ path, body }));

async function serveArchive(bytes: Uint8Array): Promise<void> {
  await writeFile(join(mirror, "tiny.tar.gz"), bytes);
  const digest = createHash("sha256").update(bytes).digest("hex");
  await writeFile(join(mirror, "tiny.tar.gz.sha256"), `${digest}  tiny.tar.gz\n`);
}

describe("a mirror that has the model", () => {
  test("packed, served from a folder, unpacked: the same files", async () => {
    const folder = await writeFiles(join(dir, "model"), artifactFiles());
    const packed = await packArtifact(folder, mirror, "tiny");
    expect((await readdir(mirror)).sort()).toEqual(["tiny.tar.gz", "tiny.tar.gz.sha256"]);
    expect(await readFile(`${packed.path}.sha256`, "utf8")).toBe(`${packed.sha256}  tiny.tar.gz\n`);
    expect(await fetch(fileUrl())).toEqual({ base: fileUrl() });
    expect(await stagedFiles()).toEqual(plain(artifactFiles()));
    expect(warnings).toEqual([]);
  });

  test("packing twice gives the same bytes", async () => {
    const [one, two] = ["one", "two"].map((name) => join(dir, name));
    const first = await packArtifact(await writeFiles(one!, artifactFiles()), join(dir, "a"), "tiny");
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const second = await packArtifact(await writeFiles(two!, artifactFiles()), join(dir, "b"), "tiny");
    expect(second.sha256).toBe(first.sha256);
  });

  test("a damaged folder is not packed", async () => {
    const folder = await writeFiles(join(dir, "model"), {
      ...artifactFiles(),
      "group1-shard1of2.bin": new Uint8Array(5000),
    });
    await expect(packArtifact(folder, mirror, "tiny")).rejects.toMatchObject({ code: "HASH" });
    expect(await readdir(mirror)).toEqual([]);
  });

  test("over http, after one that is dead, one without it and one of the wrong hash; from SSL_HUB_MIRROR", async () => {
    await serveArchive(tarGz(asEntries(artifactFiles())));
    const server = await serve(async (request, response) => {
      const [, base, name] = request.url!.split("/");
      if (base === "without") return response.writeHead(404).end();
      if (base === "lying" && name!.endsWith(".sha256")) return response.end(`${"0".repeat(64)}  tiny.tar.gz\n`);
      sendFile(request, response, await readFile(join(mirror, name!)));
    });
    const bases = ["http://127.0.0.1:9/dead", ...["without", "lying", "good"].map((name) => `${server.base}/${name}`)];
    vi.stubEnv("SSL_HUB_MIRROR", ` ${bases.join(" , ")}/,`);
    const found = await fetchFromMirrors("tiny", FINGERPRINT, staging, {
      onProgress,
      retry: { baseMs: 1, attempts: 2 },
    });
    expect(found).toEqual({ base: bases[3] });
    expect(await stagedFiles()).toEqual(plain(artifactFiles()));
    const skipped = warnings.filter((text) => text.startsWith("MIRROR"));
    expect(skipped.map((text) => bases.findIndex((base) => text.includes(base)))).toEqual([0, 1, 2]);
    expect(await readdir(join(dir, "cache", "checkpoints"))).toEqual([]);
    await server.close();
  });

  test("made by an ordinary tar, with ./ in front of names and no .sha256", async () => {
    const { "model.json": model, ...shards } = artifactFiles();
    const entries = asEntries({ ...shards, "model.json": model! }).map((entry) => ({
      ...entry,
      path: `./${entry.path}`,
    }));
    await writeFile(join(mirror, "tiny.tar.gz"), tarGz([{ path: "./", type: "Directory" }, ...entries]));
    expect(await fetch(fileUrl())).toEqual({ base: fileUrl() });
    expect(await stagedFiles()).toEqual(plain(artifactFiles()));
  });
});

describe("an archive that is refused leaves nothing, and says why", () => {
  const honest = asEntries(artifactFiles());
  const [model, shard, ...rest] = honest as [Entry, Entry, Entry];
  const infoOf = (edit: (info: ArtifactInfo) => void) => asEntries(artifactFiles(edit));
  test.each<[string, Entry[], RegExp]>([
    ["a path that climbs out", [...honest, { path: "../escape", body: new Uint8Array(9) }], /"\.\.\/escape" \(File\)/],
    [
      "an absolute path",
      [...honest, { path: `${tmpdir()}/ssl-hub-escape`, body: new Uint8Array(9) }],
      /escape" \(File\)/,
    ],
    [
      "a symbolic link",
      [{ ...shard, type: "SymbolicLink", body: undefined, linkpath: "/etc/passwd" }, model],
      /SymbolicLink/,
    ],
    ["a hard link", [{ ...shard, type: "Link", body: undefined, linkpath: "/etc/passwd" }, model], /\(Link\)/],
    ["a device", [{ path: "group1-shard1of2.bin", type: "CharacterDevice" }, model], /CharacterDevice/],
    ["a fifo", [{ path: "group1-shard1of2.bin", type: "FIFO" }, model], /FIFO/],
    ["a folder", [{ path: "model.json/", type: "Directory" }, ...honest], /Directory/],
    ["a file in a folder", [{ ...model, path: "tiny/model.json" }, shard, ...rest], /tiny\/model.json/],
    ["a file of another name", [...honest, { path: "run.sh", body: new Uint8Array(9) }], /run.sh/],
    [
      "a shard nobody names",
      [...honest, { path: "group1-shard9of9.bin", body: new Uint8Array(9) }],
      /shard9of9.bin is not among/,
    ],
    ["a file twice", [...honest, shard], /twice/],
    ["a shard less", [model, shard], /has no bytes instead of 3000/],
    [
      "a shard of another length",
      [model, { ...shard, body: new Uint8Array(9) }, ...rest],
      /has 9 bytes instead of 5000/,
    ],
    ["a shard of other bytes", [model, { ...shard, body: new Uint8Array(5000) }, ...rest], /damaged: its SHA-256/],
    ["no model.json", [shard, ...rest], /no model.json/],
    ["a model.json that is none", [{ ...model, body: Buffer.from("{}") }, shard, ...rest], /not usable: format/],
    ["a huge model.json", [{ path: "model.json", size: 2 ** 32 }], /model.json has 4294967296 bytes/],
    ["a file larger than any encoder", [{ path: "group1-shard1of1.bin", size: 2 ** 40 }], /larger than any encoder/],
    ["another fingerprint", infoOf((info) => (info.fingerprint = "f".repeat(16))), /fingerprint/],
    ["another converter", infoOf((info) => (info.converter = 0)), /converter/],
    [
      "a shard path that climbs out",
      infoOf((info) => (info.shards = { "../x": { bytes: 1, sha256: "0".repeat(64) } })),
      /shards/,
    ],
    [
      "shards that are not the weights",
      infoOf((info) => delete info.shards["group1-shard1of2.bin"]),
      /other weight files/,
    ],
    ["an end in the middle", [...honest, { path: "group1-shard3of3.bin", size: 100_000 }], /archive is refused/],
  ])("%s", async (_, entries, why) => {
    await serveArchive(tarGz(entries));
    expect(await fetch(fileUrl())).toBeNull();
    expect(warnings.length).toBe(1);
    expect(warnings[0]).toMatch(why);
    expect(await readdir(staging)).toEqual([]);
    expect(existsSync(join(dir, "escape"))).toBe(false);
    expect(existsSync(join(tmpdir(), "ssl-hub-escape"))).toBe(false);
  });

  test.each<[string, Uint8Array]>([
    ["no gzip", Buffer.from("not an archive")],
    ["a gzip of no tar", gzipSync(Buffer.from("not an archive".repeat(100)))],
    ["a gzip that ends in the middle", tarGz(honest).subarray(0, 4000)],
    ["nothing", new Uint8Array(0)],
  ])("%s", async (_, bytes) => {
    await serveArchive(bytes);
    expect(await fetch(fileUrl())).toBeNull();
    expect(warnings[0]).toMatch(/^MIRROR .*skipped for tiny/);
    expect(await readdir(staging)).toEqual([]);
  });

  test("a bomb: zeros that nobody asked for are not written", async () => {
    const zeros = new Uint8Array(2 ** 26);
    await serveArchive(tarGz([{ path: "group1-shard1of2.bin", body: zeros }, model]));
    expect(await fetch(fileUrl())).toBeNull();
    expect(warnings[0]).toMatch(/has 67108864 bytes instead of 5000/);
  });
});

test("an abort ends it with the signal's reason", async () => {
  await serveArchive(tarGz(asEntries(artifactFiles())));
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(fetchFromMirrors("tiny", FINGERPRINT, staging, { mirrors: fileUrl(), signal })).rejects.toThrow(
    "enough",
  );
});

test("verifyArtifact tells what is wrong with each file", async () => {
  const folder = await writeFiles(join(dir, "model"), artifactFiles());
  expect(await verifyArtifact(folder)).toEqual([
    { file: "group1-shard1of2.bin", ok: true },
    { file: "group1-shard2of2.bin", ok: true },
  ]);
  await writeFile(join(folder, "group1-shard1of2.bin"), new Uint8Array(5000));
  await rm(join(folder, "group1-shard2of2.bin"));
  const [first, second] = await verifyArtifact(folder);
  expect(first?.reason).toMatch(/SHA-256/);
  expect(second?.reason).toBe("it is missing");
  await writeFile(join(folder, "model.json"), "{");
  expect(await verifyArtifact(folder)).toMatchObject([{ file: "model.json", ok: false }]);
});
