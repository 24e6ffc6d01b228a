import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createGunzip } from "node:zlib";
import type { Parser, ReadEntry } from "tar";
import { HubError, messageOf } from "../core/errors.ts";
import type { Job } from "../core/events.ts";
import { writeFileAtomic } from "../core/files.ts";
import { hashFile } from "../core/hash.ts";
import { newOwner } from "../core/owner.ts";
import { ARTIFACT_FILE, checkModelJson, type Shards } from "./artifact-schema.ts";
import { download } from "./download.ts";
import { type Fetch, fetchBytes } from "./http.ts";
import type { RetryOptions } from "./retry.ts";
import { verifyArtifact } from "./verify.ts";

export { verifyArtifact };

export interface MirrorOptions extends RetryOptions {
  /** Base URLs, `http(s)://` or `file://`, separated by commas. Default: `SSL_HUB_MIRROR`. */
  mirrors?: string;
  fetch?: Fetch;
}

const MAX_MODEL_JSON = 64 << 20;
/** All files of an artifact together: twice the largest encoder of the field. */
const MAX_ARTIFACT = 8 * 2 ** 30;
const MAX_ENTRIES = 10_000;

/**
 * Fills `staging` with a converted model or variant from the first mirror that has it: `BASE/NAME.tar.gz`, and `.sha256` beside it
 * if there is one. It is used only if its fingerprint is the one given and every shard has the size and hash its
 * model.json states. A mirror that does not serve is told of as a `MIRROR` warning; null: none did, staging is empty.
 */
export async function fetchFromMirrors(
  name: string,
  fingerprint: string,
  staging: string,
  options: MirrorOptions = {},
): Promise<{ base: string } | null> {
  const { mirrors = process.env.SSL_HUB_MIRROR ?? "", signal, onProgress } = options;
  for (const base of mirrors.split(",").map((text) => text.trim().replace(/\/+$/, ""))) {
    if (base === "") continue;
    try {
      await fromMirror(`${base}/${encodeURIComponent(name)}.tar.gz`, fingerprint, staging, options);
      return { base };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof HubError && error.code === "DISK") throw error;
      for (const entry of await readdir(staging)) await rm(join(staging, entry), { recursive: true });
      const message = `The mirror ${base} is skipped for ${name}: ${messageOf(error)}`;
      onProgress?.({ stage: "warning", code: "MIRROR", message });
    }
  }
  return null;
}

async function fromMirror(url: string, fingerprint: string, staging: string, options: MirrorOptions): Promise<void> {
  const archive = url.startsWith("file:") ? await localArchive(url, options) : await remoteArchive(url, options);
  try {
    const shards = await inspect(archive.path, fingerprint, options);
    await unpack(archive.path, shards, staging, options);
  } finally {
    await archive.release();
  }
  const wrong = (await verifyArtifact(staging, options)).find(({ ok }) => !ok);
  if (wrong !== undefined) throw new HubError("HASH", `${wrong.file} in it is damaged: ${wrong.reason}`);
}

interface Archive {
  path: string;
  /** Called when it is unpacked or refused. */
  release(): Promise<void>;
}

async function localArchive(url: string, { signal }: Job): Promise<Archive> {
  const path = fileURLToPath(url);
  const digest = await readFile(`${path}.sha256`, "utf8").then(parseDigest, () => undefined);
  if (digest !== undefined) {
    const found = await hashFile(path, "sha256", signal);
    if (found !== digest) throw new HubError("HASH", `its SHA-256 is ${found} instead of ${digest}`);
  }
  return { path, release: async () => {} };
}

async function remoteArchive(url: string, options: MirrorOptions): Promise<Archive> {
  const settings = { retry: { attempts: 2 }, ...options };
  const sha256 = await fetchBytes(`${url}.sha256`, { ...settings, maxBytes: 4096 }).then(
    (bytes) => parseDigest(new TextDecoder().decode(bytes)),
    (error) => {
      // The shards are hashed besides: a mirror without this file is only slower to say that it is damaged.
      if (error instanceof HubError && error.details.status === 404) return undefined;
      throw error;
    },
  );
  const { path } = await download({ url, sha256 }, { ...settings, maxBytes: MAX_ARTIFACT });
  return { path, release: () => Promise.all([path, `${path}.json`].map((file) => rm(file, { force: true }))).then() };
}

function parseDigest(text: string): string {
  const digest = /^\s*([0-9a-f]{64})\b/i.exec(text)?.[1]?.toLowerCase();
  if (digest === undefined) throw new HubError("DOWNLOAD", "its .sha256 holds no SHA-256");
  return digest;
}

