import { decodeBmp } from "../../src/images/bmp.ts";
import { decodeGif } from "../../src/images/gif.ts";
import { readJpegHeader } from "../../src/images/jpeg.ts";
import { broken, checkSize, type Pixels, toRgb } from "../../src/images/pixels.ts";
import { decodePnm } from "../../src/images/pnm.ts";
import { type ImageFormat, sniff } from "../../src/images/sniff.ts";
import { decodePng } from "./png.ts";

export interface Decoded {
  pixels: Pixels;
  /** Whether the pixels are those that `ssl-hub` has in Node. JPEG and WebP are decoded by the browser, as it likes. */
  exact: boolean;
}

/** @throws HubError `IMAGE` saying what was found. */
export async function decodeImage(bytes: Uint8Array<ArrayBuffer>): Promise<Decoded> {
  const found = sniff(bytes);
  if ("not" in found) throw broken(`it is ${found.not}`);
  return DECODERS[found.format](bytes);
}

const exactly = (decode: (bytes: Uint8Array) => Pixels | Promise<Pixels>) => async (bytes: Uint8Array) => ({
  pixels: await decode(bytes),
  exact: true,
});

const DECODERS: Record<ImageFormat, (bytes: Uint8Array<ArrayBuffer>) => Promise<Decoded>> = {
  png: exactly(decodePng),
  bmp: exactly(decodeBmp),
  gif: exactly(decodeGif),
  pnm: exactly(decodePnm),
  jpeg: async (bytes) => {
    readJpegHeader(bytes);
    return byBrowser(withoutProfiles(bytes), "image/jpeg");
  },
  webp: (bytes) => byBrowser(bytes, "image/webp"),
  tiff: async () => {
    throw broken("it is a TIFF, which browsers do not read");
  },
};

async function byBrowser(bytes: Uint8Array<ArrayBuffer>, type: string): Promise<Decoded> {
  let image: ImageBitmap;
  try {
    image = await createImageBitmap(new Blob([bytes], { type }), { colorSpaceConversion: "none", premultiplyAlpha: "none" }); // biome-ignore format: a line
  } catch {
    throw broken("its data is broken, truncated or not known to this browser");
  }
  const { width, height } = image;
  checkSize(width, height);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw broken("this browser gives no canvas to read it from");
  context.drawImage(image, 0, 0);
  image.close();
  const { data } = context.getImageData(0, 0, width, height);
  return { pixels: toRgb(new Uint8Array(data.buffer), width, height, 4), exact: false };
}

const APP0 = 0xe0;
const APP14 = 0xee;
const APP15 = 0xef;
const START_OF_SCAN = 0xda;

/**
 * A JPEG without its application segments but JFIF's and Adobe's, which say what the components are: browsers turn by
 * Exif and convert by colour profiles, PIL and we do neither.
 */
function withoutProfiles(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const kept: Uint8Array<ArrayBuffer>[] = [bytes.subarray(0, 2)];
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = bytes[at + 1]!;
    const end = at + 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
    if (bytes[at] !== 0xff || marker < 0xc0 || marker === START_OF_SCAN) {
      kept.push(bytes.subarray(at));
      break;
    }
    const dropped = marker > APP0 && marker <= APP15 && marker !== APP14;
    if (!dropped) kept.push(bytes.subarray(at, end));
    at = end;
  }
  const out = new Uint8Array(kept.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of kept) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
