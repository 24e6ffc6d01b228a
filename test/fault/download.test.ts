import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { HubError } from "../../src/core/errors.ts";
import type { ProgressEvent } from "../../src/core/events.ts";
import { setDir } from "../../src/store/dirs.ts";
import { download, downloadFirst } from "../../src/store/download.ts";
import type { Fetch } from "../../src/store/http.ts";
import { generator } from "../support/bytes.ts";
import { type FaultServer, type Handler, sendFile, serve } from "./server.ts";

const RETRY = { baseMs: 1, maxMs: 5 };
const body = generator(1)(300_000);
const digest = createHash("sha256").update(body).digest("hex");

let dir: string;
let server: FaultServer;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ssl-hub-download-"));
  setDir(dir);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await server?.close();
  await rm(dir, { recursive: true, force: true });
});

async function start(handle: Handler): Promise<string> {
  server = await serve(handle);
  return `${server.base}/model.pth`;
}

const get = (url: string, more: object = {}) => download({ url, ...more }, { retry: RETRY });

async function failure(work: Promise<unknown>): Promise<HubError> {
  const error = await work.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(HubError);
  return error;
}

async function expectClean(files: number) {
  expect(await readdir(join(dir, "tmp"))).toEqual([]);
  expect(await readdir(join(dir, "partial"))).toEqual([]);
  expect(await readdir(join(dir, "locks"))).toEqual([]);
  expect((await readdir(join(dir, "checkpoints"))).length).toBe(files);
}

describe("a server that behaves", () => {
  test("the file, its hash, its progress; a second call opens no connection", async () => {
    const url = await start((request, response) => sendFile(request, response, body));
    const events: ProgressEvent[] = [];
    const got = await download({ url }, { onProgress: (event) => events.push(event) });
    expect(got).toEqual({
      path: expect.stringMatching(/\/checkpoints\/[0-9a-f]{8}-model\.pth$/),
      sha256: digest,
      bytes: body.length,
      url,
    });
    expect(Buffer.compare(await readFile(got.path), body)).toBe(0);
    expect(events.at(-1)).toEqual({
      stage: "download",
      name: "model.pth",
      done: 300_000,
      total: 300_000,
      unit: "bytes",
    });
    await expectClean(2);
    expect(await get(url)).toEqual(got);
    expect(server.requests.length).toBe(1);
  });

  test("force gets it again", async () => {
    let current = body;
    const url = await start((request, response) => sendFile(request, response, current));
    await get(url);
    current = generator(2)(1000);
    const again = await download({ url }, { force: true });
    expect(Buffer.compare(await readFile(again.path), current)).toBe(0);
    expect((await get(url)).sha256).toBe(again.sha256);
  });

  test("a file put there by hand is taken, unless it is the wrong one", async () => {
    const url = await start((request, response) => sendFile(request, response, body));
    const { path } = await get(url, { sha256: digest });
    await rm(`${path}.json`);
    expect((await get(url, { sha256: digest })).sha256).toBe(digest);
    expect(server.requests.length).toBe(1);
    await rm(`${path}.json`);
    await writeFile(path, "something else");
    expect((await get(url, { sha256: digest })).sha256).toBe(digest);
    expect(server.requests.length).toBe(2);
  });

  test("a cached file that was cut is had again", async () => {
    const url = await start((request, response) => sendFile(request, response, body));
    const { path } = await get(url);
    await writeFile(path, body.subarray(0, 1000));
    await get(url);
    expect(Buffer.compare(await readFile(path), body)).toBe(0);
  });
});

