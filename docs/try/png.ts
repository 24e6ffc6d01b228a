import { broken, checkSize, fromPalette, type Pixels, toRgb } from "../../src/images/pixels.ts";
import { ADAM7, CHANNELS, type PngRows } from "../../src/images/png-layout.ts";

/** Bit depths of each colour type. */
const DEPTHS: Readonly<Record<number, readonly number[]>> = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] }; // biome-ignore format: a table
/**
 * Decodes a PNG to PIL's bytes (W3C PNG, third edition). A canvas would not do: it multiplies colours by alpha, may manage
 * them, and has 8 bits. Inflation is the browser's own.
 * @throws HubError `IMAGE` on a damaged or truncated file.
 */
export async function decodePng(bytes: Uint8Array): Promise<Pixels> {
  const { header, palette, data } = readChunks(bytes);
  const rows = await inflate(data, rawBytes(header));
  const samples = header.interlaced ? readPasses(rows, header) : readRows(rows, 0, header.width, header.height, header);
  const { width, height, color, bits } = header;
  if (color === 3) return fromPalette(samples, palette, width, height);
  return toRgb(color === 0 && bits < 8 ? samples.map((v) => (v * 255) / (2 ** bits - 1)) : samples, width, height, CHANNELS[color]!); // biome-ignore format: a line
}

function readChunks(bytes: Uint8Array): { header: PngRows; palette: Uint8Array; data: Uint8Array[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const palette = new Uint8Array(768);
  const data: Uint8Array[] = [];
  let header: PngRows | undefined;
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) throw broken("it is truncated");
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const end = at + 8 + length;
    if (end + 4 > bytes.length) throw broken(`its chunk ${name} is truncated`);
    const body = bytes.subarray(at + 8, end);
    if (crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) throw broken(`the checksum of its chunk ${name} is wrong`); // biome-ignore format: a line
    if (name === "IHDR") header = readHeader(body);
    else if (header === undefined) throw broken("it has no header");
    else if (name === "PLTE") palette.set(body.subarray(0, 768));
    else if (name === "IDAT") data.push(body);
    else if (name === "IEND") break;
    at = end + 4;
  }
  if (header === undefined || data.length === 0) throw broken("it has no pixels");
  return { header, palette, data };
}

function readHeader(body: Uint8Array): PngRows {
  if (body.length < 13) throw broken("its header is truncated");
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const [width, height, bits, color] = [view.getUint32(0), view.getUint32(4), body[8]!, body[9]!];
  checkSize(width, height);
  if (!DEPTHS[color]?.includes(bits)) throw broken(`it has colour type ${color} of ${bits} bits`);
  return { width, height, bits, color, interlaced: body[12] !== 0 };
}

/** Bytes of a row without its filter byte. */
const rowBytes = (width: number, { bits, color }: PngRows) => Math.ceil((width * bits * CHANNELS[color]!) / 8);

/** Columns and rows of the passes; one pass that is all where the image is not interlaced. */
function passes({ width, height, interlaced }: PngRows) {
  if (!interlaced) return [{ x: 0, y: 0, dx: 1, dy: 1, columns: width, rows: height }];
  return ADAM7.map(([x, y, dx, dy]) => {
    return { x, y, dx, dy, columns: Math.ceil((width - x) / dx), rows: Math.ceil((height - y) / dy) };
  }).filter(({ columns, rows }) => columns > 0 && rows > 0);
}

const rawBytes = (header: PngRows) =>
  passes(header).reduce((sum, { columns, rows }) => sum + rows * (1 + rowBytes(columns, header)), 0);

/** At most the bytes that the header asks for: a bomb does not unfold. */
async function inflate(parts: readonly Uint8Array[], size: number): Promise<Uint8Array> {
  const stream = new Blob([...parts] as BlobPart[]).stream().pipeThrough(new DecompressionStream("deflate"));
  const reader = stream.getReader();
  const out = new Uint8Array(size);
  let filled = 0;
  try {
    while (filled < size) {
      const { value, done } = await reader.read();
      if (done) break;
      out.set(value.subarray(0, size - filled), filled);
      filled += Math.min(value.length, size - filled);
    }
  } catch (cause) {
    throw broken(`its pixels are damaged (${(cause as Error).message})`);
  }
  // What is left of the stream is not wanted; it may be damaged.
  reader.cancel().catch(() => undefined);
  if (filled < size) throw broken("its pixels are truncated");
  return out;
}

function readPasses(raw: Uint8Array, header: PngRows): Uint8Array {
  const channels = CHANNELS[header.color]!;
  const out = new Uint8Array(header.width * header.height * channels);
  let at = 0;
  for (const { x, y, dx, dy, columns, rows } of passes(header)) {
    const samples = readRows(raw, at, columns, rows, header);
    at += rows * (1 + rowBytes(columns, header));
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const from = (row * columns + column) * channels;
        const to = ((y + row * dy) * header.width + x + column * dx) * channels;
        for (let c = 0; c < channels; c++) out[to + c] = samples[from + c]!;
      }
    }
  }
  return out;
}

/** Samples of `rows` rows, one byte each: as stored below 8 bits; of 16 bits the high byte, or for grey clipped, as PIL. */
function readRows(raw: Uint8Array, start: number, columns: number, rows: number, header: PngRows): Uint8Array {
  const { bits, color } = header;
  const channels = CHANNELS[color]!;
  const length = rowBytes(columns, header);
  const step = Math.max(1, (bits * channels) >> 3);
  const count = columns * channels;
  const out = new Uint8Array(rows * count);
  let above = new Uint8Array(length);
  for (let row = 0, at = start; row < rows; row++, at += length + 1) {
    const line = raw.slice(at + 1, at + 1 + length);
    unfilter(raw[at]!, line, above, step);
    for (let i = 0; i < count; i++) {
      let value: number;
      if (bits === 8) value = line[i]!;
      else if (bits === 16) value = color === 0 ? Math.min(255, (line[2 * i]! << 8) | line[2 * i + 1]!) : line[2 * i]!;
      else value = (line[(i * bits) >> 3]! >> (8 - bits - ((i * bits) & 7))) & (2 ** bits - 1);
      out[row * count + i] = value;
    }
    above = line;
  }
  return out;
}

function unfilter(kind: number, line: Uint8Array, above: Uint8Array, step: number): void {
  if (kind > 4) throw broken(`a row of its pixels has filter ${kind}`);
  for (let i = 0; i < line.length; i++) {
    const left = i >= step ? line[i - step]! : 0;
    const up = above[i]!;
    if (kind === 1) line[i]! += left;
    else if (kind === 2) line[i]! += up;
    else if (kind === 3) line[i]! += (left + up) >> 1;
    else if (kind === 4) line[i]! += paeth(left, up, i >= step ? above[i - step]! : 0);
  }
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(bytes: Uint8Array): number {
  let value = -1;
  for (let i = 0; i < bytes.length; i++) value = CRC_TABLE[(value ^ bytes[i]!) & 255]! ^ (value >>> 8);
  return ~value >>> 0;
}
