import { broken, checkSize, fromPalette, type Pixels } from "./pixels.ts";

/**
 * Decodes the first frame of a GIF as PIL 9.4 does: pixels keep the colour stored at their index, also at the
 * transparent one, and what the frame does not cover has the transparent colour or colour 0.
 * (libvips makes transparent pixels black, so its pixels cannot be used.)
 * @throws HubError `IMAGE` on a file without a whole first frame.
 */
export function decodeGif(bytes: Uint8Array): Pixels {
  const u8 = (at: number) => {
    if (at >= bytes.length) throw broken("it is truncated");
    return bytes[at]!;
  };
  const u16 = (at: number) => u8(at) | (u8(at + 1) << 8);
  const colorTable = (at: number, flags: number) => bytes.subarray(at, at + tableSize(flags));
  let at = 13 + tableSize(u8(10));
  let colors = colorTable(13, u8(10));
  let transparent: number | undefined;
  for (let block = u8(at++); block !== 0x2c; block = u8(at++)) {
    if (block === 0x3b) throw broken("it holds no frame");
    if (block !== 0x21) continue;
    const label = u8(at++);
    if (label === 0xf9 && u8(at) >= 4) transparent = u8(at + 1) & 1 ? u8(at + 4) : undefined;
    while (u8(at) !== 0) at += u8(at) + 1;
    at++;
  }
  const frame = { left: u16(at), top: u16(at + 2), width: u16(at + 4), height: u16(at + 6) };
  const flags = u8(at + 8);
  at += 9;
  if (flags & 0x80) colors = colorTable(at, flags);
  at += tableSize(flags);
  const width = Math.max(u16(6), frame.left + frame.width);
  const height = Math.max(u16(8), frame.top + frame.height);
  checkSize(width, height);
  checkSize(frame.width, frame.height);
  const order = rowOrder(frame.height, (flags & 0x40) !== 0);
  const index = lzw(bytes, at, frame.width * frame.height);
  const canvas = new Uint8Array(width * height);
  if (transparent !== undefined) canvas.fill(transparent);
  for (let row = 0; row < frame.height; row++) {
    const line = index.subarray(row * frame.width, (row + 1) * frame.width);
    canvas.set(line, (frame.top + order[row]!) * width + frame.left);
  }
  return fromPalette(canvas, fullPalette(colors), width, height);
}

const tableSize = (flags: number) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);

/** 256 colours: without a table they are greys. */
function fullPalette(colors: Uint8Array): Uint8Array {
  if (colors.length > 0) return Uint8Array.from({ length: 768 }, (_, i) => colors[i] ?? 0);
  return Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));
}

/** The place of each stored row; interlaced frames come in four sweeps. */
function rowOrder(height: number, interlaced: boolean): Int32Array {
  const sweeps = interlaced ? [[0, 8], [4, 8], [2, 4], [1, 2]] : [[0, 1]]; // biome-ignore format: a table
  const order = new Int32Array(height);
  let n = 0;
  for (const [first, step] of sweeps) for (let y = first!; y < height; y += step!) order[n++] = y;
  return order;
}

/** GIF's LZW: codes of growing width, least significant bit first, in sub-blocks of at most 255 bytes. */
function lzw(bytes: Uint8Array, start: number, total: number): Uint8Array {
  const minBits = bytes[start] ?? 0;
  if (minBits > 12) throw broken(`its pixels have codes of ${minBits} bits`);
  // One code, of at least 2 bits, writes at most 4096 pixels.
  if (total > (bytes.length - start) * 4 * 4096) throw broken("it is truncated");
  const out = new Uint8Array(total);
  const clear = 1 << minBits;
  const prefix = new Int16Array(4096);
  const suffix = new Uint8Array(4096);
  const stack = new Uint8Array(4097);
  let at = start + 1;
  let left = 0;
  let buffer = 0;
  let have = 0;
  let bits = minBits + 1;
  let next = clear + 2;
  let previous = -1;
  let first = 0;
  for (let n = 0; n < total; ) {
    while (have < bits) {
      if (left === 0) {
        left = bytes[at++] ?? 0;
        if (left === 0 || at + left > bytes.length) throw broken(`it is truncated: ${n} of ${total} pixels are there`);
      }
      buffer |= bytes[at++]! << have;
      left--;
      have += 8;
    }
    let code = buffer & ((1 << bits) - 1);
    buffer >>>= bits;
    have -= bits;
    if (code === clear) {
      bits = minBits + 1;
      next = clear + 2;
      previous = -1;
      continue;
    }
    if (code === clear + 1) throw broken(`its first frame ends after ${n} of ${total} pixels`);
    if (code > next || (code === next && previous < 0)) throw broken(`its pixels hold code ${code} before its meaning`);
    const written = code;
    let depth = 0;
    if (code === next) {
      stack[depth++] = first;
      code = previous;
    }
    for (; code > clear; code = prefix[code]!) stack[depth++] = suffix[code]!;
    first = code;
    stack[depth++] = first;
    while (depth > 0 && n < total) out[n++] = stack[--depth]!;
    if (previous >= 0 && next < 4096) {
      prefix[next] = previous;
      suffix[next] = first;
      next++;
      if (next === 1 << bits && bits < 12) bits++;
    }
    previous = written;
  }
  return out;
}