describe("cuts", () => {
  test.each([
    ["strong etag", { etag: '"a"' }, 0],
    ["weak etag", { etag: 'W/"a"' }, 65_536],
    ["date", { lastModified: "Wed, 21 Oct 2015 07:28:00 GMT" }, 65_536],
    ["only the length", {}, 65_536],
  ])("%s: only the rest is sent, whatever the points of the cuts", async (_, identity, overlap) => {
    const random = generator(3)(12);
    for (let round = 0; round < 4; round++) {
      const cuts = [...random.subarray(round * 3, round * 3 + 3)].map((byte) => 2000 + byte * 350);
      let sent = 0;
      const url = await start(async (request, response, count) => {
        sendFile(request, response, body, { ...identity, cutAfter: cuts[count], onSent: (n) => (sent += n) });
      });
      const got = await get(url);
      expect(got.sha256).toBe(digest);
      expect(server.requests.length).toBeGreaterThan(1);
      expect(server.requests.slice(1).every(({ headers }) => headers.range !== undefined)).toBe(true);
      // What the kernel took but the client never read is sent twice; far less than the file each time.
      expect(sent).toBeLessThan(body.length + cuts.length * (overlap + 70_000));
      await expectClean(2);
      await server.close();
      await rm(join(dir, "checkpoints"), { recursive: true });
    }
  });

  test("many cuts in a row are survived while each attempt gets further", async () => {
    const url = await start((request, response) =>
      sendFile(request, response, body, { etag: '"a"', cutAfter: 20_000 }),
    );
    expect((await get(url)).sha256).toBe(digest);
    expect(server.requests.length).toBeGreaterThanOrEqual(15);
  });

  test("a server that always cuts at once is given up, and what there is is kept for the next call", async () => {
    let cutAfter = 100_000;
    let from: string | undefined;
    const url = await start((request, response) => {
      from = request.headers.range;
      const start = Number(/\d+/.exec(from ?? "0")?.[0]);
      sendFile(request, response, body, { etag: '"a"', cutAfter: Math.max(0, cutAfter - start) });
    });
    const error = await failure(get(url));
    expect(error.code).toBe("DOWNLOAD");
    expect(error.message).toContain(url);
    cutAfter = Infinity;
    expect((await get(url)).sha256).toBe(digest);
    expect(Number(/\d+/.exec(from!)?.[0])).toBeGreaterThan(50_000);
    await expectClean(2);
  });
});

describe("a file that changes between attempts", () => {
  const other = generator(4)(300_000);
  const otherDigest = createHash("sha256").update(other).digest("hex");
  const dates = ["Wed, 21 Oct 2015 07:28:00 GMT", "Thu, 22 Oct 2015 07:28:00 GMT"];
  test.each<[string, (i: number) => object]>([
    ["strong etags", (i) => ({ etag: `"${i}"` })],
    ["weak etags", (i) => ({ etag: `W/"${i}"` })],
    ["dates", (i) => ({ lastModified: dates[i] })],
    ["nothing but the bytes", () => ({})],
  ])("told by %s: starts anew, bytes of one file only", async (_, identity) => {
    const url = await start((request, response, count) => {
      const i = Math.min(count, 1);
      sendFile(request, response, [body, other][i]!, { ...identity(i), cutAfter: count === 0 ? 150_000 : undefined });
    });
    expect((await get(url)).sha256).toBe(otherDigest);
  });

  test("told by the length", async () => {
    const longer = generator(5)(400_000);
    const url = await start((request, response, count) =>
      sendFile(request, response, count === 0 ? body : longer, { cutAfter: count === 0 ? 150_000 : undefined }),
    );
    expect((await get(url)).bytes).toBe(400_000);
  });

  test("told by nothing, but the hash is known: starts anew once, after the fact", async () => {
    // Equal in length and overlap: only the beginning differs.
    const twin = Buffer.from(body);
    twin[10] = twin[10]! ^ 1;
    const sha256 = createHash("sha256").update(twin).digest("hex");
    let cutAfter: number | undefined = 150_000;
    let current: Uint8Array = body;
    const url = await start((request, response, count) => {
      if (count > 0 && cutAfter !== undefined) response.writeHead(404).end();
      else sendFile(request, response, current, { cutAfter });
    });
    await failure(get(url, { sha256 }));
    [cutAfter, current] = [undefined, twin];
    expect((await get(url, { sha256 })).sha256).toBe(sha256);
  });
});

