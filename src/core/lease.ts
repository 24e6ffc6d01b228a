import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HubError, messageOf } from "./errors.ts";
import type { Job } from "./events.ts";
import { sha256 } from "./hash.ts";
import { isRunning, newOwner } from "./owner.ts";

const HEARTBEAT_MS = 3_000;
/** A lease whose heartbeat stands still this long is taken over: its process hangs, or died on another host. */
const STALE_MS = 30_000;
const POLL_MS = 50;
const MAX_POLL_MS = 500;

export interface LeaseOptions extends Job {
  lockDir: string;
  /** What to call the thing in events. */
  name: string;
  /** Removes what else a killed process may have left, when what is wanted is there at once. */
  leftovers?: (o: { deadLease: boolean }) => Promise<void>;
}

/**
 * Runs `work` while holding the lease called `key`, so that processes which want the same thing make it once.
 *
 * The lease only saves work and nothing may rest on it: network file systems lie about locks, and one whose owner
 * looks dead is taken over. It is a folder under `lockDir` (`mkdir` is atomic) whose `owner` file is touched again and
 * again. Waiting is reported as `{ stage: "wait" }`, in seconds, and ends when `given` finds what is wanted; when it is there at
 * once, there is no lease, and that of a dead process is removed.
 * @throws HubError `DISK` when `lockDir` cannot be made; else what `given` or `work` throws.
 */
export async function withLease<T>(
  key: string,
  { lockDir, name, leftovers, ...job }: LeaseOptions,
  given: () => Promise<T | undefined>,
  work: () => Promise<T>,
): Promise<T> {
  const there = await given();
  if (there !== undefined) {
    // Killed between its last steps, a process leaves what is wanted and its lease.
    const deadLease = await dropDeadLease(lockOf(key, lockDir));
    await leftovers?.({ deadLease });
    return there;
  }
  await mkdir(lockDir, { recursive: true }).catch((cause) => {
    throw new HubError("DISK", `Cannot make the folder ${lockDir} for ${name}: ${messageOf(cause)}`, { cause });
  });
  const lock = lockOf(key, lockDir);
  const owner = newOwner();
  const found = await acquire(lock, owner, name, job, given);
  if (found !== undefined) return found;
  const stop = heartbeat(join(lock, "owner"), HEARTBEAT_MS);
  try {
    return (await given()) ?? (await work());
  } finally {
    stop();
    if ((await look(lock))?.owner === owner) await rm(lock, { recursive: true, force: true });
  }
}

/** Removes the lease that a killed process left; whether there was one. */
async function dropDeadLease(lock: string): Promise<boolean> {
  const sight = await look(lock);
  if (sight === undefined || isRunning(sight.owner, sight.beat) !== false) return false;
  await evict(lock, sight.owner, newOwner());
  return true;
}

const lockOf = (key: string, lockDir: string): string => join(lockDir, sha256(key).slice(0, 16));

/** Marks a path as still in use. That it is gone is for its user to find out. */
export async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {});
}

/** Touches a path every `ms` until the function it returns is called: the sign of life of whoever uses it. */
export function heartbeat(path: string, ms: number): () => void {
  const timer = setInterval(() => void touch(path), ms);
  timer.unref();
  return () => clearInterval(timer);
}

async function acquire<T>(
  lock: string,
  owner: string,
  name: string,
  { signal, onProgress }: Job,
  given: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const start = performance.now();
  let seen: Sight | undefined;
  let seenAt = start;
  for (let poll = POLL_MS; ; poll = Math.min(poll * 1.5, MAX_POLL_MS)) {
    signal?.throwIfAborted();
    if (await take(lock, owner)) return undefined;
    const now = performance.now();
    const sight = await look(lock);
    // Clocks of hosts differ: what counts is how long *we* have seen nothing move.
    if (sight?.owner !== seen?.owner || sight?.beat !== seen?.beat) {
      seen = sight;
      seenAt = now;
    }
    if (sight !== undefined && (isRunning(sight.owner, sight.beat) === false || now - seenAt > STALE_MS)) {
      await evict(lock, sight.owner, owner);
      continue;
    }
    onProgress?.({ stage: "wait", name, done: Math.round((now - start) / 1000), unit: "seconds" });
    await sleep(poll, undefined, { signal }).catch(() => signal?.throwIfAborted());
    const found = await given();
    if (found !== undefined) return found;
  }
}

async function take(lock: string, owner: string): Promise<boolean> {
  try {
    await mkdir(lock);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  await writeFile(join(lock, "owner"), owner);
  return true;
}

interface Sight {
  /** Empty while the owner has not signed yet. */
  owner: string;
  /** Last heartbeat, ms since epoch. */
  beat: number;
}

async function look(lock: string): Promise<Sight | undefined> {
  try {
    const owner = await readFile(join(lock, "owner"), "utf8").catch(() => "");
    const { mtimeMs } = await stat(owner === "" ? lock : join(lock, "owner"));
    return { owner, beat: mtimeMs };
  } catch {
    return undefined;
  }
}

/** Moves a dead lease aside, and back again if meanwhile somebody else did so and holds a new one. */
async function evict(lock: string, dead: string, by: string): Promise<void> {
  const aside = `${lock}.${by}`;
  try {
    await rename(lock, aside);
    if ((await look(aside))?.owner === dead) await rm(aside, { recursive: true, force: true });
    else await rename(aside, lock);
  } catch {
    await rm(aside, { recursive: true, force: true });
  }
}
