import type { Sharp } from "sharp";
import { HubError, messageOf } from "../core/errors.ts";
import type { Job } from "../core/events.ts";
import { decodeBmp } from "./bmp.ts";
import { decodeGif } from "./gif.ts";
import { fromDecoded, type ImageInput, isDecoded } from "./input.ts";
import { readJpegHeader } from "./jpeg.ts";
import { broken, checkSize, MAX_PIXELS, type Pixels, toRgb } from "./pixels.ts";
import { decodePnm } from "./pnm.ts";
import { type ImageFormat, sniff } from "./sniff.ts";

/** A file this long holds more than {@link MAX_PIXELS} pixels of plain RGB, or is no image. */
const MAX_FILE_BYTES = 2 ** 30;

export interface DecodeOptions extends Job {
  /** What errors call the image. Default: its path or URL, else `image`. */
  name?: string;
  /** Gets the bytes behind an `http:` or `https:` URL. Without it such inputs are refused. */
  fetch?: (url: URL, signal?: AbortSignal) => Promise<Uint8Array>;
}

/**
 * Decodes an image to the bytes PIL 9.4's `Image.open(file).convert("RGB")` gives: first frame, ICC profiles ignored,
 * Exif orientation not applied, alpha dropped. JPEG, PNG, WebP, TIFF, GIF, BMP, PBM, PGM, PPM; the format is told by
 * the first bytes, never by the name. What PIL refuses (truncated data, more than 178 956 970 pixels, SVG, AVIF ...) is
 * refused. Does not report progress.
 *
 * @throws HubError `IMAGE` naming the image and what was found.
 * @throws TypeError when the input is none of {@link ImageInput}.
 */
export async function decode(input: ImageInput, options: DecodeOptions = {}): Promise<Pixels> {
  const { signal } = options;
  signal?.throwIfAborted();
  const name = options.name ?? (typeof input === "string" ? input : input instanceof URL ? input.href : "image");
  try {
    if (isDecoded(input)) return await fromDecoded(input);
    const bytes = input instanceof Uint8Array ? input : await readInput(input, options);
    signal?.throwIfAborted();
    const pixels = await decodeBytes(bytes);
    signal?.throwIfAborted();
    return pixels;
  } catch (error) {
    if (!(error instanceof HubError) || error.code !== "IMAGE") throw error;
    const message = `Cannot decode ${name}: ${error.message}. Check the file, or leave it out.`;
    throw new HubError("IMAGE", message, { details: { name, ...error.details }, cause: error.cause });
  }
}

async function readInput(input: string | URL, { fetch, signal }: DecodeOptions): Promise<Uint8Array> {
  if (typeof input !== "string" && !(input instanceof URL)) {
    throw new TypeError("decode: the image must be a path, URL, bytes, raw pixels or a tensor [height, width, 3]");
  }
  const url = input instanceof URL ? input : /^(https?|file):/i.test(input) ? parseUrl(input) : undefined;
  if (url === undefined || url.protocol === "file:") return readImageFile(url ?? (input as string), signal);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw broken(`the protocol ${url.protocol} is not supported`);
  if (fetch === undefined)
    throw broken("it is a URL and no `fetch` was given to get it; pass options.fetch, or its bytes");
  return fetch(url, signal);
}

function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch (cause) {
    throw new HubError("IMAGE", "it is not a valid URL", { cause });
  }
}

async function readImageFile(path: string | URL, signal?: AbortSignal): Promise<Uint8Array> {
  const { open } = await import("node:fs/promises");
  try {
    const file = await open(path);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw broken("it is not a file");
      if (stat.size > MAX_FILE_BYTES) throw broken(`it has ${stat.size} bytes, the limit is ${MAX_FILE_BYTES}`);
      return await file.readFile({ signal });
    } finally {
      await file.close();
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof HubError) throw cause;
    throw new HubError("IMAGE", `it cannot be read (${messageOf(cause)})`, { cause });
  }
}

