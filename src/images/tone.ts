import { mapBytes } from "./color.ts";
import type { Pixels } from "./pixels.ts";

const table = (at: (byte: number) => number) => Uint8Array.from({ length: 256 }, (_, byte) => at(byte));

/** PIL's `ImageOps.solarize`: bytes from `threshold` on are inverted. */
export function solarize(image: Pixels, threshold: number): Pixels {
  return mapBytes(
    image,
    table((byte) => (byte < threshold ? byte : 255 - byte)),
  );
}

/** PIL's `ImageOps.posterize`: keeps the highest bits. @throws RangeError unless 0 <= bits <= 8. */
export function posterize(image: Pixels, bits: number): Pixels {
  if (!Number.isInteger(bits) || bits < 0 || bits > 8)
    throw new RangeError(`posterize: ${bits} bits, need a whole number 0..8`);
  const mask = 256 - 2 ** (8 - bits);
  return mapBytes(
    image,
    table((byte) => byte & mask),
  );
}

/** PIL's `ImageOps.invert`. */
export function invert(image: Pixels): Pixels {
  return mapBytes(
    image,
    table((byte) => 255 - byte),
  );
}

/** PIL's `ImageOps.autocontrast`: stretches the values of each channel to 0..255. */
export function autocontrast(image: Pixels): Pixels {
  return mapChannels(image, (histogram) => {
    const low = histogram.findIndex((n) => n > 0);
    const high = histogram.findLastIndex((n) => n > 0);
    const scale = 255 / (high - low);
    const offset = -low * scale;
    return high <= low ? undefined : (byte) => Math.min(255, Math.max(0, Math.trunc(byte * scale + offset)));
  });
}

/** PIL's `ImageOps.equalize`: each channel gets a histogram as flat as whole steps allow. */
export function equalize(image: Pixels): Pixels {
  return mapChannels(image, (histogram) => {
    const last = histogram.findLastIndex((n) => n > 0);
    const step = Math.floor((image.width * image.height - histogram[last]!) / 255);
    if (step === 0) return undefined; // so it is too when one value is all there is
    let before = step >> 1;
    return (byte) => {
      const level = Math.floor(before / step);
      before += histogram[byte]!;
      return Math.min(255, level);
    };
  });
}

/** Maps each channel by what `curve` makes of its histogram, asked for bytes 0, 1, ... 255 in turn; undefined: as it is. */
function mapChannels(
  { data, width, height }: Pixels,
  curve: (histogram: Uint32Array) => ((byte: number) => number) | undefined,
): Pixels {
  const out = data.slice();
  for (let channel = 0; channel < 3; channel++) {
    const histogram = new Uint32Array(256);
    for (let i = channel; i < data.length; i += 3) histogram[data[i]!]!++;
    const at = curve(histogram);
    if (at === undefined) continue;
    const mapped = table(at);
    for (let i = channel; i < data.length; i += 3) out[i] = mapped[data[i]!]!;
  }
  return { data: out, width, height };
}
