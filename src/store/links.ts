import { createHash } from "node:crypto";
import { HubError, messageOf } from "../core/errors.ts";
import { type Expected, isChecked, mismatch } from "./expect.ts";
import { type Fetch, type Reply, statusError } from "./http.ts";
import { directUrl } from "./location.ts";
import { type RetryOptions, withRetry } from "./retry.ts";
import { notAFile, SNIFF_BYTES } from "./sniff.ts";
import { open } from "./transfer.ts";

export interface LinkOptions extends RetryOptions {
  /** Default: node-fetch. */
  fetch?: Fetch;
  /** Longest silence of a server that is borne, ms. Default 30 s. */
  idleMs?: number;
  /** Read the whole file where a hash is stated, and compare. Nothing is kept. */
  hash?: boolean;
}

/** What a location answers. snake_case, as it is a row of a report. */
export interface LinkState {
  url: string;
  ok: boolean;
  /** HTTP status at the end of the redirects; null when no server answered. */
  status: number | null;
  /** Size of the file, where the server tells it. */
  bytes: number | null;
  /** Host that a redirect led to; null without one. */
  redirected_to: string | null;
  /** `matches` was computed or told by the server; `stated` is known and was not compared; `none`: nothing is stated. */
  hash: "matches" | "stated" | "none";
  /** Why it is not ok. */
  reason: string | null;
}

/**
 * Asks whether a location still serves its file: a request for the first bytes, of which the rest is not read. A page or
 * a message in place of the file, and a size or hash that is not the stated one, are failures like a dead host.
 * Never throws but for abort and `SSL_HUB_OFFLINE`.
 */
export async function checkLink(file: Expected, options: LinkOptions = {}): Promise<LinkState> {
  const { signal } = options;
  const state: LinkState = {
    url: file.url,
    ok: false,
    status: null,
    bytes: null,
    redirected_to: null,
    hash: isChecked(file) ? "stated" : "none",
    reason: null,
  };
  try {
    await withRetry({ signal, retry: { attempts: 2, ...options.retry } }, () => ask(file, state, options));
    return { ...state, ok: true };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof HubError && error.code === "OFFLINE") throw error;
    const status = error instanceof HubError ? error.details.status : undefined;
    if (typeof status === "number") state.status = status;
    return { ...state, reason: messageOf(error).replace(/^Cannot get \S+: (request to \S+ failed, reason: )?/, "") };
  }
}

async function ask(file: Expected, state: LinkState, options: LinkOptions): Promise<void> {
  const whole = options.hash === true && isChecked(file);
  const headers: Record<string, string> = whole ? {} : { range: `bytes=0-${SNIFF_BYTES - 1}` };
  const reply = await open(directUrl(file.url), headers, { idleMs: 30_000, ...options, name: file.url });
  try {
    state.status = reply.status;
    const asked = new URL(directUrl(file.url)).host;
    state.redirected_to = reply.url.host === asked ? null : reply.url.host;
    if (reply.status !== 200 && reply.status !== 206) throw statusError(file.url, reply);
    const total = sizeOf(reply);
    state.bytes = total ?? null;
    if (file.bytes !== undefined && total !== undefined && total !== file.bytes) {
      throw wrong(file, `it has ${total} bytes instead of ${file.bytes}`);
    }
    const body = await read(reply, whole);
    const found = notAFile(body.head, total);
    if (found !== undefined) throw wrong(file, `the server sent ${found}`);
    if (body.digests !== undefined) {
      state.bytes = body.digests.bytes;
      const different = mismatch(file, body.digests);
      if (different !== undefined) throw wrong(file, different);
      state.hash = "matches";
    } else if (toldMd5(reply, file.md5)) state.hash = "matches";
  } finally {
    reply.cancel();
  }
}

/** The first bytes of a body, and of a whole one its digests. */
async function read(reply: Reply, whole: boolean) {
  const [sha256, md5] = [createHash("sha256"), createHash("md5")];
  let head = new Uint8Array();
  let bytes = 0;
  for await (const chunk of reply.chunks) {
    if (head.length < SNIFF_BYTES) head = Buffer.concat([head, chunk]).subarray(0, SNIFF_BYTES);
    bytes += chunk.length;
    if (whole) {
      sha256.update(chunk);
      md5.update(chunk);
    } else if (head.length >= SNIFF_BYTES) break;
  }
  return { head, digests: whole ? { sha256: sha256.digest("hex"), md5: md5.digest("hex"), bytes } : undefined };
}

function sizeOf(reply: Reply): number | undefined {
  const text =
    reply.status === 206 ? /\/(\d+)$/.exec(reply.header("content-range") ?? "")?.[1] : reply.header("content-length");
  return text === undefined ? undefined : Number(text);
}

/**
 * Whether the server tells the MD5 of the file: Google's storage does, and the etag of a file that S3 took in one part is
 * it. Another etag proves nothing.
 */
function toldMd5(reply: Reply, md5: string | undefined): boolean {
  if (md5 === undefined) return false;
  const google = /\bmd5=([A-Za-z0-9+/=]+)/.exec(reply.header("x-goog-hash") ?? "")?.[1];
  const told =
    google === undefined ? reply.header("etag")?.replaceAll('"', "") : Buffer.from(google, "base64").toString("hex");
  return told !== undefined && /^[0-9a-f]{32}$/i.test(told) && told.toLowerCase().startsWith(md5.toLowerCase());
}

const wrong = (file: Expected, found: string) =>
  new HubError("DOWNLOAD", `Cannot get ${file.url}: ${found}.`, { details: { url: file.url, retryable: false } });
