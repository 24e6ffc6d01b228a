import { type BmpHeader, type Layout, RLE4, RLE8, readBmpHeader } from "./bmp-header.ts";
import { broken, fromPalette, type Pixels } from "./pixels.ts";

/**
 * Decodes a Windows or OS/2 bitmap as PIL 9.4 does: 1, 4, 8, 16, 24, 32 bits, bit fields, RLE8 and RLE4.
 * @throws HubError `IMAGE` on any other kind and on missing pixels.
 */
export function decodeBmp(bytes: Uint8Array): Pixels {
  const header = readBmpHeader(bytes);
  const { width, height, compression, layout, palette } = header;
  if (compression === RLE8 || compression === RLE4) return fromPalette(runs(bytes, header), palette, width, height);
  if (layout.kind === "index") return fromPalette(indices(bytes, header, layout.bits), palette, width, height);
  return layout.kind === "bytes" ? wholeBytes(bytes, header, layout) : packed(bytes, header, layout);
}

/** Where each row of the picture, counted from its top, begins; all `used` bytes of every row are there. */
function rowsOf(bytes: Uint8Array, header: BmpHeader, used: number): (y: number) => number {
  const { width, height, bits, topDown, offset } = header;
  const stride = Math.ceil((width * bits) / 32) * 4;
  const want = stride * (height - 1) + used;
  if (used > stride || offset + want > bytes.length) {
    throw broken(`it is truncated: ${Math.max(0, bytes.length - offset)} of ${want} pixel bytes are there`);
  }
  return (y) => offset + stride * (topDown ? y : height - 1 - y);
}

function indices(bytes: Uint8Array, header: BmpHeader, bits: 1 | 4 | 8): Uint8Array {
  const { width, height } = header;
  const perByte = 8 / bits;
  const rowAt = rowsOf(bytes, header, Math.ceil(width / perByte));
  const mask = (1 << bits) - 1;
  const out = new Uint8Array(width * height);
  for (let y = 0, to = 0; y < height; y++) {
    const at = rowAt(y);
    for (let x = 0; x < width; x++) {
      const first = x * bits;
      out[to++] = (bytes[at + (first >>> 3)]! >> (8 - bits - (first & 7))) & mask;
    }
  }
  return out;
}

function wholeBytes(bytes: Uint8Array, header: BmpHeader, { size, order }: Layout & { kind: "bytes" }): Pixels {
  const { width, height } = header;
  const rowAt = rowsOf(bytes, header, width * size);
  const [red, green, blue] = order;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    let at = rowAt(y);
    for (let x = 0; x < width; x++, at += size, to += 3) {
      data[to] = bytes[at + red]!;
      data[to + 1] = bytes[at + green]!;
      data[to + 2] = bytes[at + blue]!;
    }
  }
  return { data, width, height };
}

function packed(bytes: Uint8Array, header: BmpHeader, { fields }: Layout & { kind: "packed" }): Pixels {
  const { width, height } = header;
  const rowAt = rowsOf(bytes, header, width * 2);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    let at = rowAt(y);
    for (let x = 0; x < width; x++, at += 2) {
      const pixel = bytes[at]! | (bytes[at + 1]! << 8);
      for (const [shift, top] of fields) data[to++] = Math.floor((((pixel >> shift) & top) * 255) / top);
    }
  }
  return { data, width, height };
}

/** Run-length coded indices, with PIL's reading of damaged or sloppy runs. */
function runs(bytes: Uint8Array, header: BmpHeader): Uint8Array {
  const { width, height, compression, topDown, offset } = header;
  const rle4 = compression === RLE4;
  const total = width * height;
  // A delta of 4 bytes may skip 255 rows: bounds what a small file can allocate.
  if (total > (bytes.length - offset) * 128 * width + 1) throw broken("it is truncated");
  const coded = new Uint8Array(total);
  let n = 0;
  let x = 0;
  const put = (value: number) => {
    if (n < total) coded[n] = value;
    n++;
  };
  for (let at = offset; n < total && at + 1 < bytes.length; ) {
    const run = bytes[at++]!;
    const value = bytes[at++]!;
    if (run > 0) {
      const fits = Math.min(run, Math.max(0, width - x));
      for (let i = 0; i < fits; i++) put(rle4 ? (i % 2 === 0 ? value >> 4 : value & 15) : value);
      x += fits;
    } else if (value === 0) {
      n = Math.ceil(n / width) * width;
      x = 0;
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      // PIL 9.4 drops the two bytes of the skip and takes the two behind them.
      if (at + 4 > bytes.length) break;
      n += bytes[at + 2]! + bytes[at + 3]! * width;
      at += 4;
      x = n % width;
    } else {
      const count = rle4 ? value >> 1 : value;
      for (let i = 0; i < count && at + i < bytes.length; i++) {
        if (rle4) put(bytes[at + i]! >> 4);
        put(rle4 ? bytes[at + i]! & 15 : bytes[at + i]!);
      }
      if (at + count > bytes.length) break;
      at += count;
      x += value;
      at += at & 1;
    }
  }
  if (n < total) throw broken(`it is truncated: ${n} of ${total} pixels are there`);
  return topDown ? coded : flipped(coded, width, height);
}

function flipped(rows: Uint8Array, width: number, height: number): Uint8Array {
  const out = new Uint8Array(rows.length);
  for (let y = 0; y < height; y++) out.set(rows.subarray(y * width, (y + 1) * width), (height - 1 - y) * width);
  return out;
}
