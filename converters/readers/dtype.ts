import { endianness } from "node:os";

export type DType =
  | "float64"
  | "float32"
  | "float16"
  | "bfloat16"
  | "int64"
  | "int32"
  | "int16"
  | "int8"
  | "uint8"
  | "bool";

export const ITEM_BYTES: Record<DType, number> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
};

type Cast = (data: ArrayBuffer) => Float32Array;

/** Values in the machine's byte order to float32, each rounded once, to nearest even. */
const CASTS: Record<DType, Cast> = {
  float32: (data) => new Float32Array(data),
  float64: (data) => new Float32Array(new Float64Array(data)),
  float16: (data) => {
    const table = halfTable();
    return Float32Array.from(new Uint16Array(data), (bits) => table[bits]!);
  },
  bfloat16: (data) => new Float32Array(Uint32Array.from(new Uint16Array(data), (bits) => bits << 16).buffer),
  int64: (data) => {
    const values = new BigInt64Array(data);
    return Float32Array.from({ length: values.length }, (_, i) => longToFloat(values[i]!));
  },
  int32: (data) => new Float32Array(new Int32Array(data)),
  int16: (data) => new Float32Array(new Int16Array(data)),
  int8: (data) => new Float32Array(new Int8Array(data)),
  uint8: (data) => new Float32Array(new Uint8Array(data)),
  bool: (data) => Float32Array.from(new Uint8Array(data), (byte) => (byte === 0 ? 0 : 1)),
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

let halves: Float32Array | undefined;

/** The value of each of the 65536 float16 patterns. */
function halfTable(): Float32Array {
  halves ??= Float32Array.from({ length: 65536 }, (_, bits) => {
    const sign = bits >> 15 ? -1 : 1;
    const [exponent, mantissa] = [(bits >> 10) & 31, bits & 1023];
    if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1024 + mantissa) * 2 ** (exponent - 25);
  });
  return halves;
}

/** Beyond 2^53 a detour by float64 would round twice: the bits cut off first are kept as one sticky bit. */
function longToFloat(value: bigint): number {
  if (Number.isSafeInteger(Number(value))) return Number(value);
  const high = value >> 16n;
  return Number(high << 16n === value ? high : high | 1n) * 65536;
}
