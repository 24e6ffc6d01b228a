import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HubError, messageOf } from "../core/errors.ts";
import type { Job } from "../core/events.ts";
import { sweep } from "../core/files.ts";
import { hashFile } from "../core/hash.ts";
import { withLease } from "../core/lease.ts";
import { newOwner } from "../core/owner.ts";
import { type CacheDirs, ensureDirs } from "./dirs.ts";
import { type Digests, type Expected, isChecked, mismatch } from "./expect.ts";
import { type Fetch, isOffline } from "./http.ts";
import { directUrl, type Place, placeOf } from "./location.ts";
import { dropPartials, type PartialFile, takePartial } from "./partial.ts";
import { type RetryOptions, withRetry } from "./retry.ts";
import { transfer } from "./transfer.ts";

export interface DownloadOptions extends RetryOptions {
  /** Download even when the cache holds the file. */
  force?: boolean;
  /** Default: node-fetch. */
  fetch?: Fetch;
  /** Largest file that is taken. */
  maxBytes?: number;
  /** Longest silence of the server that is borne, ms. */
  idleMs?: number;
}

export interface Downloaded {
  path: string;
  /** Of the whole file, 64 hex digits. */
  sha256: string;
  bytes: number;
  /** As it was asked for. */
  url: string;
}

/**
 * Gives a file by URL: from the cache, else downloaded there. Streamed, resumed, retried and checked; the file is whole
 * or absent whenever a process is killed, and processes that want the same one download it once.
 * @throws HubError `DOWNLOAD`, `HASH` (the file is removed), `OFFLINE` when it is not there and `SSL_HUB_OFFLINE` is
 * set, `DISK`.
 */
export async function download(source: Expected, options: DownloadOptions = {}): Promise<Downloaded> {
  const { signal, onProgress, force = false } = options;
  signal?.throwIfAborted();
  if (!URL.canParse(source.url)) throw new HubError("DOWNLOAD", `Cannot download ${source.url}: it is not a URL.`);
  const dirs = await ensureDirs();
  await sweep(dirs.tmp);
  const place = placeOf(dirs, source.url);
  const given = async () => {
    const cached = force ? undefined : await fromCache(dirs, place, source, options);
    if (cached === undefined && isOffline()) throw offline(source, place);
    return cached;
  };
  const leftovers = () => dropPartials(dirs.partial, place.key);
  const lease = { lockDir: dirs.locks, name: place.name, leftovers, signal, onProgress };
  return withLease(place.path, lease, given, () => fetchInto(dirs, place, source, options));
}

/**
 * The first of several locations of a file that can be had.
 * @throws HubError `DOWNLOAD` (`OFFLINE` if that is why) that tells of every location why it failed.
 */
export async function downloadFirst(sources: readonly Expected[], options: DownloadOptions = {}): Promise<Downloaded> {
  const failures: HubError[] = [];
  for (const source of sources) {
    try {
      return await download(source, options);
    } catch (error) {
      if (!(error instanceof HubError) || !["DOWNLOAD", "HASH", "OFFLINE"].includes(error.code)) throw error;
      failures.push(error);
    }
  }
  const code = failures[0]?.code === "OFFLINE" ? "OFFLINE" : "DOWNLOAD";
  const reasons = failures.map((error) => `\n  ${error.message}`).join("");
  throw new HubError(code, `None of ${sources.length} locations gave the file:${reasons}`, {
    details: { locations: failures.map(({ code, details }) => ({ code, ...details })) },
    cause: failures[0],
  });
}

async function fetchInto(
  dirs: CacheDirs,
  place: Place,
  source: Expected,
  options: DownloadOptions,
): Promise<Downloaded> {
  const settings = { ...options, name: place.name, md5: source.md5 !== undefined };
  const partial = await takePartial(dirs.partial, place.key, source.url, settings);
  try {
    const resumed = !options.force && partial.size > 0;
    if (!resumed) await partial.restart({});
    let found = await fill(partial, place, source, options);
    let wrong = mismatch(source, found);
    if (wrong !== undefined && resumed) {
      await partial.restart({});
      found = await fill(partial, place, source, options);
      wrong = mismatch(source, found);
    }
    if (wrong !== undefined) {
      await partial.restart({});
      throw new HubError(
        "HASH",
        `Cannot use ${source.url}: ${wrong}. The file was removed; the host may serve another.`,
        {
          details: { url: source.url, expected: source, found },
        },
      );
    }
    await commit(dirs, place, source.url, partial, found);
    await partial.discard();
    return { path: place.path, sha256: found.sha256, bytes: found.bytes, url: source.url };
  } catch (error) {
    await partial.giveBack();
    throw error;
  }
}

