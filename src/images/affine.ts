import type { Pixels } from "./pixels.ts";

/** The place in the image that a pixel (x, y) of the result comes from: `(m0 x + m1 y + m2, m3 x + m4 y + m5)`. */
export type Matrix = [number, number, number, number, number, number];

/** PIL's `Image.transform(image.size, AFFINE, matrix, NEAREST)`: the size stays, outside is black. */
export function affine(image: Pixels, matrix: Readonly<Matrix>): Pixels {
  if (matrix[1] === 0 && matrix[3] === 0) return sample(image, byTables(image, matrix));
  return sample(image, fitsFixedPoint(image, matrix) ? byFixedPoint(matrix) : byFloats(matrix));
}

/** Column and row of the image that a pixel of the result is copied from; may lie outside. */
type Source = (x: number, y: number) => readonly [x: number, y: number];

function sample(image: Pixels, source: Source): Pixels {
  const { data, width, height } = image;
  const out = new Uint8Array(data.length);
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const [column, row] = source(x, y);
      if (column < 0 || column >= width || row < 0 || row >= height) continue;
      const from = (row * width + column) * 3;
      out[to] = data[from]!;
      out[to + 1] = data[from + 1]!;
      out[to + 2] = data[from + 2]!;
    }
  }
  return { data: out, width, height };
}

const whole = (at: number) => (at < 0 ? -1 : Math.trunc(at));

/** Without rotation or shear PIL adds the step up, column by column and row by row. */
function byTables({ width, height }: Pixels, [m0, , m2, , m4, m5]: Readonly<Matrix>): Source {
  const columns = steps(m2 + m0 / 2, m0, width);
  const rows = steps(m5 + m4 / 2, m4, height);
  return (x, y) => [columns[x]!, rows[y]!];
}

function steps(start: number, step: number, n: number): Int32Array {
  const at = new Int32Array(n);
  for (let i = 0, sum = start; i < n; i++, sum += step) at[i] = Math.min(2 ** 31 - 1, whole(sum));
  return at;
}

/** 16.16 fixed point, as PIL computes where no coordinate reaches 2^15. */
function byFixedPoint([m0, m1, m2, m3, m4, m5]: Readonly<Matrix>): Source {
  const fix = (v: number) => Math.floor(v * 65536 + 0.5);
  const [a0, a1, a3, a4] = [fix(m0), fix(m1), fix(m3), fix(m4)];
  const a2 = fix(m2 + m0 / 2 + m1 / 2);
  const a5 = fix(m5 + m3 / 2 + m4 / 2);
  return (x, y) => [(a2 + a0 * x + a1 * y) >> 16, (a5 + a3 * x + a4 * y) >> 16];
}

function byFloats([m0, m1, m2, m3, m4, m5]: Readonly<Matrix>): Source {
  return (x, y) => [whole(m0 * (x + 0.5) + m1 * (y + 0.5) + m2), whole(m3 * (x + 0.5) + m4 * (y + 0.5) + m5)];
}

function fitsFixedPoint({ width, height }: Pixels, [m0, m1, m2, m3, m4, m5]: Readonly<Matrix>): boolean {
  const fits = (x: number, y: number) =>
    Math.abs(m0 * x + m1 * y + m2) < 32768 && Math.abs(m3 * x + m4 * y + m5) < 32768;
  const [right, bottom] = [width - 1, height - 1];
  return fits(0, 0) && fits(right, bottom) && fits(0, bottom) && fits(right, 0);
}

const radians = (degrees: number) => degrees * (Math.PI / 180);

/** PIL's `Image.rotate(degrees)` about the centre, counter-clockwise: nearest pixel, size kept, black outside. */
export function rotate(image: Pixels, degrees: number): Pixels {
  const { width, height } = image;
  const turn = degrees % 360;
  const angle = turn < 0 ? turn + 360 : turn;
  const [right, bottom] = [width - 1, height - 1];
  if (angle === 0) return { ...image, data: image.data.slice() };
  if (angle === 180) return sample(image, (x, y) => [right - x, bottom - y]);
  if (angle === 90 && width === height) return sample(image, (x, y) => [right - y, x]);
  if (angle === 270 && width === height) return sample(image, (x, y) => [y, right - x]);
  // PIL rounds to 15 decimals.
  const cos = Number(Math.cos(radians(angle)).toFixed(15));
  const sin = Number(Math.sin(-radians(angle)).toFixed(15));
  const [x, y] = [width / 2, height / 2];
  return affine(image, [cos, sin, cos * -x + sin * -y + x, -sin, cos, -sin * -x + cos * -y + y]);
}

/** By way of an angle in degrees, as torchvision has it. */
const shearAngle = (magnitude: number) => radians(Math.atan(magnitude) * (180 / Math.PI));

/** torchvision's ShearX as RandAugment uses it: row y moves `magnitude * y` to the left; black comes in. */
export function shearX(image: Pixels, magnitude: number): Pixels {
  return affine(image, [1, Math.tan(shearAngle(magnitude)), 0, 0, 1, 0]);
}

/** As {@link shearX}: column x moves `magnitude * x` up. */
export function shearY(image: Pixels, magnitude: number): Pixels {
  const angle = shearAngle(magnitude);
  return affine(image, [1, 0, 0, Math.sin(angle) / Math.cos(angle), 1, 0]);
}

/** Moves the image to the right by whole pixels (the fraction is dropped); black comes in. */
export function translateX(image: Pixels, pixels: number): Pixels {
  return affine(image, [1, 0, -Math.trunc(pixels), 0, 1, 0]);
}

/** As {@link translateX}, down. */
export function translateY(image: Pixels, pixels: number): Pixels {
  return affine(image, [1, 0, 0, 0, 1, -Math.trunc(pixels)]);
}
