import { damaged } from "./bytes.ts";

/** Longest text line (module, class, number) a pickle may hold. */
const MAX_LINE = 4096;
/** Longest integer in bytes; Python's own are 4 or 8 in any checkpoint, torch's magic number is 10. */
const MAX_INT_BYTES = 256;

/** Reads a pickle's bytes in order. Running past the end is `CHECKPOINT` with `details.truncated`. */
export interface Cursor {
  readonly at: number;
  byte(): number;
  uint(bytes: 1 | 2 | 4 | 8): number;
  int32(): number;
  double(): number;
  /** A little-endian two's complement integer. */
  long(bytes: number): number | bigint;
  take(length: number): Uint8Array;
  text(length: number): string;
  /** Up to the next newline, which is passed. */
  line(): string;
}

export function cursor(data: Uint8Array, start: number, name: string): Cursor {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = start;
  const pass = (length: number): number => {
    if (length > data.length - at) {
      throw damaged(`${name} ends at byte ${data.length} in the middle of a value`, { truncated: true });
    }
    at += length;
    return at - length;
  };
  const take = (length: number) => data.slice(pass(length), at);
  return {
    get at() {
      return at;
    },
    byte: () => view.getUint8(pass(1)),
    uint: (bytes) => {
      const from = pass(bytes);
      if (bytes === 1) return view.getUint8(from);
      if (bytes === 2) return view.getUint16(from, true);
      if (bytes === 4) return view.getUint32(from, true);
      return Number(view.getBigUint64(from, true));
    },
    int32: () => view.getInt32(pass(4), true),
    double: () => view.getFloat64(pass(8), false),
    long: (bytes) => {
      if (bytes > MAX_INT_BYTES) throw damaged(`${name} holds an integer of ${bytes} bytes at byte ${at}`);
      if (bytes === 0) return 0;
      const digits = Buffer.from(take(bytes)).reverse().toString("hex");
      return narrow(BigInt.asIntN(bytes * 8, BigInt(`0x${digits}`)));
    },
    take,
    text: (length) => decode(data.subarray(pass(length), at)),
    line: () => {
      const end = data.subarray(at, at + MAX_LINE).indexOf(10);
      if (end < 0 && data.length - at > MAX_LINE) throw damaged(`${name} holds an endless line at byte ${at}`);
      const from = pass(end < 0 ? data.length - at + 1 : end + 1);
      return decode(data.subarray(from, at - 1));
    },
  };
}

/** A bigint only where a number would not be exact. */
export function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Python's text is UTF-8 ("surrogatepass"); byte strings of Python 2 may be anything, and stay readable. */
function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}
