import { createHash } from "node:crypto";
import nodeFetch from "node-fetch";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as hubconf from "../../hubconf.ts";
import type { SpecLoader } from "../../src/core/family.ts";
import { checkLinks } from "../../src/index.ts";
import type { Fetch } from "../../src/store/http.ts";
import { checkLink } from "../../src/store/links.ts";
import { generator } from "../support/bytes.ts";
import { type FaultServer, sendFile, serve } from "./server.ts";

const BODY = generator(3)(200_000);
const digest = (algorithm: string) => createHash(algorithm).update(BODY).digest("hex");
const SHA256 = digest("sha256");
const MD5 = digest("md5");
const PAGE = "<!doctype html><title>Sorry</title>".padEnd(3000);

let server: FaultServer;
let sent = 0;
let flaky = 0;
beforeAll(async () => {
  server = await serve(async (request, response) => {
    const path = new URL(request.url!, "http://x").pathname;
    const ranged = /^bytes=0-(\d+)$/.exec(request.headers.range ?? "");
    if (path === "/file") {
      const end = ranged ? Number(ranged[1]) : BODY.length - 1;
      const head = { "content-length": String(end + 1), etag: `"${MD5}"` };
      response.writeHead(ranged ? 206 : 200, {
        ...head,
        ...(ranged && { "content-range": `bytes 0-${end}/${BODY.length}` }),
      });
      sent += end + 1;
      response.end(BODY.subarray(0, end + 1));
    } else if (path === "/whole") await sendFile(request, response, BODY, { noRanges: true });
    else if (path === "/moved") response.writeHead(302, { location: `${server.otherHost}/file` }).end();
    else if (path === "/page") response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
    else if (path === "/flaky") response.writeHead(flaky++ === 0 ? 503 : 200).end(BODY);
    else if (path === "/silent") return;
    else response.writeHead(404).end("no");
  });
});
afterAll(() => server.close());

const check = (path: string, expected: object = {}, options: object = {}) =>
  checkLink({ url: `${server.base}${path}`, ...expected }, { retry: { baseMs: 1 }, ...options });

describe("checkLink", () => {
  it("asks for the first bytes only, and tells size and hash", async () => {
    sent = 0;
    expect(await check("/file")).toEqual({
      url: `${server.base}/file`,
      ok: true,
      status: 206,
      bytes: BODY.length,
      redirected_to: null,
      hash: "none",
      reason: null,
    });
    expect(sent).toBe(1024);
    expect(await check("/file", { sha256: SHA256 })).toMatchObject({ ok: true, hash: "stated" });
    expect(await check("/file", { md5: MD5.slice(0, 8) })).toMatchObject({ ok: true, hash: "matches" });
    expect(await check("/whole")).toMatchObject({ ok: true, status: 200, bytes: BODY.length });
  });

  it("follows redirects and says where they led", async () => {
    const { host } = new URL(server.otherHost);
    expect(await check("/moved")).toMatchObject({ ok: true, redirected_to: host, bytes: BODY.length });
  });

  it("reads whole files to compare hashes when asked", async () => {
    expect(await check("/file", { sha256: SHA256 }, { hash: true })).toMatchObject({ ok: true, hash: "matches" });
    const other = await check("/file", { sha256: "0".repeat(64) }, { hash: true });
    expect(other).toMatchObject({ ok: false, hash: "stated" });
    expect(other.reason).toMatch(/its SHA-256 is/);
  });

  it.each([
    ["/gone", {}, /HTTP status 404/],
    ["/page", {}, /an HTML page titled "Sorry"/],
    ["/file", { bytes: 7 }, /200000 bytes instead of 7/],
    ["/silent", {}, /no data for 0.2 s/],
  ])("%s %j is dead", async (path, expected, reason) => {
    const state = await check(path, expected, { idleMs: 200 });
    expect(state.ok).toBe(false);
    expect(state.reason).toMatch(reason);
    expect(state.reason).not.toMatch(/Cannot get/);
  });

  it("an unreachable host is dead, a hiccup is not", async () => {
    expect(await checkLink({ url: "http://127.0.0.1:9/x" }, { retry: { baseMs: 1 } })).toMatchObject({
      ok: false,
      status: null,
    });
    expect(await check("/flaky")).toMatchObject({ ok: true, status: 200 });
  });
});

describe("hub.checkLinks", () => {
  /** Every official address is answered by the local server: with the file, or with 404 where `dead` says so. */
  const local = (dead: (url: string) => boolean) => {
    const running = { now: 0, most: 0, asked: [] as string[] };
    const fetch: Fetch = async (url, init) => {
      running.now++;
      running.most = Math.max(running.most, running.now);
      running.asked.push(url);
      const response = await nodeFetch(`${server.base}${dead(url) ? "/gone" : "/file"}`, init as never);
      running.now--;
      return response as never;
    };
    return { fetch, running };
  };

  it("asks each URL of all models once, no more at a time than told", async () => {
    const { fetch, running } = local(() => false);
    const events: string[] = [];
    const models = await checkLinks([], {
      fetch,
      concurrency: 3,
      onProgress: (event) => event.stage === "check" && events.push(`${event.done}/${event.total}`),
    });
    let downloaded = 0;
    for (const line of Object.values(hubconf) as SpecLoader[])
      if ("checkpoints" in (await line()).weights) downloaded++;
    expect(models.length).toBe(downloaded);
    expect(running.most).toBeLessThanOrEqual(3);
    expect(new Set(running.asked).size).toBe(running.asked.length);
    expect(events.at(-1)).toBe(`${running.asked.length}/${running.asked.length}`);
    // Those with a stated size are not this server's file.
    const wrong = models.filter(({ ok }) => !ok);
    for (const { locations } of wrong) expect(locations[0]!.files[0]!.reason).toMatch(/instead of/);
    expect(wrong.map(({ name }) => name).every((name) => name.startsWith("lossyless"))).toBe(true);
  });

  it("a model with a dead first location is had from the next one", async () => {
    const { fetch } = local((url) => url.includes("fbaipublicfiles"));
    const [dino, moco] = await checkLinks(["dino_vitS16", "mocov2_rn50_ep800"], { fetch });
    expect(dino).toMatchObject({ name: "dino_vitS16", ok: true });
    expect(dino!.locations.map(({ ok }) => ok)).toEqual([false, true, true]);
    expect(moco).toMatchObject({ ok: false, locations: [{ ok: false, files: [{ status: 404 }] }] });
  });

  it("is refused offline", async () => {
    process.env.SSL_HUB_OFFLINE = "1";
    await expect(checkLinks(["dino_rn50"])).rejects.toMatchObject({ code: "OFFLINE" });
    delete process.env.SSL_HUB_OFFLINE;
  });
});