async function fill(partial: PartialFile, place: Place, source: Expected, options: DownloadOptions): Promise<Digests> {
  const { fetch, maxBytes, idleMs, signal, onProgress } = options;
  const { bytes } = source;
  const settings = { fetch, maxBytes, idleMs, signal, onProgress, bytes, name: place.name };
  const url = directUrl(source.url);
  let reached = partial.size;
  await withRetry(
    options,
    async () => {
      try {
        await transfer(url, partial, settings);
      } finally {
        reached = Math.max(reached, partial.size);
      }
    },
    () => reached,
  );
  return { ...partial.digests(), bytes: partial.size };
}

/** What is said beside a cached file, to save hashing it again. */
interface Sidecar {
  url: string;
  sha256: string;
  bytes: number;
  etag?: string;
}

async function commit(dirs: CacheDirs, place: Place, url: string, partial: PartialFile, found: Digests): Promise<void> {
  await partial.seal();
  // In this order a sidecar never stands beside a file it does not describe.
  await rm(place.sidecar, { force: true });
  try {
    await rename(partial.dataPath, place.path);
  } catch (cause) {
    const message = `Cannot move the download to ${place.path}: ${messageOf(cause)}`;
    throw new HubError("DISK", message, { details: { path: place.path }, cause });
  }
  const { sha256, bytes } = found;
  await writeSidecar(dirs, place, { url, sha256, bytes, etag: partial.identity?.etag });
}

async function writeSidecar(dirs: CacheDirs, place: Place, sidecar: Sidecar): Promise<void> {
  const staging = join(dirs.tmp, newOwner());
  await writeFile(staging, JSON.stringify(sidecar));
  await rename(staging, place.sidecar);
}

/** The cached file, if it is there and what it should be. One put there by hand is hashed and gets its sidecar. */
async function fromCache(
  dirs: CacheDirs,
  place: Place,
  source: Expected,
  { signal, onProgress }: Job,
): Promise<Downloaded | undefined> {
  const bytes = await stat(place.path).then(
    ({ size }) => size,
    () => undefined,
  );
  if (bytes === undefined) return undefined;
  const sidecar = await readSidecar(place.sidecar);
  let found: Digests | undefined = sidecar;
  if (sidecar?.bytes !== bytes) {
    if (sidecar !== undefined && !isChecked(source)) return undefined;
    onProgress?.({ stage: "verify", name: place.name, done: 0, total: bytes, unit: "bytes" });
    const md5 = source.md5 === undefined ? undefined : await hashFile(place.path, "md5", signal);
    found = { sha256: await hashFile(place.path, "sha256", signal), md5, bytes };
  }
  const wrong = mismatch(source, found!);
  if (wrong !== undefined) {
    if (!isOffline()) return undefined;
    throw new HubError("HASH", `Cannot use ${place.path}: ${wrong}. SSL_HUB_OFFLINE keeps us from getting another.`, {
      details: { path: place.path, expected: source, found },
    });
  }
  // It only saves hashing again: a cache that cannot be written serves all the same.
  if (found !== sidecar)
    await writeSidecar(dirs, place, { url: source.url, sha256: found!.sha256, bytes }).catch(() => {});
  return { path: place.path, sha256: found!.sha256, bytes, url: source.url };
}

async function readSidecar(path: string): Promise<Sidecar | undefined> {
  try {
    const value = JSON.parse(await readFile(path, "utf8"));
    return typeof value.sha256 === "string" && typeof value.bytes === "number" ? value : undefined;
  } catch {
    return undefined;
  }
}

function offline({ url, sha256 }: Expected, place: Place): HubError {
  const check = sha256 === undefined ? "" : ` (SHA-256 ${sha256})`;
  const message = `${url} is needed and not in the cache, and SSL_HUB_OFFLINE is set. Unset it, or put the file${check} at ${place.path}`;
  return new HubError("OFFLINE", message, { details: { url, path: place.path } });
}