async function decodeBytes(bytes: Uint8Array): Promise<Pixels> {
  if (bytes.length > MAX_FILE_BYTES) throw broken(`it has ${bytes.length} bytes, the limit is ${MAX_FILE_BYTES}`);
  const found = sniff(bytes);
  if ("not" in found) throw broken(`it is ${found.not}`);
  return DECODERS[found.format](bytes);
}

const DECODERS: Record<ImageFormat, (bytes: Uint8Array) => Pixels | Promise<Pixels>> = {
  bmp: decodeBmp,
  pnm: decodePnm,
  gif: decodeGif,
  jpeg: (bytes) => (readJpegHeader(bytes).components === 4 ? viaCmyk(bytes) : viaSharp(bytes)),
  png: async (bytes) => {
    const { header, file } = (await import("./png.ts")).readPng(bytes);
    return header.color === 0 && header.bits === 16 ? viaGrey16(file) : viaSharp(file);
  },
  webp: (bytes) => viaSharp(bytes),
  tiff: async (bytes) => {
    const { space, depth, channels, width, height } = await sharpRun(bytes, (image) => image.metadata());
    checkSize(width, height);
    if (space.startsWith("lab")) throw broken("it is a CIELab TIFF");
    if (space === "cmyk") return viaCmyk(bytes);
    return channels === 1 && depth === "ushort" ? viaGrey16(bytes) : viaSharp(bytes);
  },
};

/** Truncated data is an error; for TIFF libvips calls it so only on the level above. */
const failOn = (bytes: Uint8Array) => (bytes[0] === 0x49 || bytes[0] === 0x4d ? "error" : "truncated");

/** The only place that touches sharp; whatever it throws is the image's fault. */
async function sharpRun<T>(bytes: Uint8Array, work: (image: Sharp) => Promise<T>): Promise<T> {
  const { default: sharp } = await import("sharp");
  try {
    return await work(sharp(bytes, { ignoreIcc: true, failOn: failOn(bytes), limitInputPixels: MAX_PIXELS }));
  } catch (cause) {
    const text = messageOf(cause).trim().split("\n")[0];
    throw new HubError("IMAGE", `its data is broken, truncated or not supported (${text})`, { cause });
  }
}

async function viaSharp(bytes: Uint8Array): Promise<Pixels> {
  const { data, info } = await sharpRun(bytes, (image) => image.raw().toBuffer({ resolveWithObject: true }));
  return toRgb(plain(data), info.width, info.height, info.channels);
}

/** CMYK as stored (libvips has undone Adobe's inversion), then PIL's own conversion in integers. */
async function viaCmyk(bytes: Uint8Array): Promise<Pixels> {
  const { data, info } = await sharpRun(bytes, (image) =>
    image.pipelineColourspace("cmyk").toColourspace("cmyk").raw().toBuffer({ resolveWithObject: true }),
  );
  const { width, height, channels } = info;
  if (channels < 4) throw broken(`it is CMYK of ${channels} channels`);
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < rgb.length; from += channels, to += 3) {
    const light = 255 - data[from + 3]!;
    for (let c = 0; c < 3; c++) {
      const t = data[from + c]! * light + 128;
      rgb[to + c] = Math.max(0, light - (((t >> 8) + t) >> 8));
    }
  }
  return { data: rgb, width, height };
}

/** 16-bit grey: PIL clips to 255, it does not shift. */
async function viaGrey16(bytes: Uint8Array): Promise<Pixels> {
  const { data, info } = await sharpRun(bytes, (image) =>
    image
      .pipelineColourspace("grey16")
      .toColourspace("grey16")
      .raw({ depth: "ushort" })
      .toBuffer({ resolveWithObject: true }),
  );
  const wide = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
  return toRgb(
    Uint8Array.from(wide, (v) => Math.min(v, 255)),
    info.width,
    info.height,
    info.channels,
  );
}

/** A Buffer's bytes as a plain Uint8Array, without a copy. */
const plain = (data: Buffer) => new Uint8Array(data.buffer, data.byteOffset, data.length);
