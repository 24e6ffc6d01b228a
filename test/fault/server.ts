import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => unknown;

export interface FaultServer {
  /** Base URL, with no slash at its end. */
  base: string;
  /** The same server under another host name. */
  otherHost: string;
  requests: { url: string; headers: IncomingMessage["headers"] }[];
  close(): Promise<void>;
}

/**
 * A real HTTP server on a free port of this machine. `count` numbers the requests from 0. What the developer's
 * environment says of proxies and of being offline is not for it.
 */
export async function serve(handle: Handler): Promise<FaultServer> {
  process.env.no_proxy = "127.0.0.1,localhost";
  delete process.env.SSL_HUB_OFFLINE;
  const requests: FaultServer["requests"] = [];
  const server = createServer((request, response) => {
    requests.push({ url: request.url!, headers: request.headers });
    handle(request, response, requests.length - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    base: `http://127.0.0.1:${port}`,
    otherHost: `http://localhost:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface FileOptions {
  /** Quotes included. */
  etag?: string;
  lastModified?: string;
  /** Close the connection after this many bytes of the body. */
  cutAfter?: number;
  /** Ignore Range headers. */
  noRanges?: boolean;
  /** Bytes a piece and ms between pieces. */
  slow?: { bytes: number; ms: number };
  /** Told of every piece sent. */
  onSent?: (bytes: number) => void;
}

/** Answers as a file server does, ranges and `If-Range` included; gives how many bytes of the body were sent. */
export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  body: Uint8Array,
  { etag, lastModified, cutAfter = Infinity, noRanges = false, slow, onSent }: FileOptions = {},
): Promise<number> {
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const condition = request.headers["if-range"];
  const useRange = range !== null && !noRanges && (condition === undefined || condition === etag);
  const from = useRange ? Number(range[1]) : 0;
  const headers: Record<string, string> = { "content-length": String(body.length - from) };
  if (etag !== undefined) headers.etag = etag;
  if (lastModified !== undefined) headers["last-modified"] = lastModified;
  if (useRange) headers["content-range"] = `bytes ${from}-${body.length - 1}/${body.length}`;
  response.writeHead(useRange ? 206 : 200, headers);
  const end = Math.min(body.length, from + cutAfter);
  const step = slow?.bytes ?? 65_536;
  let sent = 0;
  for (let at = from; at < end && !response.destroyed; at += step) {
    const piece = body.subarray(at, Math.min(at + step, end));
    await new Promise<void>((resolve) => response.write(piece, () => resolve()));
    sent += piece.length;
    onSent?.(piece.length);
    if (slow !== undefined) await sleep(slow.ms);
  }
  if (end < body.length) response.destroy();
  else response.end();
  return sent;
}
