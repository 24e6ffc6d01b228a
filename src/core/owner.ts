import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { sha256 } from "./hash.ts";

/** When this process began, by the clock that stamps files. Taken once: `uptime` stands still while a laptop sleeps. */
const STARTED = Date.now() - process.uptime() * 1000;

/**
 * Who made a temporary file: `<pid>-<host>-<random>`, the random part unique to one piece of work. It is part of file
 * names, so that what a killed process left behind can be told from what a running one still writes.
 */
export function newOwner(): string {
  return `${process.pid}-${hostId()}-${randomBytes(4).toString("hex")}`;
}

/**
 * Whether the owner's process runs. Undefined where that cannot be known: another host, or not an owner at all.
 * `since` (ms since epoch, when the owner last wrote) tells a dead process from one that got the same pid later.
 */
export function isRunning(owner: string, since: number): boolean | undefined {
  const parts = /^(\d+)-([0-9a-f]{8})-[0-9a-f]{8}$/.exec(owner);
  if (parts === null || parts[2] !== hostId()) return undefined;
  const pid = Number(parts[1]);
  // In containers a rerun often has the pid of its predecessor: what is older than this process is not ours.
  if (pid === process.pid) return since >= STARTED - 1000;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

let host: string | undefined;

/** 8 hex digits of where pids mean the same: host, machine and pid namespace (containers may share a host name). */
function hostId(): string {
  host ??= sha256(
    [
      hostname(),
      attempt(() => readFileSync("/etc/machine-id", "utf8")),
      attempt(() => readlinkSync("/proc/self/ns/pid")),
    ].join(),
  ).slice(0, 8);
  return host;
}

function attempt(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
