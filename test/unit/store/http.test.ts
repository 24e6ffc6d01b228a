import { createServer } from "node:http";
import net, { type AddressInfo } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type Fetch, fetchBytes, request } from "../../../src/store/http.ts";
import { proxyFor } from "../../../src/store/proxy.ts";
import { waitMs } from "../../../src/store/retry.ts";
import { serve } from "../../fault/server.ts";

afterEach(() => vi.unstubAllEnvs());

/** A network of its own: what each URL answers, and what was sent to it. */
function network(answers: Record<string, { status?: number; location?: string; body?: string }>) {
  const sent: { url: string; headers: Record<string, string> }[] = [];
  const fetch: Fetch = async (url, { headers }) => {
    sent.push({ url, headers });
    const { status, location, body = "" } = answers[url] ?? { status: 404 };
    return {
      status: status ?? (location === undefined ? 200 : 302),
      headers: new Headers(location === undefined ? {} : { location }),
      body: [Buffer.from(body)],
    };
  };
  return { fetch, sent };
}

describe("HF_TOKEN", () => {
  const file = "https://huggingface.co/a/b/resolve/main/model.bin";
  test("goes to huggingface.co and to no other host, redirects included", async () => {
    vi.stubEnv("HF_TOKEN", "hf_secret");
    const cdn = "https://cdn-lfs.huggingface.co/file";
    const answers = { [file]: { location: cdn }, [cdn]: { location: "https://huggingface.co/again" } };
    const { fetch, sent } = network({ ...answers, "https://huggingface.co/again": {} });
    await request(file, { fetch });
    expect(sent.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer hf_secret",
      undefined,
      "Bearer hf_secret",
    ]);
  });

  test.each([
    "http://huggingface.co/a",
    "https://huggingface.co.evil.org/a",
    "https://evil-huggingface.co/a",
    "https://huggingface.co:8443/a",
    "https://evil.org/huggingface.co",
    "https://evil.org/?https://huggingface.co",
  ])("does not go to %s", async (url) => {
    vi.stubEnv("HF_TOKEN", "hf_secret");
    const { fetch, sent } = network({ [url]: {} });
    await request(url, { fetch });
    expect(JSON.stringify(sent)).not.toContain("hf_secret");
  });

  test("no token, no header", async () => {
    vi.stubEnv("HF_TOKEN", "");
    const { fetch, sent } = network({ [file]: {} });
    await request(file, { fetch });
    expect(sent[0]?.headers).not.toHaveProperty("authorization");
  });
});

describe("redirects", () => {
  test("the caller's own secrets stay with the origin they were meant for; other headers go along", async () => {
    const secrets = { Authorization: "Basic x", cookie: "a=b", "X-Auth-Token": "t" };
    const { fetch, sent } = network({
      "https://a.org/1": { location: "/2" },
      "https://a.org/2": { location: "https://b.org/3" },
      "https://b.org/3": {},
    });
    const reply = await request("https://a.org/1", { fetch, headers: { ...secrets, range: "bytes=1-" } });
    expect(reply.url.href).toBe("https://b.org/3");
    expect(sent[1]?.headers).toMatchObject(secrets);
    for (const name of Object.keys(secrets)) expect(sent[2]?.headers).not.toHaveProperty(name);
    expect(sent[2]?.headers.range).toBe("bytes=1-");
  });

  test("with a real server under two names", async () => {
    const server = await serve((request, response) => {
      if (request.url === "/from") response.writeHead(307, { location: `${server.otherHost}/to` }).end();
      else response.end("here");
    });
    const bytes = await fetchBytes(`${server.base}/from`, { maxBytes: 10, headers: { authorization: "secret" } });
    expect(new TextDecoder().decode(bytes)).toBe("here");
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(["secret", undefined]);
    await server.close();
  });

  test.each<[string, Record<string, { location?: string }>, RegExp]>([
    ["https to http", { "https://a.org/": { location: "http://a.org/" } }, /from https to http/],
    ["to a file", { "https://a.org/": { location: "file:///etc/passwd" } }, /file: is not http/],
    ["to data", { "https://a.org/": { location: "data:text/plain,x" } }, /data: is not http/],
    ["in a circle", { "https://a.org/": { location: "https://a.org/" } }, /more than 10 redirects/],
  ])("%s: refused", async (_, answers, why) => {
    const { fetch } = network(answers);
    const error = await request("https://a.org/", { fetch }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "DOWNLOAD", details: { retryable: false } });
    expect(error.message).toMatch(why);
  });
});

describe("offline", () => {
  test.each(["1", "true", "yes"])("SSL_HUB_OFFLINE=%s: nothing is asked of the network", async (value) => {
    vi.stubEnv("SSL_HUB_OFFLINE", value);
    const fetch = vi.fn();
    await expect(request("https://a.org/", { fetch })).rejects.toMatchObject({ code: "OFFLINE" });
    await expect(fetchBytes("https://a.org/", { fetch, maxBytes: 1 })).rejects.toMatchObject({ code: "OFFLINE" });
    expect(fetch).not.toHaveBeenCalled();
  });

  test.each(["", "0", "false"])("SSL_HUB_OFFLINE=%j: not offline", async (value) => {
    vi.stubEnv("SSL_HUB_OFFLINE", value);
    const { fetch } = network({ "https://a.org/": {} });
    expect((await request("https://a.org/", { fetch })).status).toBe(200);
  });
});

