import type { Agent } from "node:http";
import { HubError, messageOf } from "../core/errors.ts";
import { proxyFor } from "./proxy.ts";
import { type RetryOptions, withRetry } from "./retry.ts";

/** The part of the fetch standard that is used; node-fetch's and Node's own both fit. */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchResponse>;

export interface FetchInit {
  headers: Record<string, string>;
  /** Redirects are followed here, so that a token never leaves its host. */
  redirect: "manual";
  signal: AbortSignal;
  /** node-fetch: the proxy. */
  agent?: Agent;
  /** node-fetch: `false` gives the bytes as they were sent, which lengths and ranges refer to. */
  compress: boolean;
}

export interface FetchResponse {
  status: number;
  headers: { get(name: string): string | null };
  body: unknown;
}

export interface RequestOptions {
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Default: node-fetch. */
  fetch?: Fetch;
  /** Longest silence of the server that is borne, ms. Default 60 s. */
  idleMs?: number;
}

export interface Reply {
  status: number;
  /** Where the redirects led. May hold a signature: not for messages. */
  url: URL;
  header(name: string): string | undefined;
  /** The body, once. Leaving the loop closes the connection. */
  chunks: AsyncIterable<Uint8Array>;
  /** Closes the connection of a body nobody wants. */
  cancel(): void;
}

const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Whether `SSL_HUB_OFFLINE` forbids the network. */
export const isOffline = (env: NodeJS.ProcessEnv = process.env): boolean =>
  !["", "0", "false"].includes((env.SSL_HUB_OFFLINE ?? "").toLowerCase());

/**
 * A GET of any status. Follows redirects but from https to http, goes through the proxies of the environment and sends
 * `HF_TOKEN` to huggingface.co and to nobody else.
 * @throws HubError `OFFLINE` before any socket is opened; `DOWNLOAD` with `details.retryable` for failures below HTTP.
 */
export async function request(url: string, options: RequestOptions = {}): Promise<Reply> {
  if (isOffline()) {
    throw new HubError("OFFLINE", `Cannot get ${url}: SSL_HUB_OFFLINE is set.`, { details: { url } });
  }
  let at = parse(url, url);
  let headers = options.headers ?? {};
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const reply = await send(at, headers, url, options);
    const location = REDIRECTS.has(reply.status) ? reply.header("location") : undefined;
    if (location === undefined) return reply;
    reply.cancel();
    const next = parse(location, url, at);
    if (at.protocol === "https:" && next.protocol === "http:") {
      throw refusal(url, `it redirects from https to http (${next.host})`);
    }
    if (next.origin !== at.origin) headers = withoutSecrets(headers);
    at = next;
  }
  throw refusal(url, `more than ${MAX_REDIRECTS} redirects`);
}

/**
 * The whole body of a small file, with retries.
 * @throws HubError `DOWNLOAD` when it is larger than `maxBytes`, or cannot be had.
 */
export async function fetchBytes(
  url: string,
  options: RequestOptions & RetryOptions & { maxBytes: number },
): Promise<Uint8Array> {
  return withRetry(options, async () => {
    const reply = await request(url, options);
    if (reply.status !== 200) throw statusError(url, reply);
    const declared = Number(reply.header("content-length") ?? 0);
    const chunks: Uint8Array[] = [];
    let bytes = declared;
    if (bytes <= options.maxBytes) {
      bytes = 0;
      for await (const chunk of reply.chunks) {
        bytes += chunk.length;
        if (bytes > options.maxBytes) break;
        chunks.push(chunk);
      }
    }
    reply.cancel();
    if (bytes > options.maxBytes) throw refusal(url, `it is larger than ${options.maxBytes} bytes`);
    return new Uint8Array(Buffer.concat(chunks));
  });
}

/** What a status other than success means. `details.retryable` where another attempt may help. */
export function statusError(url: string, reply: Reply): HubError {
  const { status } = reply;
  reply.cancel();
  const hint = STATUS_HINTS[status];
  return new HubError(
    "DOWNLOAD",
    `Cannot get ${url}: HTTP status ${status}${hint === undefined ? "" : ` (${hint})`}.`,
    {
      details: {
        url,
        status,
        retryable: status === 408 || status === 429 || status >= 500,
        retry_after: reply.header("retry-after"),
      },
    },
  );
}

