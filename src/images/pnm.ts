import { roundHalfEven } from "../core/rounding.ts";
import { broken, checkSize, type Pixels, toRgb } from "./pixels.ts";

/** PBM, PGM, PPM in ASCII (P1 P2 P3) and binary (P4 P5 P6). */
interface Header {
  kind: 1 | 2 | 3 | 4 | 5 | 6;
  width: number;
  height: number;
  maxval: number;
  channels: 1 | 3;
  /** Where the samples begin. */
  offset: number;
}

const isSpace = (byte: number | undefined) => byte === 32 || (byte !== undefined && byte >= 9 && byte <= 13);

/**
 * Decodes a Netpbm image as PIL 9.4 does: samples are scaled from `maxval` to 255 and rounded half to even, but grey
 * images of more than 8 bits are scaled to 65535 and then clipped to 255.
 * @throws HubError `IMAGE` on a bad header, a sample beyond `maxval` or missing samples.
 */
export function decodePnm(bytes: Uint8Array): Pixels {
  const header = readHeader(bytes);
  const { kind, width, height, channels } = header;
  checkSize(width, height);
  const data = kind === 4 ? packedBits(bytes, header) : kind > 4 ? binary(bytes, header) : plain(bytes, header);
  return toRgb(data, width, height, channels);
}

function readHeader(bytes: Uint8Array): Header {
  const kind = (bytes[1]! - 48) as Header["kind"];
  let at = 3;
  const number = () => {
    let token = "";
    while (at < bytes.length && token.length <= 10) {
      const byte = bytes[at++]!;
      if (byte === 35) {
        // A comment may even cut a number in two: PIL joins the halves.
        while (at < bytes.length && bytes[at] !== 10 && bytes[at] !== 13) at++;
        at++;
      } else if (!isSpace(byte)) token += String.fromCharCode(byte);
      else if (token !== "") break;
    }
    if (!/^\d{1,10}$/.test(token)) throw broken(`its header holds ${JSON.stringify(token)} where a number must stand`);
    return Number(token);
  };
  const width = number();
  const height = number();
  const maxval = kind === 1 || kind === 4 ? 1 : number();
  if (maxval < 1 || maxval > 65535) throw broken(`its maximum sample value is ${maxval}, need 1..65535`);
  return { kind, width, height, maxval, channels: kind === 3 || kind === 6 ? 3 : 1, offset: at };
}

function packedBits(bytes: Uint8Array, { width, height, offset }: Header): Uint8Array {
  const stride = (width + 7) >> 3;
  need(bytes.length - offset, stride * height);
  const out = new Uint8Array(width * height);
  for (let y = 0, to = 0; y < height; y++) {
    const row = offset + y * stride;
    for (let x = 0; x < width; x++) out[to++] = (bytes[row + (x >> 3)]! >> (7 - (x & 7))) & 1 ? 0 : 255;
  }
  return out;
}

function binary(bytes: Uint8Array, { width, height, maxval, channels, offset }: Header): Uint8Array {
  const samples = width * height * channels;
  const size = maxval < 256 ? 1 : 2;
  need(bytes.length - offset, samples * size);
  if (maxval === 255) return bytes.slice(offset, offset + samples);
  const table = scaleTable(maxval, channels, size === 1 ? 255 : 65535);
  const out = new Uint8Array(samples);
  if (size === 1) for (let i = 0; i < samples; i++) out[i] = table[bytes[offset + i]!]!;
  else for (let i = 0, at = offset; i < samples; i++, at += 2) out[i] = table[(bytes[at]! << 8) | bytes[at + 1]!]!;
  return out;
}

function plain(bytes: Uint8Array, { kind, width, height, maxval, channels, offset }: Header): Uint8Array {
  const samples = width * height * channels;
  // Every sample takes at least one byte: a huge declared size cannot allocate more than the file's own length.
  need(bytes.length - offset, samples);
  const table = kind === 1 ? Uint8Array.of(255, 0) : scaleTable(maxval, channels, maxval);
  const out = new Uint8Array(samples);
  let at = offset;
  for (let i = 0; i < samples; i++) {
    let value = -1;
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === 35) while (at + 1 < bytes.length && bytes[at] !== 10 && bytes[at] !== 13) at++;
      else if (byte >= 48 && byte <= 57) {
        value = Math.max(value, 0) * 10 + byte - 48;
        if (value > maxval) throw broken(`a sample is more than its maximum ${maxval}`);
        // Bits need no space between them.
        if (kind === 1) break;
      } else if (!isSpace(byte)) throw broken(`byte ${byte} stands among its samples`);
      else if (value >= 0) break;
    }
    at++;
    if (value < 0) need(i, samples);
    out[i] = table[value]!;
  }
  return out;
}

/** What each sample value 0..`top` becomes. */
function scaleTable(maxval: number, channels: number, top: number): Uint8Array {
  const full = channels === 1 && maxval > 255 ? 65535 : 255;
  return Uint8Array.from({ length: top + 1 }, (_, v) => Math.min(255, full, roundHalfEven((v / maxval) * full)));
}

function need(have: number, want: number): void {
  if (have < want) throw broken(`it is truncated: ${Math.max(0, have)} of ${want} sample bytes are there`);
}
