import { statfs } from "node:fs/promises";
import { HubError } from "../core/errors.ts";
import type { Job } from "../core/events.ts";
import { type Fetch, type Reply, request, statusError } from "./http.ts";
import { driveConfirmation, isDriveHost } from "./location.ts";
import type { Identity, PartialFile } from "./partial.ts";
import { notAFile, SNIFF_BYTES } from "./sniff.ts";

export interface TransferOptions extends Job {
  fetch?: Fetch;
  /** What to call the file in events. */
  name: string;
  /** Length the file must have, where known. */
  bytes?: number;
  /** Largest file that is taken, where there is a limit. */
  maxBytes?: number;
  idleMs?: number;
}

/** Bytes that are asked for twice and compared, where no strong etag proves that the file is still the same. */
const OVERLAP_BYTES = 65_536;
const PROGRESS_MS = 100;
const MAX_PAGE_BYTES = 1 << 20;

/**
 * One attempt to bring `partial` to its end. What is there is kept only if the server's file is provably the same: by a
 * strong etag (`If-Range`), or else by an equal length, equal weak validators and an equal overlap.
 * @throws HubError `DOWNLOAD` with `details.retryable`, `HASH` when the length is not the promised one, `DISK`.
 */
export async function transfer(url: string, partial: PartialFile, options: TransferOptions): Promise<void> {
  const resume = planResume(partial);
  if (resume === "complete") return;
  if (resume !== undefined) {
    const reply = await open(url, resume.headers, options);
    if (reply.status === 200) return begin(url, reply, partial, options);
    if (reply.status === 206 && (await continues(url, reply, partial, resume.from, options))) return;
    reply.cancel();
    if (reply.status !== 206 && reply.status !== 416) throw statusError(url, reply);
  }
  const reply = await open(url, {}, options);
  if (reply.status !== 200) throw statusError(url, reply);
  await begin(url, reply, partial, options);
}

interface Resume {
  from: number;
  headers: Record<string, string>;
}

/** How to ask for the rest of a partial download; undefined when nothing could prove that it is of the same file. */
export function planResume({
  size,
  identity,
}: Pick<PartialFile, "size" | "identity">): Resume | "complete" | undefined {
  const total = identity?.total;
  if (identity === undefined || total === undefined || size === 0 || size > total) return undefined;
  if (size === total) return "complete";
  if (isStrong(identity.etag)) return { from: size, headers: { range: `bytes=${size}-`, "if-range": identity.etag } };
  const from = Math.max(0, size - OVERLAP_BYTES);
  return { from, headers: { range: `bytes=${from}-` } };
}

const isStrong = (etag: string | undefined): etag is string => etag?.startsWith('"') ?? false;

async function begin(url: string, reply: Reply, partial: PartialFile, options: TransferOptions): Promise<void> {
  const identity = identityOf(reply, reply.header("content-length"));
  const total = identity.total;
  const chunks = reply.chunks[Symbol.asyncIterator]();
  try {
    const head = await readHead(chunks);
    const wrong = notAFile(head, total);
    if (wrong !== undefined) throw failed(url, `the server sent ${wrong}`, false);
    checkSize(url, total, options);
    await checkSpace(partial.folder, total);
    await partial.restart(identity);
    await partial.append(head);
    await store(url, chunks, partial, options);
  } finally {
    await chunks.return?.(undefined);
    reply.cancel();
  }
}

/** Appends the rest, if a 206 answer is the rest of the same file; false: it is not, start anew. */
async function continues(
  url: string,
  reply: Reply,
  partial: PartialFile,
  from: number,
  options: TransferOptions,
): Promise<boolean> {
  const known = partial.identity!;
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(reply.header("content-range") ?? "");
  if (range === null || Number(range[1]) !== from) return false;
  const now = identityOf(reply, range[3]);
  if (now.total !== known.total || Number(range[2]) >= now.total!) return false;
  if (now.etag !== undefined && now.etag !== known.etag) return false;
  if (now.last_modified !== undefined && now.last_modified !== known.last_modified) return false;
  const chunks = reply.chunks[Symbol.asyncIterator]();
  try {
    const overlap = partial.size - from;
    const expected = await partial.tail(overlap);
    for (let compared = 0; compared < overlap; ) {
      const { value, done } = await chunks.next();
      if (done) throw failed(url, "the connection was cut at once", true);
      const n = Math.min(value.length, overlap - compared);
      if (Buffer.compare(value.subarray(0, n), expected.subarray(compared, compared + n)) !== 0) return false;
      compared += n;
      if (n < value.length) await partial.append(value.subarray(n));
    }
    await store(url, chunks, partial, options);
    return true;
  } finally {
    await chunks.return?.(undefined);
  }
}

