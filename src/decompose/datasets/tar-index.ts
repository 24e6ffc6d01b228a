import { type FileHandle, open } from "node:fs/promises";
import type * as tar from "tar";
import { dataError, readRange } from "../dataset.ts";

/** A regular file inside a tar: `bytes` bytes at `offset`. The name is only a name, nothing is ever unpacked. */
export interface TarEntry {
  name: string;
  offset: number;
  bytes: number;
}

/** The `tar` package's reading of one header block; its streams are of no use for random access. */
type TarCodec = Pick<typeof tar, "Header" | "Pax">;

const BLOCK = 512;
/** Longest extended header (pax records, GNU long name) that is read. */
const MAX_EXTENSION = 1 << 20;
const WINDOW = 1 << 14;
/** Kinds without content, whatever size their header gives; as in Python's tarfile. */
const EMPTY = new Set(["Link", "SymbolicLink", "CharacterDevice", "BlockDevice", "Directory", "FIFO"]);

/**
 * The regular files of a tar (ustar, pax, GNU long names), from its headers alone. Links, folders and devices are left
 * out.
 * @throws HubError `DATA` for a compressed, sparse, damaged or cut file, with the byte offset.
 */
export async function indexTar(
  path: string,
  codec: TarCodec,
  signal?: AbortSignal,
): Promise<{ entries: TarEntry[]; size: number }> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (cause) {
    throw dataError(path, "Give the path of a tar file", cause);
  }
  try {
    const { size } = await file.stat();
    return { entries: await readEntries(path, codec, windowed(file, size), size, signal), size };
  } finally {
    await file.close();
  }
}

async function readEntries(path: string, { Header, Pax }: TarCodec, read: Read, size: number, signal?: AbortSignal) {
  const entries: TarEntry[] = [];
  const fail = (offset: number, found: string, cause?: unknown) =>
    dataError(`${path}: ${found} at byte ${offset}`, "Need a plain, uncompressed, whole tar", cause);
  let next: tar.Pax | undefined;
  let all: tar.Pax | undefined;
  for (let at = 0; at < size; ) {
    signal?.throwIfAborted();
    if (at + BLOCK > size) throw fail(at, "a header that is cut");
    const block = await read(at, BLOCK);
    const header = decode(
      () => new Header(block, 0, next, all),
      (cause) => fail(at, "no tar header", cause),
    );
    if (header.nullBlock) break;
    if (!header.cksumValid) throw fail(at, isGzip(block) && at === 0 ? "a compressed file" : "no tar header");
    const bytes = EMPTY.has(header.type) ? 0 : (header.size ?? -1);
    const offset = at + BLOCK;
    if (!Number.isSafeInteger(bytes) || bytes < 0 || offset + bytes > size)
      throw fail(at, `an entry of ${bytes} bytes in a file of ${size}`);
    at = offset + Math.ceil(bytes / BLOCK) * BLOCK;
    const extension = async () => {
      if (bytes > MAX_EXTENSION) throw fail(offset, `an extended header of ${bytes} bytes`);
      return (await read(offset, bytes)).toString("utf8");
    };
    switch (header.type) {
      case "ExtendedHeader":
        next = Pax.parse(await extension(), next, false);
        continue;
      case "GlobalExtendedHeader":
        all = Pax.parse(await extension(), all, true);
        continue;
      case "NextFileHasLongPath":
        next = new Pax({ ...next, path: (await extension()).replace(/\0.*$/s, "") });
        continue;
      case "NextFileHasLongLinkpath":
        continue;
      case "File":
      case "OldFile":
      case "ContiguousFile":
        entries.push({ name: header.path ?? "", offset, bytes });
        break;
      case "SparseFile":
      case "Unsupported":
        throw fail(offset - BLOCK, "a sparse or unknown kind of entry");
    }
    next = undefined;
  }
  return entries;
}

type Read = (offset: number, length: number) => Promise<Buffer>;

/** Reads ahead: a tar of small images has a header every few kB. */
function windowed(file: FileHandle, size: number): Read {
  let start = 0;
  let window: Buffer = Buffer.alloc(0);
  return async (offset, length) => {
    if (offset < start || offset + length > start + window.length) {
      window = await readRange(file, offset, Math.min(Math.max(length, WINDOW), size - offset));
      start = offset;
    }
    return window.subarray(offset - start, offset - start + length);
  };
}

function decode<T>(make: () => T, wrap: (cause: unknown) => Error): T {
  try {
    return make();
  } catch (cause) {
    throw wrap(cause);
  }
}

function isGzip(block: Buffer): boolean {
  return block[0] === 0x1f && block[1] === 0x8b;
}
