import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generator } from "../support/bytes.ts";
import { removeStripped, runModule, stripped } from "../support/child.ts";
import { type FaultServer, sendFile, serve } from "./server.ts";

const body = generator(6)(400_000);
const digest = createHash("sha256").update(body).digest("hex");

let copy: string;
let server: FaultServer;
/** Told of every piece the server sends. */
let onSent: (bytes: number) => void = () => {};

beforeAll(async () => {
  copy = stripped(["src/core", "src/store"]);
  const slow = { bytes: 20_000, ms: 3 };
  server = await serve((request, response) =>
    sendFile(request, response, body, { etag: '"a"', slow, onSent: (n) => onSent(n) }),
  );
});
afterAll(async () => {
  await server.close();
  removeStripped(copy);
});

const DOWNLOAD = `
  const { download } = await import("./src/store/download.js");
  console.log(JSON.stringify(await download({ url: process.env.URL_OF_FILE })));`;

const FOLDER = `
  import { writeFile } from "node:fs/promises";
  import { join } from "node:path";
  const { getOrMake } = await import("./src/core/files.js");
  const { ensureDirs } = await import("./src/store/dirs.js");
  const dirs = await ensureDirs();
  await getOrMake(join(dirs.models, "m", "f"), async (staging) => {
    for (let i = 0; i < 5; i++) {
      await writeFile(join(staging, "shard" + i), "x".repeat(1000 * i));
      process.stdout.write("x");
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }, { tmpDir: dirs.tmp, lockDir: dirs.locks, name: "m", force: process.env.FORCE === "1" });`;

const scratch = () => mkdtemp(join(tmpdir(), "ssl-hub-kill-"));

async function leftovers(dir: string): Promise<string[]> {
  const folders = await Promise.all(["tmp", "partial", "locks"].map((name) => readdir(join(dir, name))));
  return folders.flat();
}

describe("SIGKILL", () => {
  test.each([0, 0.05, 0.3, 0.6, 0.9, 1])(
    "of a download after %f of the body: the rerun gives the file and leaves nothing",
    async (part) => {
      const dir = await scratch();
      const env = { SSL_HUB_DIR: dir, URL_OF_FILE: `${server.base}/part${part}.pth` };
      const first = runModule(copy, DOWNLOAD, env);
      await new Promise<void>((resolve) => {
        let sent = 0;
        onSent = (n) => {
          sent += n;
          if (sent >= part * body.length) resolve();
        };
        void first.ended.then(() => resolve());
      });
      first.kill();
      await first.ended;
      let resent = 0;
      onSent = (n) => {
        resent += n;
      };
      const rerun = await runModule(copy, DOWNLOAD, env).ended;
      expect(rerun.stderr).toBe("");
      const { path, sha256 } = JSON.parse(rerun.stdout);
      expect(sha256).toBe(digest);
      expect(Buffer.compare(await readFile(path), body)).toBe(0);
      expect(await leftovers(dir)).toEqual([]);
      expect((await readdir(join(dir, "checkpoints"))).length).toBe(2);
      // Pieces in flight when the process died are sent again.
      expect(resent).toBeLessThanOrEqual(body.length * (1 - part) + 160_000);
      await rm(dir, { recursive: true });
    },
  );

  test.each(["", "1"])(
    "of a process that makes a folder (force %j): the rerun makes it whole and leaves nothing",
    async (FORCE) => {
      for (let delay = 0; delay < 5; delay++) {
        const dir = await scratch();
        const env = { SSL_HUB_DIR: dir, FORCE };
        const first = runModule(copy, FOLDER, env);
        const killed = new Promise((resolve) => setTimeout(resolve, 150 + delay * 60));
        await Promise.race([killed, first.ended]);
        first.kill();
        await first.ended;
        expect((await runModule(copy, FOLDER, env).ended).code).toBe(0);
        const files = await readdir(join(dir, "models", "m", "f"));
        expect(files).toEqual(["shard0", "shard1", "shard2", "shard3", "shard4"]);
        for (const [i, file] of files.entries()) {
          expect((await readFile(join(dir, "models", "m", "f", file))).length).toBe(1000 * i);
        }
        expect(await leftovers(dir)).toEqual([]);
        await rm(dir, { recursive: true });
      }
    },
  );
});