/** Reads an archive without writing anything: what it holds must be exactly what its model.json states. */
async function inspect(path: string, fingerprint: string, job: Job): Promise<Shards> {
  const sizes = new Map<string, number>();
  let modelJson: string | undefined;
  let total = 0;
  await readTar(path, job, async (entry, name) => {
    total += entry.size;
    if (sizes.has(name)) throw refused(`${name} is in it twice`);
    if (total > MAX_ARTIFACT || sizes.size >= MAX_ENTRIES) throw refused("it is larger than any encoder");
    sizes.set(name, entry.size);
    if (name !== "model.json") return;
    if (entry.size > MAX_MODEL_JSON) throw refused(`its model.json has ${entry.size} bytes`);
    modelJson = await entry.concat().then((bytes) => bytes.toString("utf8"));
  });
  if (modelJson === undefined) throw refused("it holds no model.json");
  const shards = await checkModelJson(modelJson, fingerprint);
  const stray = [...sizes.keys()].find((name) => name !== "model.json" && shards[name] === undefined);
  if (stray !== undefined) throw refused(`${stray} is not among the files its model.json names`);
  for (const [name, { bytes }] of Object.entries(shards)) {
    const found = sizes.get(name);
    if (found !== bytes) throw refused(`${name} has ${found ?? "no"} bytes instead of ${bytes}`);
  }
  return shards;
}

async function unpack(path: string, shards: Shards, staging: string, job: Job): Promise<void> {
  await readTar(path, job, async (entry, name) => {
    if (name !== "model.json" && entry.size !== shards[name]?.bytes) throw refused("it changed while it was read");
    await pipeline(entry, createWriteStream(join(staging, name), { flags: "wx" }));
  });
}

/** Calls `take` for every file of an archive. Anything but regular files of an artifact's names is refused. */
async function readTar(
  path: string,
  { signal }: Job,
  take: (entry: ReadEntry, name: string) => Promise<void>,
): Promise<void> {
  const tar = await import("tar");
  let failure: unknown;
  let taking = Promise.resolve();
  const fail = (error: unknown) => {
    failure ??= error;
  };
  const onEntry = (entry: ReadEntry) => {
    const name = entry.path.replace(/^\.\//, "");
    const isRoot = entry.type === "Directory" && name === "";
    const isOurs = (entry.type === "File" || entry.type === "OldFile") && ARTIFACT_FILE.test(name);
    if (!isRoot && !isOurs) fail(refused(`it holds ${JSON.stringify(entry.path).slice(0, 200)} (${entry.type})`));
    if (isRoot || failure !== undefined) entry.resume();
    else {
      taking = taking
        .then(() => take(entry, name))
        .catch(fail)
        .then(() => void entry.resume());
    }
  };
  const parser = new tar.Parser({ strict: true, onReadEntry: onEntry });
  parser.on("ignoredEntry", (entry: ReadEntry) => fail(refused(`it holds an entry of type ${entry.type}`)));
  const ended = new Promise<void>((resolve) => parser.on("end", resolve).on("error", fail).on("error", resolve));
  const feed = async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      if (failure !== undefined) return;
      if (!parser.write(chunk)) await drained(parser);
    }
    parser.end();
    await ended;
  };
  await pipeline(createReadStream(path), createGunzip(), feed, { signal }).catch((error) => {
    signal?.throwIfAborted();
    fail(error);
  });
  await taking;
  if (failure !== undefined) throw failure instanceof HubError ? failure : refused(messageOf(failure));
}

/** Until a parser takes more, or fails. */
function drained(parser: Parser): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      parser.off("drain", go);
      parser.off("error", go);
      resolve();
    };
    parser.once("drain", go).once("error", go);
  });
}

const refused = (found: string) => new HubError("DOWNLOAD", `its archive is refused: ${found}`);

/**
 * Writes the mirror form of a converted folder: `NAME.tar.gz` and `NAME.tar.gz.sha256` in `outDir`. The same folder
 * gives the same bytes.
 * @throws HubError `HASH` when the folder is damaged.
 */
export async function packArtifact(
  folder: string,
  outDir: string,
  name: string,
): Promise<{ path: string; sha256: string; bytes: number }> {
  const checks = await verifyArtifact(folder);
  const wrong = checks.find(({ ok }) => !ok);
  if (wrong !== undefined) {
    throw new HubError("HASH", `Cannot pack ${folder}: ${wrong.file} is damaged: ${wrong.reason}`);
  }
  const { create } = await import("tar");
  await mkdir(outDir, { recursive: true });
  const path = join(outDir, `${name}.tar.gz`);
  const staging = join(outDir, `.${newOwner()}.tar.gz`);
  try {
    const files = ["model.json", ...checks.map(({ file }) => file)];
    await create({ file: staging, cwd: folder, gzip: true, portable: true, mtime: new Date(0) }, files);
    const sha256 = await hashFile(staging);
    const { size: bytes } = await stat(staging);
    await rename(staging, path);
    await writeFileAtomic(`${path}.sha256`, `${sha256}  ${name}.tar.gz\n`);
    return { path, sha256, bytes };
  } finally {
    await rm(staging, { force: true });
  }
}
