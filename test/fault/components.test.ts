import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fetchCheckpoint, sourceOf } from "../../src/store/checkpoint.ts";
import { setDir } from "../../src/store/dirs.ts";
import { generator } from "../support/bytes.ts";
import { type FaultServer, sendFile, serve } from "./server.ts";

const bodies: Record<string, Uint8Array> = { "/own.pt": generator(1)(1000), "/clip.pt": generator(2)(5000) };
const digest = (path: string) => createHash("sha256").update(bodies[path]!).digest("hex");

let dir: string;
let server: FaultServer;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ssl-hub-components-"));
  setDir(dir);
  server = await serve((request, response) => sendFile(request, response, bodies[request.url!]!));
});
afterEach(async () => {
  await server.close();
  await rm(dir, { recursive: true, force: true });
});

test("a checkpoint comes with the files it needs, each checked and kept", async () => {
  const rules = [{ take: "visual." }];
  const [url, clip] = [`${server.base}/own.pt`, `${server.base}/clip.pt`];
  const wanted = { url, rules: [], components: [{ url: clip, rules, sha256: digest("/clip.pt") }] };
  const file = await fetchCheckpoint(wanted);
  expect(file.components.map((component) => component.rules)).toEqual([rules]);
  expect(sourceOf(file)).toEqual({
    url,
    sha256: digest("/own.pt"),
    components: [{ url: clip, sha256: digest("/clip.pt") }],
  });
  expect(await fetchCheckpoint(wanted)).toEqual(file);
  expect(server.requests.map((request) => request.url)).toEqual(["/own.pt", "/clip.pt"]);
});

test("a component that is not what it should be fails the checkpoint", async () => {
  const component = { url: `${server.base}/clip.pt`, rules: [], sha256: digest("/own.pt") };
  const wanted = { url: `${server.base}/own.pt`, rules: [], components: [component] };
  await expect(fetchCheckpoint(wanted)).rejects.toMatchObject({ code: "HASH" });
});
