import { constants, crc32, deflateSync, inflateSync } from "node:zlib";
import { broken } from "./pixels.ts";
import { ADAM7, CHANNELS, type PngRows } from "./png-layout.ts";

/**
 * A file that ends within its last IDAT chunk, rewritten so that libpng reads it: PIL 9.4 takes such a file when all
 * rows are there (it misses no more than checksums), and refuses it when the rows were whole before that chunk.
 *
 * @param chunks `[start, end]` of the data of each IDAT chunk, the last cut at the end of the file.
 * @param cut Whether the last chunk misses data, not only its checksum.
 * @throws HubError `IMAGE` when a row is missing.
 */
export function mendTail(bytes: Uint8Array, rows: PngRows, chunks: [number, number][], cut: boolean): Uint8Array {
  const size = rowBytes(rows);
  const data = unfold(bytes, chunks, size);
  const wholeBefore = cut && chunks.length > 1 && unfold(bytes, chunks.slice(0, -1), size).length === size;
  if (data.length < size || wholeBefore) throw broken("its chunk IDAT is truncated");
  const head = bytes.subarray(0, chunks[0]![0] - 8);
  return Buffer.concat([head, chunk("IDAT", deflateSync(data, { level: 1 })), chunk("IEND", new Uint8Array(0))]);
}

function unfold(bytes: Uint8Array, chunks: [number, number][], size: number): Uint8Array {
  const data = Buffer.concat(chunks.map(([start, end]) => bytes.subarray(start, end)));
  try {
    return inflateSync(data, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: size });
  } catch {
    throw broken("its chunk IDAT is truncated or damaged");
  }
}

/** Bytes of all rows, each with its filter byte. */
function rowBytes({ width, height, bits, color, interlaced }: PngRows): number {
  const rows = (w: number, h: number) => (w > 0 ? h * (1 + Math.ceil((w * bits * (CHANNELS[color] ?? 1)) / 8)) : 0);
  if (!interlaced) return rows(width, height);
  const passes = ADAM7.map(([x, y, dx, dy]) => rows(Math.ceil((width - x) / dx), Math.ceil((height - y) / dy)));
  return passes.reduce((sum, n) => sum + Math.max(0, n));
}

function chunk(name: string, data: Uint8Array): Buffer {
  const out = Buffer.alloc(data.length + 12);
  out.writeUInt32BE(data.length);
  out.write(name, 4, "latin1");
  out.set(data, 8);
  out.writeUInt32BE(crc32(out.subarray(4, data.length + 8)), data.length + 8);
  return out;
}
