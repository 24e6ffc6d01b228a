import { lstat, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { HubError, messageOf } from "../core/errors.ts";
import { isAbandoned } from "../core/files.ts";
import { newOwner, ownerIn } from "../core/owner.ts";
import { cacheDirs } from "./dirs.ts";

/** One thing in the cache that can be removed. */
export interface CacheEntry {
  kind: "checkpoints" | "partial" | "models" | "features" | "tmp";
  /** File name, model name or key. */
  name: string;
  path: string;
  bytes: number;
}

/** What the cache holds and how large it is, but for what running processes work on. */
export async function cacheUsage(): Promise<CacheEntry[]> {
  const dirs = cacheDirs();
  const models = await Promise.all((await list(dirs.models)).map(list));
  const checkpoints = await list(dirs.checkpoints);
  const isSidecar = (path: string) => path.endsWith(".json") && checkpoints.includes(path.slice(0, -".json".length));
  const found: [CacheEntry["kind"], string[]][] = [
    ["checkpoints", checkpoints.filter((path) => !isSidecar(path))],
    ["partial", await unused(dirs.partial)],
    ["models", models.flat()],
    ["features", await list(dirs.features)],
    ["tmp", await unused(dirs.tmp)],
  ];
  const entries = found.flatMap(([kind, paths]) => paths.map(async (path) => entryOf(kind, path)));
  return Promise.all(entries);
}

/** Folders of the converted forms of a model that the cache holds, its variants among them. */
export const convertedFolders = (name: string): Promise<string[]> => list(join(cacheDirs().models, name));

/**
 * Removes an entry of {@link cacheUsage}: moved away first, so that nothing half-deleted is ever taken for whole.
 * @throws HubError `DISK`, also for a path that is not in the cache.
 */
export async function removeEntry(entry: Pick<CacheEntry, "kind" | "path">): Promise<void> {
  const dirs = cacheDirs();
  const inside = relative(dirs.root, entry.path);
  if (inside.split(sep).length < 2 || inside.startsWith("..")) {
    throw new HubError("DISK", `Cannot remove ${entry.path}: it is not an entry of the cache in ${dirs.root}.`);
  }
  try {
    await mkdir(dirs.tmp, { recursive: true });
    const aside = join(dirs.tmp, newOwner());
    await rename(entry.path, aside);
    await rm(aside, { recursive: true, force: true });
    if (entry.kind === "checkpoints") await rm(`${entry.path}.json`, { force: true });
    if (entry.kind === "models") await removeIfEmpty(dirname(entry.path));
  } catch (cause) {
    throw new HubError("DISK", `Cannot remove ${entry.path}: ${messageOf(cause)}`, { details: { ...entry }, cause });
  }
}

async function entryOf(kind: CacheEntry["kind"], path: string): Promise<CacheEntry> {
  const name = basename(kind === "models" ? dirname(path) : path);
  return { kind, name, path, bytes: await sizeOf(path) };
}

/** Bytes of a file, or of all files under a folder. Links are not followed. */
async function sizeOf(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.size;
  const sizes = await Promise.all((await list(path)).map(sizeOf));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function list(folder: string): Promise<string[]> {
  const entries = await readdir(folder).catch(() => []);
  return entries.sort().map((entry) => join(folder, entry));
}

/** Entries named `<owner>` or `<key>.<owner>` whose owner is gone, and those without one. */
async function unused(folder: string): Promise<string[]> {
  const paths = await list(folder);
  const isFree = await Promise.all(
    paths.map((path) => {
      const owner = ownerIn(path);
      return owner === undefined || isAbandoned(path, owner);
    }),
  );
  return paths.filter((_, i) => isFree[i]);
}

async function removeIfEmpty(folder: string): Promise<void> {
  if ((await list(folder)).length === 0) await rm(folder, { recursive: true, force: true });
}
