import type { Rng } from "../core/rng.ts";
import type { Range } from "../core/spec.ts";
import type { Region } from "./resample.ts";

const f32 = Math.fround;

/** Python's `round`: halves to even. */
const round = (x: number) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

/** A float32 in low..high, as torch's `uniform_` makes it of a number in 0..1. */
export function uniform(random: Rng, [low, high]: Readonly<Range>): number {
  return f32(f32(random.uniform() * f32(f32(high) - f32(low))) + f32(low));
}

interface Size {
  width: number;
  height: number;
}

/** Draws before RandomResizedCrop gives up on a shape and takes the middle. */
const ATTEMPTS = 10;

/**
 * Where torchvision's `RandomResizedCrop` crops: a share of the area uniform in `scale`, an aspect ratio whose logarithm
 * is uniform, a corner uniform; the middle of the image after ten draws that do not fit.
 */
export function randomResizedCropRegion(
  size: Size,
  scale: Readonly<Range>,
  ratio: Readonly<Range>,
  random: Rng,
): Region {
  const area = size.width * size.height;
  const logRatio: Range = [f32(Math.log(f32(ratio[0]))), f32(Math.log(f32(ratio[1])))];
  for (let i = 0; i < ATTEMPTS; i++) {
    const target = area * uniform(random, scale);
    const aspect = f32(Math.exp(uniform(random, logRatio)));
    const width = round(Math.sqrt(target * aspect));
    const height = round(Math.sqrt(target / aspect));
    if (width > 0 && width <= size.width && height > 0 && height <= size.height) {
      const top = random.integer(size.height - height + 1);
      return { left: random.integer(size.width - width + 1), top, width, height };
    }
  }
  return fallbackRegion(size, ratio);
}

/** The largest region in the middle whose aspect ratio is within the bounds. */
export function fallbackRegion(size: Size, [least, most]: Readonly<Range>): Region {
  const aspect = size.width / size.height;
  const height = aspect < least ? round(size.width / least) : size.height;
  const width = aspect > most ? round(size.height * most) : size.width;
  return { left: (size.width - width) >> 1, top: (size.height - height) >> 1, width, height };
}

/** Where torchvision's `RandomCrop` crops a square. @throws RangeError when the image is smaller. */
export function randomCropRegion({ width, height }: Size, size: number, random: Rng): Region {
  if (width < size || height < size) {
    throw new RangeError(`randomCrop: the image is ${width} x ${height}, need at least ${size} x ${size}`);
  }
  if (width === size && height === size) return { left: 0, top: 0, width, height };
  const top = random.integer(height - size + 1);
  return { left: random.integer(width - size + 1), top, width: size, height: size };
}