describe("fetchBytes", () => {
  test("refuses more than it may take, whether the length is told or not", async () => {
    const server = await serve((request, response) => {
      if (request.url === "/told") response.writeHead(200, { "content-length": "1000" });
      response.end(Buffer.alloc(1000));
    });
    for (const path of ["/told", "/untold"]) {
      const url = server.base + path;
      await expect(fetchBytes(url, { maxBytes: 999 })).rejects.toThrow(/larger than 999 bytes/);
      expect((await fetchBytes(url, { maxBytes: 1000 })).length).toBe(1000);
    }
    expect(server.requests.length).toBe(4);
    await server.close();
  });

  test("an aborted signal's reason is thrown", async () => {
    const server = await serve(() => {});
    const controller = new AbortController();
    const work = fetchBytes(server.base, { maxBytes: 1, signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await expect(work).rejects.toThrow("enough");
    await server.close();
  });
});

describe("proxies", () => {
  const at = (url: string, env: NodeJS.ProcessEnv) => proxyFor(new URL(url), env)?.href;
  test("the variable of the protocol, lower case first, all_proxy last", () => {
    expect(at("https://a.org", { HTTPS_PROXY: "http://p:1" })).toBe("http://p:1/");
    expect(at("https://a.org", { HTTP_PROXY: "http://p:1" })).toBeUndefined();
    expect(at("http://a.org", { HTTP_PROXY: "http://p:1", http_proxy: "q:2" })).toBe("http://q:2/");
    expect(at("https://a.org", { ALL_PROXY: "p:1", https_proxy: "" })).toBe("http://p:1/");
    expect(at("https://a.org", {})).toBeUndefined();
  });

  test.each([
    ["*", true],
    ["a.org", true],
    [".a.org", true],
    ["*.a.org", true],
    ["b.org, a.org", true],
    ["x.A.org", true],
    ["a.org:443", true],
    ["a.org:80", false],
    ["y.a.org", false],
    ["xa.org", false],
    ["org.", false],
    ["", false],
  ])("no_proxy=%j covers https://x.a.org: %s", (no_proxy, covered) => {
    expect(at("https://x.a.org", { all_proxy: "http://p:1", NO_PROXY: no_proxy })).toBe(
      covered ? undefined : "http://p:1/",
    );
  });

  test("a request goes through a real proxy, and past it where no_proxy says so", async () => {
    const server = await serve((_, response) => response.end("here"));
    const asked: string[] = [];
    const proxy = createServer();
    proxy.on("connect", (request, socket) => {
      asked.push(request.url!);
      const [host, port] = request.url!.split(":");
      const through = net.connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        through.pipe(socket).pipe(through);
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    vi.stubEnv("http_proxy", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    vi.stubEnv("no_proxy", "");
    await fetchBytes(server.base, { maxBytes: 10 });
    expect(asked).toEqual([new URL(server.base).host]);
    vi.stubEnv("no_proxy", "127.0.0.1");
    await fetchBytes(server.base, { maxBytes: 10 });
    expect(asked.length).toBe(1);
    proxy.closeAllConnections();
    proxy.close();
    await server.close();
  });

  test("a SOCKS proxy is refused by name, not passed by", async () => {
    vi.stubEnv("all_proxy", "socks5://127.0.0.1:1");
    vi.stubEnv("no_proxy", "");
    await expect(request("http://127.0.0.1:9/")).rejects.toThrow(/socks5:.*which is all we speak/);
  });
});

describe("waits", () => {
  const policy = { attempts: 5, baseMs: 500, maxMs: 30_000, maxRetryAfterMs: 120_000 };
  test("double from failure to failure, up to a cap, with jitter", () => {
    expect([1, 2, 3].map((n) => waitMs(n, undefined, policy, 1))).toEqual([500, 1000, 2000]);
    expect(waitMs(1, undefined, policy, 0)).toBe(250);
    expect(waitMs(50, undefined, policy, 1)).toBe(30_000);
  });

  test("Retry-After, in seconds or as a date, is the least and itself capped", () => {
    expect(waitMs(1, "7", policy, 1)).toBe(7000);
    expect(waitMs(1, "99999", policy, 1)).toBe(120_000);
    const date = waitMs(1, new Date(Date.now() + 10_000).toUTCString(), policy, 1);
    expect(date).toBeGreaterThan(8_500);
    expect(date).toBeLessThanOrEqual(10_000);
    for (const odd of ["soon", "-5", "", undefined]) expect(waitMs(1, odd, policy, 1)).toBe(500);
  });
});
