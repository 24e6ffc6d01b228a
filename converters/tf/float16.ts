import { HubError } from "../../src/core/errors.ts";

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/** Largest number that half precision holds. */
const LARGEST = 65504;

/**
 * IEEE half precision, rounded to nearest, halves to even.
 * @throws HubError `CHECKPOINT` when a value of the weight `name` is too large for it.
 */
export function toFloat16(values: Float32Array, name: string): Uint16Array {
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Math.abs(value) > LARGEST) {
      throw new HubError(
        "CHECKPOINT",
        `Cannot store ${name} in float16: it holds ${value}, more than ${LARGEST}. Use the dtype float32.`,
        { details: { weight: name, value } },
      );
    }
    halves[i] = half(value);
  }
  return halves;
}

function half(value: number): number {
  FLOAT[0] = value;
  const bits = BITS[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  // Below the smallest normal half: a multiple of 2^-24, which adding 0.5 rounds to.
  if (magnitude < 0x38800000) {
    FLOAT[0] = Math.abs(value) + 0.5;
    return sign | (BITS[0]! - 0x3f000000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}