describe("answers to a Range request", () => {
  test("200: the whole file, from the beginning", async () => {
    const url = await start((request, response, count) =>
      sendFile(request, response, body, { etag: '"a"', noRanges: true, cutAfter: count === 0 ? 150_000 : undefined }),
    );
    expect((await get(url)).sha256).toBe(digest);
    expect(server.requests[1]?.headers.range).toBeDefined();
  });

  test.each([
    ["another start", (from: number) => `bytes ${from + 1}-299999/300000`],
    ["another length", (from: number) => `bytes ${from}-299999/300001`],
    ["no length", (from: number) => `bytes ${from}-299999/*`],
    ["nonsense", () => "bytes"],
  ])("206 with %s: not believed", async (_, contentRange) => {
    const url = await start((request, response, count) => {
      if (count !== 1)
        return sendFile(request, response, body, { etag: '"a"', cutAfter: count === 0 ? 150_000 : undefined });
      const from = Number(/\d+/.exec(request.headers.range!)?.[0]);
      response.writeHead(206, { etag: '"a"', "content-range": contentRange(from) }).end(Buffer.alloc(300_000 - from));
    });
    expect((await get(url)).sha256).toBe(digest);
    expect(server.requests.length).toBe(3);
  });

  test("416: starts anew", async () => {
    const url = await start((request, response, count) => {
      if (count === 1) return response.writeHead(416).end();
      sendFile(request, response, body, { etag: '"a"', cutAfter: count === 0 ? 150_000 : undefined });
    });
    expect((await get(url)).sha256).toBe(digest);
  });
});

describe("statuses", () => {
  test.each([408, 429, 500, 502, 503])("%i is tried again, and told", async (status) => {
    const url = await start((request, response, count) =>
      count < 2 ? response.writeHead(status).end() : sendFile(request, response, body),
    );
    const events: ProgressEvent[] = [];
    const got = await download({ url }, { retry: RETRY, onProgress: (event) => events.push(event) });
    expect(got.sha256).toBe(digest);
    const retries = events.filter((event) => event.stage === "warning" && event.code === "RETRY");
    expect(retries.length).toBe(2);
  });

  test.each([401, 403, 404, 410])("%i fails at once", async (status) => {
    const url = await start((_, response) => response.writeHead(status).end());
    const error = await failure(get(url));
    expect(error).toMatchObject({ code: "DOWNLOAD", details: { status } });
    expect(error.message).toContain(String(status));
    expect(server.requests.length).toBe(1);
    await expectClean(0);
  });

  test("Retry-After is obeyed", async () => {
    const url = await start((request, response, count) =>
      count === 0 ? response.writeHead(429, { "retry-after": "1" }).end() : sendFile(request, response, body),
    );
    const start_ = performance.now();
    await get(url);
    expect(performance.now() - start_).toBeGreaterThan(950);
  });

  test("a server that says nothing is left", async () => {
    const url = await start(() => {});
    const error = await failure(download({ url }, { retry: { ...RETRY, attempts: 2 }, idleMs: 50 }));
    expect(error.message).toContain("no data for 0.05 s");
    expect(server.requests.length).toBe(2);
  });

  test("a server that falls silent in the middle is left, and the rest had from where it stopped", async () => {
    const url = await start((request, response, count) => {
      if (count > 0) return sendFile(request, response, body, { etag: '"a"' });
      response.writeHead(200, { etag: '"a"', "content-length": String(body.length) }).write(body.subarray(0, 100_000));
    });
    const got = await download({ url }, { retry: RETRY, idleMs: 100 });
    expect(got.sha256).toBe(digest);
    expect(server.requests[1]?.headers.range).toBe("bytes=100000-");
  });
});

