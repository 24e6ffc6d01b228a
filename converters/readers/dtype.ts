import { endianness } from "node:os";

export type DType =
  | "float64"
  | "float32"
  | "float16"
  | "bfloat16"
  | "float8_e4m3fn"
  | "float8_e5m2"
  | "int64"
  | "int32"
  | "int16"
  | "int8"
  | "uint64"
  | "uint32"
  | "uint16"
  | "uint8"
  | "bool";

export const ITEM_BYTES: Record<DType, number> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  float8_e4m3fn: 1,
  float8_e5m2: 1,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint64: 8,
  uint32: 4,
  uint16: 2,
  uint8: 1,
  bool: 1,
};

type Cast = (data: ArrayBuffer) => Float32Array;
interface Elements<T> {
  readonly length: number;
  readonly [index: number]: T;
}

/** Element by element into one new array: `Float32Array.from` would go through a list of boxed numbers. */
function mapped<T>(from: Elements<T>, cast: (value: T) => number): Float32Array {
  const out = new Float32Array(from.length);
  for (let i = 0; i < out.length; i++) out[i] = cast(from[i]!);
  return out;
}

/** Looks each bit pattern up. The table is made at its first use. */
function looked(patterns: 256 | 65536, value: (bits: number) => number) {
  let table: Float32Array | undefined;
  return (bits: Elements<number>): Float32Array => {
    table ??= Float32Array.from({ length: patterns }, (_, pattern) => value(pattern));
    const values = table;
    return mapped(bits, (pattern) => values[pattern]!);
  };
}

const halves = looked(65536, half);
const eighths = looked(256, e4m3);
// float8_e5m2 is the upper half of a float16.
const quarters = looked(256, (bits) => half(bits << 8));

/** Values in the machine's byte order to float32, each rounded once, to nearest even. */
const CASTS: Record<DType, Cast> = {
  float32: (data) => new Float32Array(data),
  float64: (data) => new Float32Array(new Float64Array(data)),
  float16: (data) => halves(new Uint16Array(data)),
  bfloat16: (data) => {
    const bits = new Uint16Array(data);
    const out = new Uint32Array(bits.length);
    for (let i = 0; i < bits.length; i++) out[i] = bits[i]! << 16;
    return new Float32Array(out.buffer);
  },
  float8_e4m3fn: (data) => eighths(new Uint8Array(data)),
  float8_e5m2: (data) => quarters(new Uint8Array(data)),
  int64: (data) => mapped(new BigInt64Array(data), longToFloat),
  int32: (data) => new Float32Array(new Int32Array(data)),
  int16: (data) => new Float32Array(new Int16Array(data)),
  int8: (data) => new Float32Array(new Int8Array(data)),
  uint64: (data) => mapped(new BigUint64Array(data), longToFloat),
  uint32: (data) => new Float32Array(new Uint32Array(data)),
  uint16: (data) => new Float32Array(new Uint16Array(data)),
  uint8: (data) => new Float32Array(new Uint8Array(data)),
  bool: (data) => mapped(new Uint8Array(data), (byte) => (byte === 0 ? 0 : 1)),
};

/** Raw elements as float32, as torch's `.float()` gives them. Takes the memory of `data`, which may be changed. */
export function toFloat32(dtype: DType, data: Uint8Array, bigEndian: boolean): Float32Array {
  const size = ITEM_BYTES[dtype];
  if (size > 1 && bigEndian !== (endianness() === "BE")) reverseItems(data, size);
  const whole = data.byteOffset === 0 && data.byteLength === data.buffer.byteLength;
  return CASTS[dtype]((whole ? data : data.slice()).buffer as ArrayBuffer);
}

function reverseItems(data: Uint8Array, size: number): void {
  for (let at = 0; at < data.length; at += size) data.subarray(at, at + size).reverse();
}

/** float16: 1 sign, 5 exponent, 10 mantissa bits. */
function half(bits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const [exponent, mantissa] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/** float8_e4m3fn: 1 sign, 4 exponent, 3 mantissa bits; no infinities, all ones is NaN. */
function e4m3(bits: number): number {
  const sign = bits >> 7 ? -1 : 1;
  const [exponent, mantissa] = [(bits >> 3) & 15, bits & 7];
  if (exponent === 15 && mantissa === 7) return Number.NaN;
  return exponent === 0 ? sign * mantissa * 2 ** -9 : sign * (8 + mantissa) * 2 ** (exponent - 10);
}

/** Beyond 2^53 a detour by float64 would round twice: the bits cut off first are kept as one sticky bit. */
function longToFloat(value: bigint): number {
  if (Number.isSafeInteger(Number(value))) return Number(value);
  const high = value >> 16n;
  return Number(high << 16n === value ? high : high | 1n) * 65536;
}
