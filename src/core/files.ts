import { access, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HubError, messageOf } from "./errors.ts";
import type { Job } from "./events.ts";
import { heartbeat, withLease } from "./lease.ts";
import { isRunning, newOwner } from "./owner.ts";

/** How often whoever works in a staging folder touches it. */
export const HEARTBEAT_MS = 60_000;
/** Staging of another host, whose processes we cannot ask: dead when nobody touched it for a day. */
const FOREIGN_MS = 24 * 3_600_000;

export interface MakeOptions extends Job {
  /** Where staging folders are made: on the file system of the target. */
  tmpDir: string;
  lockDir: string;
  /** What to call the thing in events and errors. */
  name: string;
  /** Make it anew even when it is there, and swap. */
  force?: boolean;
}

/**
 * Gives the folder `target`, made by `make` if it is not there. `make` fills a private staging folder, which is then
 * renamed: the target is whole or absent, whenever a process is killed. Of several processes one makes it while the
 * others wait; should two make it all the same, the first to finish wins and the other's copy is discarded.
 * @throws HubError `DISK` when the result cannot be put in place; else what `make` throws.
 */
export async function getOrMake(
  target: string,
  make: (staging: string, job: Job) => Promise<void>,
  options: MakeOptions,
): Promise<string> {
  const { tmpDir, lockDir, name, force = false, signal, onProgress } = options;
  const job = { signal, onProgress };
  signal?.throwIfAborted();
  const given = async () => (!force && (await exists(target)) ? target : undefined);
  const leftovers = async ({ deadLease }: { deadLease: boolean }) => {
    if (deadLease) await sweep(tmpDir);
  };
  return withLease(target, { lockDir, name, leftovers, ...job }, given, async () => {
    await sweep(tmpDir);
    const own = join(tmpDir, newOwner());
    const staging = join(own, "staging");
    await mkdir(staging, { recursive: true });
    const stop = heartbeat(own, HEARTBEAT_MS);
    try {
      await make(staging, job);
      signal?.throwIfAborted();
      await syncTree(staging);
      if (force) await moveAside(target, join(own, "old"));
      await place(staging, target);
    } finally {
      stop();
      await rm(own, { recursive: true, force: true });
    }
    return target;
  });
}

/** Writes a file so that it is whole or absent: beside its place first, then renamed. */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const staging = join(dirname(path), `.${basename(path)}.${newOwner()}`);
  try {
    const file = await open(staging, "wx");
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(staging, path);
  } catch (cause) {
    await rm(staging, { force: true });
    throw new HubError("DISK", `Cannot write ${path}: ${messageOf(cause)}`, { details: { path }, cause });
  }
}

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Removes what dead processes left in a folder whose entries are named by their owners. */
export async function sweep(tmpDir: string): Promise<void> {
  for (const entry of await readdir(tmpDir).catch(() => [])) {
    const path = join(tmpDir, entry);
    // What another user of a shared cache left is not ours to remove.
    if (await isAbandoned(path, entry)) await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

/** Whether `path`, made by `owner`, has nobody who still works on it. */
export async function isAbandoned(path: string, owner: string): Promise<boolean> {
  const since = await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
  if (since === undefined) return false;
  const running = isRunning(owner, since);
  return running === undefined ? Date.now() - since > FOREIGN_MS : !running;
}

async function place(staging: string, target: string): Promise<void> {
  try {
    await mkdir(dirname(target), { recursive: true });
    await rename(staging, target);
    await syncPath(dirname(target));
  } catch (cause) {
    const lost = ["ENOTEMPTY", "EEXIST", "EPERM"].includes((cause as NodeJS.ErrnoException).code ?? "");
    if (lost && (await exists(target))) return;
    throw new HubError("DISK", `Cannot move the finished ${basename(target)} to ${target}: ${messageOf(cause)}`, {
      details: { staging, target },
      cause,
    });
  }
}

async function moveAside(target: string, old: string): Promise<void> {
  await rename(target, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) await syncPath(path);
  }
  await syncPath(folder);
}

/** Forces a file or folder to disk. Folders cannot be opened on Windows, and some file systems refuse to sync. */
async function syncPath(path: string): Promise<void> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return;
  await file.sync().catch(() => {});
  await file.close();
}
