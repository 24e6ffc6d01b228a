import { pipeline } from "node:stream/promises";
import { createInflateRaw } from "node:zlib";
import { HubError, messageOf } from "../../src/core/errors.ts";
import { type Bytes, checkRange, damaged } from "./bytes.ts";

const CHUNK_BYTES = 2 ** 20;
/** Data that inflate to more than this many times their size are zeros, or an attack; small ones may do as they like. */
const MAX_RATIO = 100;
const FREE_BYTES = 64 * 2 ** 20;

/**
 * Deflated data as bytes that can be read by range. Each read inflates from the start, a chunk at a time, and keeps only
 * what was asked for: to be read in few, large pieces.
 * @param size the size once inflated, as the archive declares it; data of any other size are refused.
 * @throws HubError `CHECKPOINT` when that size is out of all proportion.
 */
export function inflated(packed: Bytes, name: string, size: number): Bytes {
  if (size > Math.max(FREE_BYTES, packed.size * MAX_RATIO)) {
    throw damaged(`${name} is said to inflate from ${packed.size} to ${size} bytes`);
  }
  const read = async (offset: number, length: number) => {
    checkRange(name, size, offset, length);
    const out = new Uint8Array(length);
    let at = 0;
    for await (const chunk of inflate(packed, name, size)) {
      if (at + chunk.length > size) throw damaged(`${name} inflates to more than the ${size} bytes it is said to be`);
      const [from, to] = [Math.max(offset, at), Math.min(offset + length, at + chunk.length)];
      if (from < to) out.set(chunk.subarray(from - at, to - at), from - offset);
      at += chunk.length;
      // What lies behind is only looked at when the end is asked for.
      if (at >= offset + length && offset + length < size) return out;
    }
    if (at !== size) throw damaged(`${name} inflates to ${at} bytes and not to the ${size} it is said to be`);
    return out;
  };
  return { name, size, read };
}

async function* chunks(bytes: Bytes): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.size; at += CHUNK_BYTES) {
    yield await bytes.read(at, Math.min(CHUNK_BYTES, bytes.size - at));
  }
}

async function* inflate(packed: Bytes, name: string, size: number): AsyncGenerator<Uint8Array> {
  const stream = createInflateRaw({ chunkSize: Math.max(64, Math.min(CHUNK_BYTES, size)) });
  // Whatever goes wrong with the feeding ends the stream, and is told there.
  const feeding = pipeline(chunks(packed), stream).catch(() => {});
  try {
    yield* stream;
  } catch (error) {
    throw error instanceof HubError ? error : damaged(`${name} does not inflate (${messageOf(error)})`);
  } finally {
    stream.destroy();
    await feeding;
  }
}