async function store(url: string, chunks: AsyncIterator<Uint8Array>, partial: PartialFile, options: TransferOptions) {
  const { name, onProgress, signal } = options;
  const { total } = partial.identity!;
  const limit = Math.min(total ?? Infinity, options.bytes ?? Infinity, options.maxBytes ?? Infinity);
  let told = 0;
  const tell = () => onProgress?.({ stage: "download", name, done: partial.size, total, unit: "bytes" });
  for (;;) {
    if (partial.size > limit) throw failed(url, `it is longer than the ${limit} bytes it should have`, false);
    const { value, done } = await chunks.next();
    signal?.throwIfAborted();
    if (done) break;
    await partial.append(value);
    if (performance.now() - told > PROGRESS_MS) {
      told = performance.now();
      tell();
    }
  }
  if (total !== undefined && partial.size < total) {
    throw failed(url, `the connection was cut after ${partial.size} of ${total} bytes`, true);
  }
  checkSize(url, partial.size, options);
  tell();
}

/** A GET; the page with which Google Drive asks to confirm a large file is answered. */
export async function open(url: string, headers: Record<string, string>, options: TransferOptions): Promise<Reply> {
  const { fetch, signal, idleMs } = options;
  const reply = await request(url, { headers, fetch, signal, idleMs });
  const isPage = reply.status === 200 && (reply.header("content-type") ?? "").startsWith("text/html");
  if (!isPage || !isDriveHost(reply.url.hostname)) return reply;
  let page = "";
  for await (const chunk of reply.chunks) {
    page += Buffer.from(chunk).toString("latin1");
    if (page.length > MAX_PAGE_BYTES) break;
  }
  const confirmed = driveConfirmation(page, reply.url);
  if (confirmed === undefined) {
    const why = notAFile(Buffer.from(page, "latin1"), page.length) ?? "a page without a download form";
    throw failed(url, `Google Drive sent ${why} (its quota may be spent, or the file is not public)`, false);
  }
  return request(confirmed, { headers, fetch, signal, idleMs });
}

async function readHead(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let length = 0; length < SNIFF_BYTES; ) {
    const { value, done } = await chunks.next();
    if (done) break;
    parts.push(value);
    length += value.length;
  }
  return Buffer.concat(parts);
}

function identityOf(reply: Reply, total: string | undefined): Identity {
  return {
    etag: reply.header("etag"),
    last_modified: reply.header("last-modified"),
    total: total !== undefined && /^\d+$/.test(total) ? Number(total) : undefined,
  };
}

function checkSize(url: string, size: number | undefined, { bytes, maxBytes }: TransferOptions): void {
  if (size !== undefined && maxBytes !== undefined && size > maxBytes) {
    throw failed(url, `it has ${size} bytes, and ${maxBytes} is the most that is taken`, false);
  }
  if (size === undefined || bytes === undefined || size === bytes) return;
  throw new HubError("HASH", `${url} is not the file it should be: it has ${size} bytes instead of ${bytes}.`, {
    details: { url, found: size, expected: bytes },
  });
}

async function checkSpace(folder: string, total: number | undefined): Promise<void> {
  // Some file systems do not say; then the disk is found full when it is.
  const free = await statfs(folder).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => Infinity,
  );
  if (total === undefined || total <= free) return;
  const message = `Cannot download ${total} bytes: ${free} are free in ${folder}. Free some, or set SSL_HUB_DIR.`;
  throw new HubError("DISK", message, { details: { path: folder, needed: total, free } });
}

const failed = (url: string, found: string, retryable: boolean) =>
  new HubError("DOWNLOAD", `Cannot get ${url}: ${found}.`, { details: { url, retryable } });
