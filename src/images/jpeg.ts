import { broken, checkSize } from "./pixels.ts";

/** What a JPEG's headers say. */
export interface JpegHeader {
  width: number;
  height: number;
  /** 1 grey, 3 colour, 4 CMYK. */
  components: 1 | 3 | 4;
}

/** Frames libjpeg-turbo 2.1 decodes: baseline, extended, progressive; Huffman or arithmetic. */
const FRAMES = new Set([0xc0, 0xc1, 0xc2, 0xc9, 0xca]);
/** Frame headers of other kinds: lossless, differential, hierarchical. */
const OTHER_FRAMES = new Set([0xc3, 0xc5, 0xc6, 0xc7, 0xcb, 0xcd, 0xce, 0xcf, 0xde]);

/**
 * Walks the segments before the first scan as PIL 9.4 does, and refuses what it refuses: 12-bit samples, lossless
 * frames, two components, a segment cut off by the end of the file, an Exif segment too short for its own header.
 * @throws HubError `IMAGE`.
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  let header: JpegHeader | undefined;
  let hasDpi = false;
  let at = 2;
  for (;;) {
    // Junk between segments is skipped, and so are fill bytes and escaped 0xff.
    while (at < bytes.length && bytes[at] !== 0xff) at++;
    while (bytes[at] === 0xff) at++;
    if (at >= bytes.length) throw broken("it is truncated before its first scan");
    const marker = bytes[at++]!;
    if (marker === 0) continue;
    if (marker < 0xc0)
      throw broken(`it holds the marker ff${marker.toString(16).padStart(2, "0")} before its first scan`);
    if (isAlone(marker)) continue;
    const length = at + 2 <= bytes.length ? (bytes[at]! << 8) | bytes[at + 1]! : 0;
    if (length < 2 || at + length > bytes.length) throw broken("one of its header segments is truncated");
    const body = bytes.subarray(at + 2, at + length);
    if (FRAMES.has(marker)) header = readFrame(body);
    else if (OTHER_FRAMES.has(marker))
      throw broken(`it is a JPEG of frame type ${marker - 0xc0}, which is not supported`);
    else if (marker === 0xe0) hasDpi ||= isText(body, "JFIF") && body.length >= 12 && body[7] === 1;
    else if (marker === 0xe1) checkExif(body, hasDpi);
    else if (marker === 0xda) {
      if (header === undefined) throw broken("its first scan comes before its size");
      return header;
    }
    at += length;
  }
}

/** Markers without a length: restarts, start and end of image, reserved ones. */
const isAlone = (marker: number) =>
  marker === 0xc8 || (marker >= 0xd0 && marker <= 0xd9) || (marker >= 0xf0 && marker <= 0xfd);

const isText = (body: Uint8Array, text: string) => [...text].every((c, i) => body[i] === c.charCodeAt(0));

function readFrame(body: Uint8Array): JpegHeader {
  const [precision, h1, h0, w1, w0, components] = body;
  if (precision !== 8) throw broken(`its samples have ${precision} bits, only 8 are supported`);
  if (components !== 1 && components !== 3 && components !== 4) throw broken(`it has ${components} components`);
  const width = (w1! << 8) | w0!;
  const height = (h1! << 8) | h0!;
  checkSize(width, height);
  return { width, height, components };
}

/** PIL looks into Exif for the resolution where JFIF gives none, and trips over a cut header. */
function checkExif(body: Uint8Array, hasDpi: boolean): void {
  if (hasDpi || !isText(body, "Exif\0\0")) return;
  const tiff = body.subarray(6);
  if ((isText(tiff, "MM\0*") || isText(tiff, "II*\0")) && tiff.length < 8)
    throw broken("its Exif segment is truncated");
}
