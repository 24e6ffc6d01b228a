import { roundHalfEven } from "../core/rounding.ts";
import { blend } from "./color.ts";
import type { Pixels } from "./pixels.ts";

const f32 = Math.fround;

/** torchvision's `adjust_sharpness`: factor 0 is PIL's 3 x 3 smoothing, 1 the image. @throws RangeError on a negative factor. */
export function adjustSharpness(image: Pixels, factor: number): Pixels {
  if (!(factor >= 0)) throw new RangeError(`adjustSharpness: the factor is ${factor}, need a number >= 0`);
  return blend(smooth(image), image, factor);
}

/** PIL's SMOOTH kernel: 5 in the middle, 1 around, over 13. The outermost pixels stay. */
function smooth({ data, width, height }: Pixels): Pixels {
  const out = data.slice();
  const stride = width * 3;
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * stride + 3; i < (y + 1) * stride - 3; i++) {
      let sum = 4 * data[i]!;
      for (let row = i - stride; row <= i + stride; row += stride) sum += data[row - 3]! + data[row]! + data[row + 3]!;
      // Thirteenths never lie on a half, so that whole numbers round as PIL's floats do.
      out[i] = Math.floor((2 * sum + 13) / 26);
    }
  }
  return { data: out, width, height };
}

/**
 * PIL's `ImageFilter.GaussianBlur`: three box blurs a direction whose fractional radius gives the Gaussian's variance,
 * rounded to 8 bits after each.
 * @param radius the Gaussian's standard deviation in pixels; 0 copies.
 * @throws RangeError on a negative radius.
 */
export function gaussianBlur({ data, width, height }: Pixels, radius: number): Pixels {
  if (!(radius >= 0)) throw new RangeError(`gaussianBlur: the radius is ${radius}, need a number >= 0`);
  if (radius === 0) return { data: data.slice(), width, height };
  const box = boxRadius(radius, PASSES);
  let from = data;
  let [to, spare] = [new Uint8Array(data.length), new Uint8Array(data.length)];
  const stride = width * 3;
  for (let pass = 0; pass < 2 * PASSES; pass++) {
    if (pass < PASSES) for (let y = 0; y < height; y++) boxBlur(from, to, y * stride, 3, width, 3, box);
    else boxBlur(from, to, 0, stride, height, stride, box);
    [from, to, spare] = [to, spare, to];
  }
  return { data: from, width, height };
}

const PASSES = 3;

/** Radius of the box whose repeated blur has the Gaussian's variance, in float32 as PIL computes it. */
function boxRadius(sigma: number, passes: number): number {
  const variance = f32(f32(f32(sigma) * f32(sigma)) / passes);
  const side = f32(Math.sqrt(12 * variance + 1));
  const whole = f32(Math.floor((side - 1) / 2));
  const next = f32(whole + 1);
  const above = f32(f32(2 * whole + 1) * f32(f32(whole * next) - f32(3 * variance)));
  const below = f32(6 * f32(variance - f32(next * next)));
  return f32(whole + f32(above / below));
}

/**
 * Box blur of `lanes` neighbouring bytes at once, each along its own line of `n` samples that are `step` apart; beyond
 * its ends a line goes on with its last sample. 24-bit fixed point.
 */
function boxBlur(
  from: Uint8Array,
  to: Uint8Array,
  start: number,
  step: number,
  n: number,
  lanes: number,
  radius: number,
): void {
  const whole = Math.trunc(radius);
  const inner = Math.trunc(f32(2 ** 24 / f32(2 * radius + 1)));
  const outer = (2 ** 24 - (2 * whole + 1) * inner) >> 1;
  const at = (i: number) => start + Math.min(n - 1, Math.max(0, i)) * step;
  const sums = new Int32Array(lanes);
  for (let i = -whole; i <= whole; i++) for (let lane = 0; lane < lanes; lane++) sums[lane]! += from[at(i) + lane]!;
  for (let i = 0; i < n; i++) {
    const [here, left, right] = [at(i), at(i - whole - 1), at(i + whole + 1)];
    const drop = at(i - whole);
    for (let lane = 0; lane < lanes; lane++) {
      const after = from[right + lane]!;
      // Up to 2^32: a double holds it, and >>> takes it as unsigned.
      to[here + lane] = (inner * sums[lane]! + outer * (from[left + lane]! + after) + 2 ** 23) >>> 24;
      sums[lane]! += after - from[drop + lane]!;
    }
  }
}

/**
 * torchvision's own `gaussian_blur`, of a kernel that is cut off at its size, with reflected borders. Differs from
 * torchvision by at most 1, as its float32 sums differ between machines.
 * @param kernel side of the kernel in pixels, odd; its half must be smaller than the image.
 * @param sigma standard deviation in pixels.
 * @throws RangeError on an even kernel, one too large, or a sigma that is not positive.
 */
export function kernelGaussianBlur({ data, width, height }: Pixels, kernel: number, sigma: number): Pixels {
  const half = (kernel - 1) / 2;
  if (!Number.isInteger(half) || half < 0 || !(sigma > 0) || half >= width || half >= height) {
    throw new RangeError(
      `kernelGaussianBlur: kernel ${kernel}, sigma ${sigma} on ${width} x ${height}; need an odd kernel whose half is smaller than the image, and sigma > 0`,
    );
  }
  const weights = Float64Array.from({ length: kernel }, (_, i) => Math.exp(-0.5 * ((i - half) / sigma) ** 2));
  const total = weights.reduce((a, b) => a + b);
  for (let i = 0; i < kernel; i++) weights[i]! /= total;
  const stride = width * 3;
  const rows = new Float64Array(data.length);
  for (let y = 0; y < height; y++) convolve(data, rows, y * stride, 3, width, 3, weights);
  const sums = new Float64Array(data.length);
  convolve(rows, sums, 0, stride, height, stride, weights);
  return { data: Uint8Array.from(sums, roundHalfEven), width, height };
}

/** As {@link boxBlur}, by any symmetric kernel, with lines reflected at their ends. */
function convolve(
  from: Uint8Array | Float64Array,
  to: Float64Array,
  start: number,
  step: number,
  n: number,
  lanes: number,
  weights: Float64Array,
): void {
  const half = weights.length >> 1;
  for (let i = 0; i < n; i++) {
    for (let k = -half; k <= half; k++) {
      const j = Math.abs(i + k);
      const at = start + (j < n ? j : 2 * (n - 1) - j) * step;
      const weight = weights[k + half]!;
      for (let lane = 0; lane < lanes; lane++) to[start + i * step + lane]! += weight * from[at + lane]!;
    }
  }
}
