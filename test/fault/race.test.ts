import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generator } from "../support/bytes.ts";
import { removeStripped, runModule, stripped } from "../support/child.ts";
import { sendFile, serve } from "./server.ts";

let copy: string;
let dir: string;

beforeAll(async () => {
  copy = stripped(["src/core", "src/store"]);
  dir = await mkdtemp(join(tmpdir(), "ssl-hub-race-"));
});
afterAll(async () => {
  removeStripped(copy);
  await rm(dir, { recursive: true, force: true });
});

test("four processes that want one file download it once", async () => {
  const body = generator(7)(500_000);
  const digest = createHash("sha256").update(body).digest("hex");
  const slow = { bytes: 25_000, ms: 60 };
  const server = await serve((request, response) => sendFile(request, response, body, { slow }));
  const text = `
    const { download } = await import("./src/store/download.js");
    const waits = [];
    const onProgress = (event) => event.stage === "wait" && waits.push(event);
    const { sha256 } = await download({ url: ${JSON.stringify(`${server.base}/model.pth`)} }, { onProgress });
    console.log(JSON.stringify({ sha256, waited: waits.length > 0 }));`;
  const children = Array.from({ length: 4 }, () => runModule(copy, text, { SSL_HUB_DIR: dir }));
  const ends = await Promise.all(children.map(({ ended }) => ended));
  const results = ends.map(({ stdout }) => JSON.parse(stdout));
  expect(results.map(({ sha256 }) => sha256)).toEqual(Array(4).fill(digest));
  expect(results.filter(({ waited }) => waited).length).toBeGreaterThan(0);
  expect(server.requests.length).toBe(1);
  for (const folder of ["tmp", "partial", "locks"]) expect(await readdir(join(dir, folder))).toEqual([]);
  await server.close();
});

test("eight processes without any lease: one result, whole, nothing left", async () => {
  const text = `
    import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
    import { join } from "node:path";
    const { getOrMake } = await import("./src/core/files.js");
    const root = process.env.SSL_HUB_DIR;
    await getOrMake(join(root, "models", "raced"), async (staging) => {
      for (let i = 0; i < 20; i++) writeFileSync(join(staging, "f" + i), String(process.pid));
      await new Promise((resolve) => setTimeout(resolve, 300));
    }, { tmpDir: join(root, "tmp"), lockDir: mkdtempSync(join(root, "own-locks-")), name: "raced" });
    console.log("made or given");`;
  const children = Array.from({ length: 8 }, () => runModule(copy, text, { SSL_HUB_DIR: dir }));
  for (const { code, stderr } of await Promise.all(children.map(({ ended }) => ended))) {
    expect(stderr).toBe("");
    expect(code).toBe(0);
  }
  expect((await readdir(join(dir, "models", "raced"))).length).toBe(20);
  expect(await readdir(join(dir, "tmp"))).toEqual([]);
});
