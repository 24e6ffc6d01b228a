import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { sha256 } from "./hash.ts";

/** When this process began, by the clock that stamps files. Taken once: `uptime` stands still while a laptop sleeps. */
const STARTED = Date.now() - process.uptime() * 1000;

/**
 * Who made a temporary file: `<pid>-<host>-<random><start>`, the random part unique to one piece of work, the start a digest of
 * when the process began. It is part of file names, so that what a killed process left behind can be told from what a
 * running one still writes.
 */
export function newOwner(): string {
  return `${process.pid}-${hostId()}-${randomBytes(4).toString("hex")}${startOf(process.pid) ?? ""}`;
}

const OWNER = /(\d+)-([0-9a-f]{8})-[0-9a-f]{8}([0-9a-f]{4})?$/;

/** The owner that a name is, or ends with; undefined where it names none. */
export const ownerIn = (name: string): string | undefined => OWNER.exec(name)?.[0];

/**
 * Whether the owner's process runs. Undefined where that cannot be known: another host, or not an owner at all.
 * `since` (ms since epoch, when the owner last wrote) tells a dead process from one that got the same pid later, where the
 * system does not tell when processes began.
 */
export function isRunning(owner: string, since: number): boolean | undefined {
  const parts = OWNER.exec(owner);
  if (parts === null || parts.index !== 0 || parts[2] !== hostId()) return undefined;
  const pid = Number(parts[1]);
  // Pids come round, and on Linux a thread's number answers for a process's.
  const start = startOf(pid);
  if (parts[3] !== undefined && start !== undefined) return parts[3] === start;
  // In containers a rerun often has the pid of its predecessor: what is older than this process is not ours.
  if (pid === process.pid) return since >= STARTED - 1000;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * 4 hex digits of when a process began, in ticks since boot: no clock can change them. "" when it has ended and waits for its
 * parent to notice. Undefined when it is gone, is another user's that the system hides, or the system is not Linux.
 */
function startOf(pid: number): string | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  // The name, in brackets, may hold anything; the start is the 20th field after it.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields[18];
  if (ticks === undefined) return undefined;
  return state === "Z" ? "" : sha256(ticks).slice(0, 4);
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