const STATUS_HINTS: Record<number, string | undefined> = {
  401: "not authorised; a gated Hugging Face file needs HF_TOKEN",
  403: "forbidden; a gated Hugging Face file needs HF_TOKEN",
  404: "not found",
  410: "gone",
  429: "too many requests",
};

async function send(url: URL, headers: Record<string, string>, asked: string, options: RequestOptions): Promise<Reply> {
  const { signal, idleMs = 60_000 } = options;
  signal?.throwIfAborted();
  const connection = new AbortController();
  const onAbort = () => connection.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const close = () => {
    signal?.removeEventListener("abort", onAbort);
    connection.abort();
  };
  const idle = watch(idleMs, () => connection.abort(new Error(`no answer for ${idleMs / 1000} s`)));
  const fail = (cause: unknown) => {
    close();
    signal?.throwIfAborted();
    const found = idle.fired ? `no data for ${idleMs / 1000} s` : messageOf(cause);
    return new HubError("DOWNLOAD", `Cannot get ${asked}: ${found}.`, {
      details: { url: asked, retryable: true },
      cause,
    });
  };
  try {
    const fetch = options.fetch ?? (await nodeFetch());
    idle.start();
    const response = await fetch(url.href, {
      headers: { "user-agent": "ssl-hub", "accept-encoding": "identity", ...headers, ...token(url) },
      redirect: "manual",
      signal: connection.signal,
      agent: options.fetch === undefined ? await agentFor(url, asked) : undefined,
      compress: false,
    });
    idle.stop();
    return {
      status: response.status,
      url,
      header: (name) => response.headers.get(name) ?? undefined,
      chunks: read(response.body, idle, fail, close),
      cancel: close,
    };
  } catch (cause) {
    idle.stop();
    if (cause instanceof HubError) throw cause;
    throw fail(cause);
  }
}

async function* read(body: unknown, idle: Watch, fail: (cause: unknown) => HubError, close: () => void) {
  try {
    idle.start();
    for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
      idle.stop();
      yield chunk;
      idle.start();
    }
  } catch (cause) {
    throw fail(cause);
  } finally {
    idle.stop();
    close();
  }
}

type Watch = ReturnType<typeof watch>;

function watch(ms: number, onSilence: () => void) {
  let timer: NodeJS.Timeout | undefined;
  const state = {
    fired: false,
    start() {
      state.stop();
      timer = setTimeout(() => {
        state.fired = true;
        onSilence();
      }, ms);
    },
    stop: () => clearTimeout(timer),
  };
  return state;
}

/** Only for the host itself: `HF_TOKEN` must not reach the storage hosts it redirects to. */
function token(url: URL): Record<string, string> {
  const secret = process.env.HF_TOKEN;
  const mine = url.protocol === "https:" && url.host === "huggingface.co";
  return secret && mine ? { authorization: `Bearer ${secret}` } : {};
}

const withoutSecrets = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(authorization|cookie|.*token.*)$/i.test(name)));

async function agentFor(url: URL, asked: string): Promise<Agent | undefined> {
  const proxy = proxyFor(url);
  if (proxy === undefined) return undefined;
  if (!/^https?:$/.test(proxy.protocol)) {
    throw refusal(asked, `the proxy ${proxy.protocol}//${proxy.host} is not of http or https, which is all we speak`);
  }
  const { HttpsProxyAgent } = await import("https-proxy-agent");
  return new HttpsProxyAgent(proxy);
}

const nodeFetch = async (): Promise<Fetch> => (await import("node-fetch")).default as Fetch;

function parse(url: string, asked: string, base?: URL): URL {
  if (!URL.canParse(url, base)) throw refusal(asked, `${url} is not a URL`);
  const parsed = new URL(url, base);
  if (parsed.protocol !== "https:" && parsed.protocol !== "http:") {
    throw refusal(asked, `${parsed.protocol} is not http or https`);
  }
  if (parsed.username !== "" || parsed.password !== "") throw refusal(asked, "a URL may not hold a user or password");
  return parsed;
}

const refusal = (url: string, found: string) =>
  new HubError("DOWNLOAD", `Cannot get ${url}: ${found}.`, { details: { url, retryable: false } });