describe("bodies that are not the file", () => {
  test.each([
    ["an HTML page", "<!DOCTYPE html><html><head><title>Sign in</title>", /HTML page titled "Sign in"/],
    ["a bare HTML page", "\n <html><body>no", /HTML page/],
    ["an XML error", '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', /XML page/],
    [
      "a git-LFS pointer",
      "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 42\n",
      /git-LFS pointer to 42/,
    ],
    ["a JSON message", '{"error":"rate limited"}', /JSON message \({"error":"rate limited"}\)/],
    ["a text", "Not found\n", /text \(Not found \)/],
    ["nothing", "", /body is empty/],
  ])("%s is named", async (_, text, pattern) => {
    const url = await start((_request, response) => response.writeHead(200).end(text));
    const error = await failure(get(url));
    expect(error.code).toBe("DOWNLOAD");
    expect(error.message).toMatch(pattern);
    expect(server.requests.length).toBe(1);
    await expectClean(0);
  });

  test("an error page in answer to a Range request leaves what there is", async () => {
    let state: "cut" | "page" | "whole" = "cut";
    const url = await start((request, response) => {
      if (state === "page") return response.writeHead(200).end("<html>busy</html>");
      sendFile(request, response, body, { etag: '"a"', cutAfter: state === "cut" ? 150_000 : undefined });
      if (state === "cut") state = "page";
    });
    expect((await failure(get(url))).message).toContain("HTML");
    state = "whole";
    await get(url);
    expect(server.requests.at(-1)?.headers.range).toBeDefined();
  });
});

describe("hashes and lengths", () => {
  const wrong = "0".repeat(64);
  test.each([
    ["sha256", { sha256: wrong }],
    ["md5 prefix", { md5: "00000000" }],
    ["length", { bytes: 299_999 }],
  ])("a wrong %s is HASH, and nothing is kept", async (_, expected) => {
    const url = await start((request, response) => sendFile(request, response, body));
    const error = await failure(get(url, expected));
    expect(error.code).toBe("HASH");
    expect(server.requests.length).toBe(1);
    await expectClean(0);
  });

  test("the right ones pass", async () => {
    const md5 = createHash("md5").update(body).digest("hex").slice(0, 8);
    const url = await start((request, response) => sendFile(request, response, body));
    await get(url, { sha256: digest.toUpperCase(), md5, bytes: body.length });
  });

  test("torch's file name convention is checked", async () => {
    await start((request, response) => sendFile(request, response, body));
    await get(`${server.base}/rn50-${digest.slice(0, 8)}.pth`);
    await get(`${server.base}/rn50-20220825.pth`);
    expect((await failure(get(`${server.base}/rn50-0676ba61.pth.tar`))).code).toBe("HASH");
  });

  test("a body without an end is cut off at the most that is taken", async () => {
    const url = await start((_, response) => {
      const push = () => void (response.destroyed || response.write(body, () => setImmediate(push)));
      push();
    });
    const error = await failure(download({ url }, { maxBytes: 1_000_000 }));
    expect(error.message).toContain("1000000 bytes");
  });
});

describe("Google Drive and Dropbox", () => {
  const id = "1K76a-YnF";
  const page = `<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>
    <form id="download-form" action="https://drive.usercontent.google.com/download" method="get">
    <input type="hidden" name="id" value="${id}"><input type="hidden" name="uuid" value="86bc"></form></body></html>`;

  /** Stands for hosts that cannot be reached here. */
  function hosts(answer: (url: URL) => { type: string; bytes: Uint8Array; status?: number; location?: string }) {
    const asked: string[] = [];
    const fetch: Fetch = async (url) => {
      asked.push(url);
      const { type, bytes, status = 200, location } = answer(new URL(url));
      const headers = new Headers({ "content-type": type, ...(location !== undefined && { location }) });
      return { status, headers, body: [bytes] };
    };
    return { fetch, asked };
  }

  test("the page that asks to confirm a large file is answered", async () => {
    const { fetch, asked } = hosts((url) =>
      url.searchParams.get("uuid") === "86bc"
        ? { type: "application/octet-stream", bytes: body }
        : url.host === "drive.google.com"
          ? {
              type: "",
              bytes: new Uint8Array(),
              status: 303,
              location: `https://drive.usercontent.google.com/download?id=${id}`,
            }
          : { type: "text/html; charset=utf-8", bytes: Buffer.from(page) },
    );
    const got = await download({ url: `https://drive.google.com/file/d/${id}/view` }, { fetch });
    expect(got.sha256).toBe(digest);
    expect(got.path).toContain(`gdrive-${id}`);
    expect(asked).toEqual([
      `https://drive.google.com/uc?export=download&confirm=t&id=${id}`,
      `https://drive.usercontent.google.com/download?id=${id}`,
      `https://drive.usercontent.google.com/download?id=${id}&uuid=86bc`,
    ]);
  });

  test("its other pages are named", async () => {
    const quota = Buffer.from("<html><head><title>Google Drive - Quota exceeded</title>");
    const { fetch } = hosts(() => ({ type: "text/html", bytes: quota }));
    const error = await failure(download({ url: `https://drive.google.com/uc?id=${id}` }, { fetch }));
    expect(error.message).toContain('HTML page titled "Google Drive - Quota exceeded"');
    expect(error.message).toContain("quota");
  });

  test("Dropbox is asked for the file, not for the page about it", async () => {
    const { fetch, asked } = hosts(() => ({ type: "application/binary", bytes: body }));
    await download({ url: "https://www.dropbox.com/sh/87d/AAA/InfoMin_800.pth?dl=0" }, { fetch });
    expect(asked).toEqual(["https://www.dropbox.com/sh/87d/AAA/InfoMin_800.pth?dl=1"]);
  });
});

