import { HubError } from "../core/errors.ts";

/** An 8-bit RGB image: `data` is `[height * width * 3]`, row-major, no padding, no alpha. */
export interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
}

/** PIL refuses larger images as decompression bombs, and so do we: decided from the header, before any allocation. */
export const MAX_PIXELS = 178_956_970;

/** What is wrong with an image, as a fact; `decode` adds which image it is. */
export function broken(found: string): HubError {
  return new HubError("IMAGE", found);
}

/** Refuses sizes no decoder may allocate for. */
export function checkSize(width: number, height: number): void {
  if (!(Number.isSafeInteger(width) && Number.isSafeInteger(height) && width > 0 && height > 0)) {
    throw broken(`its size is ${width} x ${height}, need at least 1 x 1`);
  }
  if (width * height > MAX_PIXELS) {
    throw broken(`its header declares ${width} x ${height} pixels, the limit is ${MAX_PIXELS}`);
  }
}

/**
 * Interleaved samples as RGB: one channel (and a second, alpha) is repeated, the fourth is dropped.
 *
 * @param data `[width * height * channels]`; returned without a copy where it is RGB already.
 */
export function toRgb(data: Uint8Array, width: number, height: number, channels: number): Pixels {
  if (channels === 3) return { data, width, height };
  const rgb = new Uint8Array(width * height * 3);
  const [green, blue] = channels >= 3 ? [1, 2] : [0, 0];
  for (let from = 0, to = 0; to < rgb.length; from += channels, to += 3) {
    rgb[to] = data[from]!;
    rgb[to + 1] = data[from + green]!;
    rgb[to + 2] = data[from + blue]!;
  }
  return { data: rgb, width, height };
}

/** Palette indices as RGB. `palette` holds 256 colours of 3 bytes. */
export function fromPalette(index: Uint8Array, palette: Uint8Array, width: number, height: number): Pixels {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, to = 0; to < rgb.length; i++, to += 3) {
    const from = index[i]! * 3;
    rgb[to] = palette[from]!;
    rgb[to + 1] = palette[from + 1]!;
    rgb[to + 2] = palette[from + 2]!;
  }
  return { data: rgb, width, height };
}
