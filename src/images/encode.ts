import type { Pixels } from "./pixels.ts";

/** The bytes of a PNG file of the image. */
export async function encodePng({ data, width, height }: Pixels): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
  return new Uint8Array(png.buffer, png.byteOffset, png.length);
}
