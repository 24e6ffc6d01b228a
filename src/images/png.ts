import { crc32, inflateSync } from "node:zlib";
import { messageOf } from "../core/errors.ts";
import { broken, checkSize } from "./pixels.ts";
import type { PngRows } from "./png-layout.ts";
import { mendTail } from "./png-tail.ts";

/** Most a compressed text or profile may unfold to, and all texts together. PIL's limits. */
const MAX_TEXT = 1 << 20;
const MAX_TEXTS = 64 * MAX_TEXT;

/** Fixed-size chunks PIL refuses when they are shorter. */
const SHORTEST: Readonly<Record<string, number>> = { IHDR: 13, sRGB: 1, pHYs: 9, acTL: 8, fcTL: 26, fdAT: 4 };

/**
 * Walks the chunks as PIL 9.4 does, and refuses what it refuses and libpng would let pass: bad checksums before the
 * pixels, chunks cut off by the end of the file, texts that unfold to more than 1 MiB.
 * @returns what IHDR says, and the file itself, mended where only its last checksums are missing.
 * @throws HubError `IMAGE`.
 */
export function readPng(bytes: Uint8Array): { header: PngRows; file: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pixels: [number, number][] = [];
  let header: PngRows | undefined;
  let animated = false;
  let texts = 0;
  for (let at = 8, end = 0; ; at = end + 4) {
    const name = at + 8 <= bytes.length ? String.fromCharCode(...bytes.subarray(at + 4, at + 8)) : "";
    if (!/^\w{4}$/.test(name)) {
      // After the pixels PIL takes the end of the file, or junk, for the end of the image.
      if (pixels.length > 0) break;
      throw broken("it is truncated before its pixels");
    }
    const length = view.getUint32(at);
    end = at + 8 + length;
    if (name === "IEND" || (name === "fcTL" && pixels.length > 0 && animated)) break;
    if (name === "IDAT" && header !== undefined) {
      pixels.push([at + 8, Math.min(end, bytes.length)]);
      const cut = end > bytes.length;
      if (end + 4 > bytes.length) return { header, file: mendTail(bytes, header, pixels, cut) };
      continue;
    }
    if (end > bytes.length) throw broken(`its chunk ${name} is truncated`);
    if (length < (SHORTEST[name] ?? 0)) throw broken(`its chunk ${name} has only ${length} bytes`);
    if (pixels.length === 0 && !checksumFits(bytes, view, at + 4, end)) {
      throw broken(`the checksum of its chunk ${name} is wrong`);
    }
    animated ||= name === "acTL" && view.getUint32(at + 8) > 1;
    if (name === "IHDR") header = readHeader(view, at + 8);
    texts += textBytes(name, bytes.subarray(at + 8, end));
    if (texts > MAX_TEXTS) throw broken(`its texts have more than ${MAX_TEXTS} bytes`);
  }
  if (header === undefined || pixels.length === 0) throw broken(`it has no ${header ? "pixels" : "header"}`);
  return { header, file: bytes };
}

const checksumFits = (bytes: Uint8Array, view: DataView, start: number, end: number) =>
  end + 4 <= bytes.length && crc32(bytes.subarray(start, end)) === view.getUint32(end);

function readHeader(view: DataView, at: number): PngRows {
  const width = view.getUint32(at);
  const height = view.getUint32(at + 4);
  checkSize(width, height);
  const interlaced = view.getUint8(at + 12) !== 0;
  return { width, height, bits: view.getUint8(at + 8), color: view.getUint8(at + 9), interlaced };
}

/** Bytes of text a chunk unfolds to. */
function textBytes(name: string, body: Uint8Array): number {
  const key = body.indexOf(0);
  if (name === "tEXt") return key < 0 ? 0 : body.length - key - 1;
  if (name === "zTXt" || name === "iCCP") {
    const method = key < 0 ? 0 : body[key + 1];
    if (method !== undefined && method !== 0) throw broken(`its chunk ${name} has compression method ${method}`);
    const size = key < 0 ? 0 : unfold(name, body.subarray(key + 2));
    return name === "zTXt" ? size : 0;
  }
  if (name !== "iTXt" || key < 0 || body.length < key + 3) return 0;
  const language = body.indexOf(0, key + 3);
  const translated = language < 0 ? -1 : body.indexOf(0, language + 1);
  if (translated < 0) return 0;
  const value = body.subarray(translated + 1);
  if (body[key + 1] === 0) return value.length;
  return body[key + 2] === 0 ? unfold(name, value) : 0;
}

function unfold(name: string, body: Uint8Array): number {
  try {
    return inflateSync(body, { maxOutputLength: MAX_TEXT }).length;
  } catch (error) {
    // A text that is merely damaged is ignored, as PIL does.
    if ((error as { code?: string }).code !== "ERR_BUFFER_TOO_LARGE") return 0;
    throw broken(`its chunk ${name} unfolds to more than ${MAX_TEXT} bytes (${messageOf(error)})`);
  }
}
