import { broken, MAX_PIXELS, type Pixels } from "./pixels.ts";
import { resizeByKernel } from "./resize-kernel.ts";

/** PIL's resampling filters. */
export type Filter = "nearest" | "box" | "bilinear" | "hamming" | "bicubic" | "lanczos";

/** A rectangle of the resized image. */
export interface Region {
  left: number;
  top: number;
  width: number;
  height: number;
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

const A = -0.5;
const cubic = (x: number) =>
  x < 1 ? ((A + 2) * x - (A + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * A : 0;

/** Half width at scale 1, and the kernel. */
const KERNELS: Record<Exclude<Filter, "nearest">, { support: number; at: (x: number) => number }> = {
  box: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, at: (x) => (Math.abs(x) < 1 ? sinc(x) * (0.54 + 0.46 * Math.cos(x * Math.PI)) : 0) },
  bicubic: { support: 2, at: (x) => cubic(Math.abs(x)) },
  lanczos: { support: 3, at: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Fractional bits of a fixed-point weight: 32 less 8 of the pixel less 2 for the overshoot of negative lobes. */
const BITS = 22;
const HALF = 1 << (BITS - 1);

/** Weights of one axis for the output indices asked for: index `i` reads `count[i]` inputs from `start[i]` on. */
export interface Axis {
  start: Int32Array;
  count: Int32Array;
  /** `[outputs * taps]`, fixed point. */
  weights: Int32Array;
  taps: number;
}

/**
 * Resizes as PIL 9.4's `Image.resize` does on 8-bit RGB, to the bit: a separable antialiased filter in fixed point,
 * horizontal pass first, 8 bits in between. Not torch's `interpolate`, not OpenCV's, not sharp's.
 *
 * @param region Computes only this part of the resized image (a crop that follows costs nothing then).
 * @throws RangeError on a size that is not a positive integer, or a region outside of it.
 * @throws HubError `IMAGE` when the result has more pixels than {@link MAX_PIXELS}.
 */
export function resize(image: Pixels, width: number, height: number, filter: Filter, region?: Region): Pixels {
  return resample(image, width, height, filter, region, true);
}

/** {@link resize} in WebAssembly SIMD where that can be had (`kernel`), or in plain JavaScript: the bytes are the same. */
export function resample(
  image: Pixels,
  width: number,
  height: number,
  filter: Filter,
  region: Region | undefined,
  kernel: boolean,
): Pixels {
  const part = region ?? { left: 0, top: 0, width, height };
  checkTarget(width, height, part);
  if (filter === "nearest") return nearest(image, width, height, part);
  if (!Object.hasOwn(KERNELS, filter)) throw new TypeError(`resize: no filter ${JSON.stringify(filter)}`);
  const vertical = height === image.height ? undefined : axis(image.height, height, part.top, part.height, filter);
  const horizontal = width === image.width ? undefined : axis(image.width, width, part.left, part.width, filter);
  // The vertical pass reads only these rows.
  const top = vertical ? vertical.start[0]! : part.top;
  const bottom = vertical ? vertical.start[part.height - 1]! + vertical.count[part.height - 1]! : top + part.height;
  if (horizontal && vertical && kernel) {
    const done = resizeByKernel(image, horizontal, vertical, top, bottom);
    if (done !== undefined) return done;
  }
  const rows = horizontal
    ? horizontalPass(image, horizontal, part.width, top, bottom)
    : cut(image, { left: part.left, top, width: part.width, height: bottom - top });
  return vertical ? verticalPass(rows, vertical, part.height, top) : rows;
}

function checkTarget(width: number, height: number, part: Region): void {
  const counts = [width, height, part.width, part.height];
  const inside = part.left >= 0 && part.top >= 0 && part.left + part.width <= width && part.top + part.height <= height;
  if (!counts.every((n) => Number.isSafeInteger(n) && n > 0) || !inside) {
    throw new RangeError(
      `resize: ${part.width} x ${part.height} at (${part.left}, ${part.top}) of ${width} x ${height}`,
    );
  }
  if (part.width * part.height > MAX_PIXELS) {
    throw broken(`resized it would have ${part.width} x ${part.height} pixels, the limit is ${MAX_PIXELS}`);
  }
}

function axis(input: number, output: number, from: number, length: number, filter: Exclude<Filter, "nearest">): Axis {
  const kernel = KERNELS[filter];
  const scale = input / output;
  const stretch = Math.max(scale, 1);
  const support = kernel.support * stretch;
  const inverse = 1 / stretch;
  const taps = Math.min(input, Math.ceil(support) * 2 + 1);
  const start = new Int32Array(length);
  const count = new Int32Array(length);
  const weights = new Int32Array(length * taps);
  const exact = new Float64Array(taps);
  for (let i = 0; i < length; i++) {
    const center = (from + i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(center - support + 0.5));
    const n = Math.min(input, Math.trunc(center + support + 0.5)) - low;
    let sum = 0;
    for (let j = 0; j < n; j++) {
      exact[j] = kernel.at((j + low - center + 0.5) * inverse);
      sum += exact[j]!;
    }
    for (let j = 0; j < n; j++) {
      const w = sum === 0 ? exact[j]! : exact[j]! / sum;
      weights[i * taps + j] = Math.trunc(w * (1 << BITS) + (w < 0 ? -0.5 : 0.5));
    }
    start[i] = low;
    count[i] = n;
  }
  return { start, count, weights, taps };
}

function horizontalPass(image: Pixels, { start, count, weights, taps }: Axis, width: number, top: number, end: number) {
  const source = image.data;
  const stride = image.width * 3;
  // A clamped array does the rounding off at 0 and 255.
  const out = new Uint8ClampedArray((end - top) * width * 3);
  let to = 0;
  for (let y = top; y < end; y++) {
    const row = y * stride;
    for (let x = 0; x < width; x++) {
      let r = HALF;
      let g = HALF;
      let b = HALF;
      let at = row + start[x]! * 3;
      const last = x * taps + count[x]!;
      for (let k = x * taps; k < last; k++, at += 3) {
        const w = weights[k]!;
        r = (r + Math.imul(w, source[at]!)) | 0;
        g = (g + Math.imul(w, source[at + 1]!)) | 0;
        b = (b + Math.imul(w, source[at + 2]!)) | 0;
      }
      out[to] = r >> BITS;
      out[to + 1] = g >> BITS;
      out[to + 2] = b >> BITS;
      to += 3;
    }
  }
  return { data: new Uint8Array(out.buffer), width, height: end - top };
}

function verticalPass(rows: Pixels, { start, count, weights, taps }: Axis, height: number, top: number): Pixels {
  const source = rows.data;
  const stride = rows.width * 3;
  const out = new Uint8ClampedArray(height * stride);
  const sums = new Int32Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    let at = (start[y]! - top) * stride;
    const last = y * taps + count[y]!;
    for (let k = y * taps; k < last; k++, at += stride) {
      const w = weights[k]!;
      for (let x = 0; x < stride; x++) sums[x] = (sums[x]! + Math.imul(w, source[at + x]!)) | 0;
    }
    const to = y * stride;
    for (let x = 0; x < stride; x++) out[to + x] = sums[x]! >> BITS;
  }
  return { data: new Uint8Array(out.buffer), width: rows.width, height };
}

/** Copies a region that lies inside the image. */
export function cut(image: Pixels, { left, top, width, height }: Region): Pixels {
  const stride = image.width * 3;
  if (width === image.width) return { data: image.data.slice(top * stride, (top + height) * stride), width, height };
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = (top + y) * stride + left * 3;
    data.set(image.data.subarray(from, from + width * 3), y * width * 3);
  }
  return { data, width, height };
}

function nearest(image: Pixels, width: number, height: number, part: Region): Pixels {
  if (width === image.width && height === image.height) return cut(image, part);
  const columns = steps(image.width, width, part.left, part.width);
  const lines = steps(image.height, height, part.top, part.height);
  const data = new Uint8Array(part.width * part.height * 3);
  let to = 0;
  for (const y of lines) {
    for (const x of columns) {
      const from = (y * image.width + x) * 3;
      data[to++] = image.data[from]!;
      data[to++] = image.data[from + 1]!;
      data[to++] = image.data[from + 2]!;
    }
  }
  return { data, width: part.width, height: part.height };
}

/** Source indices of nearest: PIL adds the step up, so its rounding errors add up too. */
function steps(input: number, output: number, from: number, length: number): Int32Array {
  const step = input / output;
  const index = new Int32Array(length);
  let at = step * 0.5;
  for (let i = 0; i < from + length; i++, at += step) if (i >= from) index[i - from] = Math.min(input - 1, at);
  return index;
}
