import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HubError, messageOf } from "../core/errors.ts";
import type { Job } from "../core/events.ts";
import { HEARTBEAT_MS, isAbandoned } from "../core/files.ts";
import { heartbeat, touch } from "../core/lease.ts";
import { newOwner } from "../core/owner.ts";

/** What the server said of the file that a partial download is the beginning of. */
export interface Identity {
  etag?: string;
  last_modified?: string;
  /** Length of the whole file. */
  total?: number;
}

/** The beginning of a file, written by one process only. */
export interface PartialFile {
  readonly folder: string;
  readonly dataPath: string;
  /** Bytes that are there. */
  readonly size: number;
  readonly identity: Identity | undefined;
  /** Throws away what is there and begins a file of this identity. */
  restart(identity: Identity): Promise<void>;
  append(chunk: Uint8Array): Promise<void>;
  /** The last `n` bytes. */
  tail(n: number): Promise<Uint8Array>;
  /** Digests of what is there, as hex. */
  digests(): { sha256: string; md5?: string };
  /** Forces the bytes to disk and closes. */
  seal(): Promise<void>;
  /** Closes and leaves the bytes for whoever comes next. */
  giveBack(): Promise<void>;
  /** Closes and removes. */
  discard(): Promise<void>;
}

export interface PartialOptions extends Job {
  /** What to call the file in events. */
  name: string;
  /** Whether the MD5 is wanted besides. */
  md5: boolean;
}

/**
 * Takes over the partial download called `key`, or begins one. Taking over is a rename to a name of our own, so that
 * two writers never share a file: `<key>` is free to take, `<key>.<owner>` is somebody's, and free again once its
 * owner is dead. The bytes that are there are hashed again.
 */
export async function takePartial(
  root: string,
  key: string,
  url: string,
  options: PartialOptions,
): Promise<PartialFile> {
  const folder = join(root, `${key}.${newOwner()}`);
  await adopt(root, key, folder);
  await mkdir(folder, { recursive: true });
  const stop = heartbeat(folder, HEARTBEAT_MS);
  try {
    return await openPartial(root, key, folder, url, stop, options);
  } catch (error) {
    stop();
    throw error;
  }
}

/** Removes what is left of downloads of a file that is there: a process was killed between its last steps. */
export async function dropPartials(root: string, key: string): Promise<void> {
  for (const path of await free(root, key)) await rm(path, { recursive: true, force: true });
}

async function adopt(root: string, key: string, folder: string): Promise<void> {
  for (const path of await free(root, key)) {
    // Touched first: nobody may take it for a dead process's once it bears our name.
    await touch(path);
    const done = await rename(path, folder).then(
      () => true,
      () => false,
    );
    if (done) return;
  }
}

/** The partial downloads of a key that belong to nobody, or to a dead process. */
async function free(root: string, key: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(root).catch(() => [])) {
    const path = join(root, entry);
    const abandoned = entry.startsWith(`${key}.`) && (await isAbandoned(path, entry.slice(key.length + 1)));
    if (entry === key || abandoned) found.push(path);
  }
  return found;
}

async function openPartial(
  root: string,
  key: string,
  folder: string,
  url: string,
  stop: () => void,
  { signal, onProgress, name, md5 }: PartialOptions,
): Promise<PartialFile> {
  const dataPath = join(folder, "data");
  const metaPath = join(folder, "meta.json");
  let identity = await readIdentity(metaPath, url);
  const file = await open(dataPath, identity === undefined ? "w+" : "r+").catch(() => open(dataPath, "w+"));
  const fresh = () => ({ sha256: createHash("sha256"), md5: md5 ? createHash("md5") : undefined });
  let hashes = fresh();
  let size = 0;
  const update = (chunk: Uint8Array) => {
    hashes.sha256.update(chunk);
    hashes.md5?.update(chunk);
    size += chunk.length;
  };
  try {
    for await (const chunk of file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 })) {
      signal?.throwIfAborted();
      update(chunk);
      onProgress?.({ stage: "verify", name, done: size, unit: "bytes" });
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  const close = async () => {
    stop();
    await file.close();
  };
  return {
    folder,
    dataPath,
    get size() {
      return size;
    },
    get identity() {
      return identity;
    },
    // Truncated before the new identity is written: old bytes never stand under a new name, whenever we are killed.
    async restart(next) {
      await onDisk(dataPath, () => file.truncate(0));
      hashes = fresh();
      size = 0;
      identity = next;
      await onDisk(metaPath, () => writeFile(metaPath, JSON.stringify({ url, ...next })));
    },
    async append(chunk) {
      await onDisk(dataPath, () => writeAll(file, chunk, size));
      update(chunk);
    },
    async tail(n) {
      const bytes = new Uint8Array(n);
      const { bytesRead } = await file.read(bytes, 0, n, size - n);
      return bytes.subarray(0, bytesRead);
    },
    digests: () => ({ sha256: hashes.sha256.copy().digest("hex"), md5: hashes.md5?.copy().digest("hex") }),
    async seal() {
      await onDisk(dataPath, () => file.sync());
      await file.close();
    },
    async giveBack() {
      await close();
      const kept =
        size > 0 &&
        (await rename(folder, join(root, key))
          .then(() => true)
          .catch(() => false));
      if (!kept) await rm(folder, { recursive: true, force: true });
    },
    async discard() {
      await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function writeAll(file: FileHandle, chunk: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    done += (await file.write(chunk, done, chunk.length - done, at + done)).bytesWritten;
  }
}

async function readIdentity(path: string, url: string): Promise<Identity | undefined> {
  try {
    const meta = JSON.parse(await readFile(path, "utf8"));
    return meta.url === url ? { etag: meta.etag, last_modified: meta.last_modified, total: meta.total } : undefined;
  } catch {
    return undefined;
  }
}

async function onDisk<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw new HubError("DISK", `Cannot write ${path}: ${messageOf(cause)}`, { details: { path }, cause });
  }
}
