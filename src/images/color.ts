import type { Pixels } from "./pixels.ts";

const f32 = Math.fround;

/** PIL's luma of an RGB colour, 0..255: ITU-R 601 in 16-bit fixed point. */
const luma = (r: number, g: number, b: number) => (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;

/** To a byte as C casts: truncated. */
const clampByte = (value: number) => (value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value));

/** `f32(factor * d)` for every difference of two bytes, at index `d + 255`. */
function scaledDifferences(factor: number): Float32Array {
  const alpha = f32(factor);
  return Float32Array.from({ length: 511 }, (_, i) => f32(alpha * (i - 255)));
}

/** PIL's `Image.blend(degenerate, byte, factor)` for every byte: in float32, truncated, clamped where it extrapolates. */
function blendTable(degenerate: number, factor: number): Uint8Array {
  if (factor === 0) return new Uint8Array(256).fill(degenerate);
  if (factor === 1) return Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const scaled = scaledDifferences(factor);
  return Uint8Array.from({ length: 256 }, (_, byte) => clampByte(f32(degenerate + scaled[byte - degenerate + 255]!)));
}

/** Replaces every byte by its entry in the table. */
export function mapBytes({ data, width, height }: Pixels, table: Uint8Array): Pixels {
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = table[data[i]!]!;
  return { data: out, width, height };
}

function checkFactor(op: string, factor: number): void {
  if (!(factor >= 0)) throw new RangeError(`${op}: the factor is ${factor}, need a number >= 0`);
}

/** torchvision's `adjust_brightness`: factor 0 is black, 1 the image. @throws RangeError on a negative factor. */
export function adjustBrightness(image: Pixels, factor: number): Pixels {
  checkFactor("adjustBrightness", factor);
  return mapBytes(image, blendTable(0, factor));
}

/** torchvision's `adjust_contrast`: factor 0 is the mean luma everywhere, 1 the image. @throws RangeError on a negative factor. */
export function adjustContrast(image: Pixels, factor: number): Pixels {
  checkFactor("adjustContrast", factor);
  const { data } = image;
  let sum = 0;
  for (let i = 0; i < data.length; i += 3) sum += luma(data[i]!, data[i + 1]!, data[i + 2]!);
  return mapBytes(image, blendTable(Math.trunc(sum / (data.length / 3) + 0.5), factor));
}

/** torchvision's `adjust_saturation`: factor 0 is grey, 1 the image. @throws RangeError on a negative factor. */
export function adjustSaturation(image: Pixels, factor: number): Pixels {
  checkFactor("adjustSaturation", factor);
  const { data, width, height } = image;
  if (factor === 0) return grayscale(image);
  if (factor === 1) return { data: data.slice(), width, height };
  const scaled = scaledDifferences(factor);
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const grey = luma(data[i]!, data[i + 1]!, data[i + 2]!);
    for (let c = i; c < i + 3; c++) out[c] = clampByte(f32(grey + scaled[data[c]! - grey + 255]!));
  }
  return { data: out, width, height };
}

/** The luma in all three channels, as torchvision's `rgb_to_grayscale(image, 3)`. */
export function grayscale({ data, width, height }: Pixels): Pixels {
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) out.fill(luma(data[i]!, data[i + 1]!, data[i + 2]!), i, i + 3);
  return { data: out, width, height };
}

/** Blends two images of one size as PIL's `Image.blend(degenerate, image, factor)`. */
export function blend(degenerate: Pixels, { data, width, height }: Pixels, factor: number): Pixels {
  if (factor === 0 || factor === 1) return { data: (factor === 0 ? degenerate.data : data).slice(), width, height };
  const scaled = scaledDifferences(factor);
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const from = degenerate.data[i]!;
    out[i] = clampByte(f32(from + scaled[data[i]! - from + 255]!));
  }
  return { data: out, width, height };
}

/**
 * torchvision's `adjust_hue`: turns the hue by `factor` of a full circle, through PIL's 8-bit HSV. A factor of 0 is not
 * the identity, for HSV bytes hold fewer colours than RGB's.
 * @throws RangeError on a factor outside -0.5..0.5.
 */
export function adjustHue({ data, width, height }: Pixels, factor: number): Pixels {
  if (!(factor >= -0.5 && factor <= 0.5)) throw new RangeError(`adjustHue: the factor is ${factor}, need -0.5..0.5`);
  const shift = Math.trunc(factor * 255) & 255;
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) turnHue(data[i]!, data[i + 1]!, data[i + 2]!, shift, out, i);
  return { data: out, width, height };
}

/** One colour to HSV bytes, the hue moved by `shift` of 256, and back; float32 where PIL has a C float. */
function turnHue(r: number, g: number, b: number, shift: number, out: Uint8Array, at: number): void {
  const value = Math.max(r, g, b);
  const range = value - Math.min(r, g, b);
  if (range === 0) {
    out.fill(value, at, at + 3);
    return;
  }
  const saturation = Math.trunc(f32(range / value) * 255);
  const hue = (hueByte(r, g, b, value, range) + shift) & 255;
  if (saturation === 0) {
    out.fill(value, at, at + 3);
    return;
  }
  const sixths = (hue * 6) / 255;
  const sector = Math.floor(sixths);
  const f = f32(sixths - sector);
  const s = f32(saturation / 255);
  const p = Math.round(value * (1 - s));
  const q = Math.round(value * (1 - f32(s * f)));
  const t = Math.round(value * (1 - s * (1 - f)));
  const [red, green, blue] = SECTORS[sector % 6]!;
  const levels = [value, p, q, t];
  out[at] = levels[red]!;
  out[at + 1] = levels[green]!;
  out[at + 2] = levels[blue]!;
}

/** Which of value, p, q, t each channel is, by the sixth of the circle. */
const SECTORS = [
  [0, 3, 1],
  [2, 0, 1],
  [1, 0, 3],
  [1, 2, 0],
  [3, 1, 0],
  [0, 1, 2],
] as const;

function hueByte(r: number, g: number, b: number, value: number, range: number): number {
  const red = f32((value - r) / range);
  const green = f32((value - g) / range);
  const blue = f32((value - b) / range);
  const sixths = f32(r === value ? blue - green : g === value ? 2 + red - blue : 4 + green - red);
  return Math.trunc(f32((sixths / 6 + 1) % 1) * 255);
}
