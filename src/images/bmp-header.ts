import { broken, checkSize } from "./pixels.ts";

/** How the bytes of a row are read: palette or grey indices of so many bits, or packed colour. */
export type Layout =
  | { kind: "index"; bits: 1 | 4 | 8 }
  /** Byte positions of red, green and blue in a pixel of `size` bytes. */
  | { kind: "bytes"; size: 3 | 4; order: readonly [number, number, number] }
  /** 16-bit pixels: shift and largest value of red, green, blue. */
  | { kind: "packed"; fields: readonly (readonly [number, number])[] };

export interface BmpHeader {
  width: number;
  height: number;
  bits: number;
  compression: number;
  topDown: boolean;
  layout: Layout;
  /** 256 colours of 3 bytes; grey where the file has none. */
  palette: Uint8Array;
  /** Where the pixels begin. */
  offset: number;
}

const RAW = 0;
export const RLE8 = 1;
export const RLE4 = 2;
const BITFIELDS = 3;

const BGR: Layout = { kind: "bytes", size: 3, order: [2, 1, 0] };
const BGRX: Layout = { kind: "bytes", size: 4, order: [2, 1, 0] };
const XBGR: Layout = { kind: "bytes", size: 4, order: [3, 2, 1] };
const RGBX: Layout = { kind: "bytes", size: 4, order: [0, 1, 2] };
const RGB555: Layout = { kind: "packed", fields: [[10, 31], [5, 31], [0, 31]] } as const; // biome-ignore format: a row
const RGB565: Layout = { kind: "packed", fields: [[11, 31], [5, 63], [0, 31]] } as const; // biome-ignore format: a row

/** The bit masks PIL knows, by `bits:red,green,blue[,alpha]` in hexadecimal. */
const MASKS: Readonly<Record<string, Layout>> = {
  "32:ff0000,ff00,ff,0": BGRX,
  "32:ff0000,ff00,ff,ff000000": BGRX,
  "32:0,0,0,0": BGRX,
  "32:ff000000,ff0000,ff00,0": XBGR,
  "32:ff000000,ff0000,ff00,ff": XBGR,
  "32:ff,ff00,ff0000,ff000000": RGBX,
  "24:ff0000,ff00,ff": BGR,
  "16:f800,7e0,1f": RGB565,
  "16:7c00,3e0,1f": RGB555,
};

const PLAIN: Readonly<Record<number, Layout>> = {
  1: { kind: "index", bits: 1 },
  4: { kind: "index", bits: 4 },
  8: { kind: "index", bits: 8 },
  16: RGB555,
  24: BGR,
  32: BGRX,
};

/**
 * Reads the headers and the palette; allocates nothing that depends on the declared size.
 * @throws HubError `IMAGE` on a layout PIL does not read.
 */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length >= 18 ? view.getUint32(14, true) : 0;
  if (![12, 40, 64, 108, 124].includes(size)) throw broken(`it is a bitmap with a header of ${size} bytes`);
  if (bytes.length < 14 + size) throw broken("its header is truncated");
  const old = size === 12;
  const topDown = !old && bytes[25] === 0xff;
  const width = old ? view.getUint16(18, true) : view.getUint32(18, true);
  const rows = old ? view.getUint16(20, true) : view.getUint32(22, true);
  const height = topDown ? 2 ** 32 - rows : rows;
  checkSize(width, height);
  const bits = view.getUint16(old ? 24 : 28, true);
  const compression = old ? RAW : view.getUint32(30, true);
  if (compression > BITFIELDS) throw broken(`it is a bitmap of compression ${compression}`);
  const masked = compression === BITFIELDS;
  const paletteAt = 14 + size + (masked && size === 40 ? 12 : 0);
  if (bytes.length < paletteAt) throw broken("its header is truncated");
  const layout = masked ? MASKS[maskKey(view, bits, size)] : PLAIN[bits];
  const rle = compression === RLE8 || compression === RLE4;
  if (layout === undefined || (rle && layout.kind !== "index")) {
    throw broken(`it is a bitmap of ${bits} bits, compression ${compression}, a layout PIL does not read`);
  }
  const colors = (old ? 0 : view.getUint32(46, true)) || 2 ** bits;
  const offset = view.getUint32(10, true) || paletteAt + (bits <= 8 ? (old ? 3 : 4) * colors : 0);
  const shared = { width, height, bits, compression, topDown, layout };
  if (layout.kind !== "index") return { ...shared, palette: new Uint8Array(0), offset };
  if (colors > 65536) throw broken(`its palette has ${colors} colours`);
  const entry = old ? 3 : 4;
  const moved = offset === 14 + size ? offset + 4 * colors : offset;
  return { ...shared, ...readPalette(bytes, paletteAt, entry, colors, layout), offset: moved };
}

function maskKey(view: DataView, bits: number, size: number): string {
  // A 40-byte header has three masks behind it, longer ones hold four.
  const alpha = bits === 32 ? [size > 40 ? view.getUint32(66, true) : 0] : [];
  const masks = [54, 58, 62].map((at) => view.getUint32(at, true));
  return `${bits}:${[...masks, ...alpha].map((m) => m.toString(16)).join()}`;
}

/** A palette that is a plain grey ramp is dropped by PIL, and with two colours the pixels become single bits. */
function readPalette(bytes: Uint8Array, at: number, entry: number, colors: number, layout: Layout) {
  const palette = new Uint8Array(768);
  const ramp = (i: number) => (colors === 2 ? i * 255 : i);
  let grey = true;
  for (let i = 0; i < colors && grey; i++) {
    for (let c = 0; c < 3; c++) grey &&= bytes[at + i * entry + c] === ramp(i) && ramp(i) < 256;
  }
  if (!grey && colors > 256) throw broken(`its palette has ${colors} colours`);
  for (let i = 0; i < 256; i++) {
    for (let c = 0; c < 3; c++) {
      const from = at + i * entry + 2 - c;
      palette[i * 3 + c] = grey ? ramp(i) : i < colors && from < bytes.length ? bytes[from]! : 0;
    }
  }
  const read: Layout = grey && layout.kind === "index" ? { kind: "index", bits: colors === 2 ? 1 : 8 } : layout;
  return { palette, layout: read };
}
