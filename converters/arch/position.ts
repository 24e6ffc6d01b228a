import type { VitArch } from "../../src/core/spec.ts";

/**
 * Resizes a position table `[1 + from^2, dim]`, class token first, to `[1 + to^2, dim]` as PyTorch's bicubic
 * `interpolate` with `align_corners=false` and a scale factor does: coordinates are divided by the factor given, not by
 * the ratio of the sizes. timm gives to / from, DINO (to + 0.1) / from.
 */
export function resizePositions(
  table: Float32Array,
  from: number,
  to: number,
  dim: number,
  rule: NonNullable<VitArch["positionRule"]>,
): Float32Array {
  if (from === to) return table;
  const taps = cubicTaps(from, to, rule === "dino" ? (to + 0.1) / from : to / from);
  const resized = new Float32Array((1 + to * to) * dim);
  resized.set(table.subarray(0, dim));
  const rows = new Float64Array(from * to * dim);
  // Width first, then height.
  for (let y = 0; y < from; y++) {
    for (let x = 0; x < to; x++) {
      for (const { at, weight } of taps[x]!) {
        const source = (1 + y * from + at) * dim;
        for (let c = 0; c < dim; c++) rows[(y * to + x) * dim + c]! += weight * table[source + c]!;
      }
    }
  }
  for (let y = 0; y < to; y++) {
    for (let x = 0; x < to; x++) {
      for (let c = 0; c < dim; c++) {
        const value = taps[y]!.reduce((sum, { at, weight }) => sum + weight * rows[(at * to + x) * dim + c]!, 0);
        resized[(1 + y * to + x) * dim + c] = value;
      }
    }
  }
  return resized;
}

/** Of each output position the four inputs it is made of; positions past the edge are the edge's. */
function cubicTaps(from: number, to: number, scale: number): { at: number; weight: number }[][] {
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) / scale - 0.5;
    const first = Math.floor(centre) - 1;
    return [0, 1, 2, 3].map((k) => ({
      at: Math.min(from - 1, Math.max(0, first + k)),
      weight: cubic(centre - (first + k)),
    }));
  });
}

/** Keys' cubic convolution kernel with a = -0.75, PyTorch's. */
function cubic(distance: number): number {
  const a = -0.75;
  const d = Math.abs(distance);
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  return d < 2 ? a * (d ** 3 - 5 * d ** 2 + 8 * d - 4) : 0;
}
