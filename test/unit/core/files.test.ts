import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ProgressEvent } from "../../../src/core/events.ts";
import { getOrMake, type MakeOptions, sweep, writeFileAtomic } from "../../../src/core/files.ts";
import { sha256 } from "../../../src/core/hash.ts";
import { withLease } from "../../../src/core/lease.ts";
import { isRunning, newOwner } from "../../../src/core/owner.ts";

let dir: string;
let target: string;
let options: MakeOptions;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ssl-hub-files-"));
  target = join(dir, "models", "m", "f");
  options = { tmpDir: join(dir, "tmp"), lockDir: join(dir, "locks"), name: "m" };
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const fill = (text: string) => (staging: string) => writeFile(join(staging, "file"), text);
const content = () => readFile(join(target, "file"), "utf8");
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function expectNothingLeft() {
  expect(await readdir(options.tmpDir)).toEqual([]);
  expect(await readdir(options.lockDir)).toEqual([]);
}

/** An owner of this host whose process is gone: no process has the highest pid. */
const deadOwner = () => newOwner().replace(/^\d+/, "4194305");

describe("getOrMake", () => {
  test("makes once, then gives", async () => {
    expect(await getOrMake(target, fill("a"), options)).toBe(target);
    await getOrMake(target, fill("b"), options);
    expect(await content()).toBe("a");
    await expectNothingLeft();
  });

  test("force makes anew and swaps", async () => {
    await getOrMake(target, fill("a"), { ...options, force: true });
    await getOrMake(target, fill("b"), { ...options, force: true });
    expect(await content()).toBe("b");
    await expectNothingLeft();
  });

  test("a failure leaves nothing, the old result stays", async () => {
    const fail = async (staging: string) => {
      await fill("half")(staging);
      throw new Error("broken");
    };
    await expect(getOrMake(target, fail, options)).rejects.toThrow("broken");
    await expect(readdir(target)).rejects.toThrow("ENOENT");
    await getOrMake(target, fill("a"), options);
    await expect(getOrMake(target, fail, { ...options, force: true })).rejects.toThrow("broken");
    expect(await content()).toBe("a");
    await expectNothingLeft();
  });

  test("of ten calls at once one makes, the others wait and say so", async () => {
    let made = 0;
    const events: ProgressEvent[] = [];
    const make = async (staging: string) => {
      made++;
      await sleep(100);
      await fill("a")(staging);
    };
    const onProgress = (event: ProgressEvent) => events.push(event);
    await Promise.all(Array.from({ length: 10 }, () => getOrMake(target, make, { ...options, onProgress })));
    expect(made).toBe(1);
    expect(events[0]).toMatchObject({ stage: "wait", name: "m", unit: "seconds" });
    await expectNothingLeft();
  });

  test("who waits can be stopped, with the signal's reason; who works goes on", async () => {
    const controller = new AbortController();
    const slow = async (staging: string) => {
      await sleep(200);
      await fill("a")(staging);
    };
    const working = getOrMake(target, slow, options);
    await sleep(50);
    const waiting = getOrMake(target, fill("b"), { ...options, signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 20);
    await expect(waiting).rejects.toThrow("enough");
    await working;
    expect(await content()).toBe("a");
  });

  test("an abort while making leaves nothing", async () => {
    const controller = new AbortController();
    const make = async (staging: string) => {
      await fill("a")(staging);
      controller.abort(new Error("enough"));
    };
    await expect(getOrMake(target, make, { ...options, signal: controller.signal })).rejects.toThrow("enough");
    await expect(readdir(target)).rejects.toThrow("ENOENT");
    await expectNothingLeft();
  });

  test("the loser of a race without a lease discards its copy", async () => {
    const other = { ...options, lockDir: join(dir, "other-locks") };
    const make = (text: string, ms: number) => async (staging: string) => {
      await fill(text)(staging);
      await sleep(ms);
    };
    const results = await Promise.all([
      getOrMake(target, make("first", 50), options),
      getOrMake(target, make("second", 150), other),
    ]);
    expect(results).toEqual([target, target]);
    expect(await content()).toBe("first");
    await expectNothingLeft();
  });

  test("a process killed between its last steps left all: the next call gives the target and clears the rest", async () => {
    await getOrMake(target, fill("a"), options);
    const leave = async (owner: string) => {
      const lock = join(options.lockDir, sha256(target).slice(0, 16));
      await mkdir(lock);
      await writeFile(join(lock, "owner"), owner);
      await mkdir(join(options.tmpDir, owner, "staging"), { recursive: true });
    };
    await leave(deadOwner());
    expect(await getOrMake(target, fill("b"), options)).toBe(target);
    expect(await content()).toBe("a");
    await expectNothingLeft();
    // One that is at work is left alone.
    const live = newOwner();
    await leave(live);
    expect(await getOrMake(target, fill("b"), options)).toBe(target);
    expect(await readdir(options.tmpDir)).toEqual([live]);
    expect(await readdir(options.lockDir)).toHaveLength(1);
  });

  test("a dead process's lease is taken over and its staging swept; a live one's and a foreign one's stay", async () => {
    const lock = join(options.lockDir, sha256(target).slice(0, 16));
    await mkdir(lock, { recursive: true });
    await writeFile(join(lock, "owner"), deadOwner());
    const foreign = newOwner().replace(/-[0-9a-f]{8}-/, "-00000000-");
    const [dead, live] = [deadOwner(), newOwner()];
    for (const owner of [dead, live, foreign]) await mkdir(join(options.tmpDir, owner, "staging"), { recursive: true });
    const start = performance.now();
    await getOrMake(target, fill("a"), options);
    expect(performance.now() - start).toBeLessThan(5000);
    expect((await readdir(options.tmpDir)).sort()).toEqual([live, foreign].sort());
    const twoDaysAgo = new Date(Date.now() - 48 * 3_600_000);
    await utimes(join(options.tmpDir, foreign), twoDaysAgo, twoDaysAgo);
    await sweep(options.tmpDir);
    expect(await readdir(options.tmpDir)).toEqual([live]);
  });
});

describe("withLease", () => {
  test("gives the result, passes the error on, and releases", async () => {
    const run = (work: () => Promise<number>) => withLease("key", options, async () => undefined, work);
    expect(await run(async () => 7)).toBe(7);
    await expect(run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await readdir(options.lockDir)).toEqual([]);
  });

  test("does not release a lease that somebody took over", async () => {
    const lock = join(options.lockDir, sha256("key").slice(0, 16));
    const never = async () => undefined;
    await withLease("key", options, never, () => writeFile(join(lock, "owner"), "somebody"));
    expect(await readFile(join(lock, "owner"), "utf8")).toBe("somebody");
  });
});

describe("isRunning", () => {
  test("tells own, dead, recycled and foreign owners apart", () => {
    expect(isRunning(newOwner(), Date.now())).toBe(true);
    const undated = newOwner().slice(0, `${process.pid}-00000000-00000000`.length);
    expect(isRunning(undated, Date.now())).toBe(true);
    expect(isRunning(undated, Date.now() - 1e9)).toBe(false);
    expect(isRunning(undated.replace(/^\d+/, String(process.ppid)), 0)).toBe(true);
    expect(isRunning(deadOwner(), Date.now())).toBe(false);
    expect(isRunning(`1-00000000-${"0".repeat(8)}`, Date.now())).toBeUndefined();
    expect(isRunning(hostname(), Date.now())).toBeUndefined();
  });
});

describe.skipIf(process.platform !== "linux")("isRunning on Linux", () => {
  test("a process that got a dead one's pid, and a thread of that number, are not the owner", async () => {
    const recycled = newOwner().replace(/[0-9a-f]{4}$/, (start) => (start === "0000" ? "0001" : "0000"));
    expect(isRunning(recycled, Date.now())).toBe(false);
    const worker = new Worker("setInterval(() => {}, 1e6)", { eval: true });
    await once(worker, "online");
    const threads = (await readdir("/proc/self/task")).map(Number);
    const youngest = Math.max(...threads); // begun long after the process
    expect(isRunning(newOwner().replace(/^\d+/, String(youngest)), Date.now())).toBe(false);
    await worker.terminate();
  });
});

describe("writeFileAtomic", () => {
  test("writes, replaces, and leaves nothing beside", async () => {
    const path = join(dir, "new", "file.json");
    await writeFileAtomic(path, "a");
    await writeFileAtomic(path, new Uint8Array([98]));
    expect(await readFile(path, "utf8")).toBe("b");
    expect(await readdir(join(dir, "new"))).toEqual(["file.json"]);
  });

  test("a failure is DISK and leaves nothing", async () => {
    await mkdir(join(dir, "taken", "inside"), { recursive: true });
    await expect(writeFileAtomic(join(dir, "taken"), "a")).rejects.toMatchObject({ code: "DISK" });
    expect(await readdir(dir)).toEqual(["taken"]);
  });
});