test("a disk without room for the file is told before anything is written", async () => {
  const url = await start((_, response) => {
    response.writeHead(200, { "content-length": String(2 ** 52) }).write(body);
  });
  const error = await failure(get(url));
  expect(error).toMatchObject({ code: "DISK", details: { needed: 2 ** 52 } });
  await expectClean(0);
});

describe("offline", () => {
  test("opens no socket, and says which file goes where", async () => {
    vi.stubEnv("SSL_HUB_OFFLINE", "1");
    const connect = vi.spyOn(net.Socket.prototype, "connect").mockImplementation(() => {
      throw new Error("a socket was opened");
    });
    const fetch = vi.fn();
    const url = "https://example.org/a/model.pth";
    const error = await failure(download({ url, sha256: digest }, { fetch }));
    expect(error.code).toBe("OFFLINE");
    expect(error.message).toContain(url);
    expect(error.message).toContain(error.details.path as string);
    expect(error.message).toContain(digest);
    expect(fetch).not.toHaveBeenCalled();
    await writeFile(error.details.path as string, body);
    expect((await download({ url, sha256: digest })).bytes).toBe(body.length);
    expect(connect).not.toHaveBeenCalled();
    connect.mockRestore();
  });

  test("a wrong file put there by hand is told, not removed", async () => {
    vi.stubEnv("SSL_HUB_OFFLINE", "1");
    const url = "https://example.org/a/model.pth";
    const { details } = await failure(download({ url }));
    await writeFile(details.path as string, "wrong");
    expect((await failure(download({ url, sha256: digest }))).code).toBe("HASH");
    expect(existsSync(details.path as string)).toBe(true);
  });
});

describe("abort", () => {
  test("ends a transfer with the signal's reason; the next call goes on", async () => {
    const url = await start((request, response, count) =>
      sendFile(request, response, body, { etag: '"a"', slow: count === 0 ? { bytes: 30_000, ms: 30 } : undefined }),
    );
    const controller = new AbortController();
    const reason = new Error("enough");
    const onProgress = (event: ProgressEvent) => {
      if (event.stage === "download" && event.done > 60_000) controller.abort(reason);
    };
    await expect(download({ url }, { signal: controller.signal, onProgress })).rejects.toBe(reason);
    expect((await get(url)).sha256).toBe(digest);
    expect(server.requests[1]?.headers.range).toBeDefined();
  });

  test("ends a wait between attempts", async () => {
    const url = await start((_, response) => response.writeHead(503, { "retry-after": "60" }).end());
    const signal = AbortSignal.timeout(100);
    const error = await download({ url }, { signal }).catch((thrown) => thrown);
    expect(error).toBe(signal.reason);
  });
});

test("downloadFirst tells why each location failed", async () => {
  await start((request, response) =>
    request.url === "/good" ? sendFile(request, response, body) : response.writeHead(404).end(),
  );
  const [bad, page, good] = ["/bad", "/gone", "/good"].map((path) => ({ url: server.base + path }));
  expect((await downloadFirst([bad!, good!], { retry: RETRY })).url).toBe(good!.url);
  const error = await failure(downloadFirst([bad!, page!], { retry: RETRY }));
  expect(error.message).toContain(bad!.url);
  expect(error.message).toContain(page!.url);
});
