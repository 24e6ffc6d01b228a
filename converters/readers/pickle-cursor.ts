import { damaged } from "./bytes.ts";

/** Longest text line (module, class, number) a pickle may hold. */
const MAX_LINE = 4096;
/** Longest integer in bytes; Python's own are 4 or 8 in any checkpoint, torch's magic number is 10. */
const MAX_INT_BYTES = 256;

/** A long text or byte string that was left in the file: where its bytes are. */
export class Span {
  readonly offset: number;
  readonly length: number;
  /** Text is UTF-8 in the file. */
  readonly kind: "bytes" | "text";
  constructor(offset: number, length: number, kind: "bytes" | "text") {
    this.offset = offset;
    this.length = length;
    this.kind = kind;
  }
}

/** The part of a file that a cursor has at hand. */
export interface Window {
  data: Uint8Array;
  /** Where `data` begins in the file, and where the file ends. */
  base: number;
  size: number;
  /** Strings longer than this are passed over as {@link Span}s. */
  longest: number;
}

/** Bytes that must be at hand where an opcode starts: a string of `longest`, or the two lines of a global. */
export const aheadOf = (longest: number) => Math.max(longest, 2 * MAX_LINE) + 64;

/** Reads a pickle's bytes in order. Running past the end is `CHECKPOINT` with `details.truncated`. */
export interface Cursor {
  readonly at: number;
  byte(): number;
  uint(bytes: 1 | 2 | 4 | 8): number;
  int32(): number;
  double(): number;
  /** A little-endian two's complement integer. */
  long(bytes: number): number | bigint;
  bytes(length: number): Uint8Array | Span;
  text(length: number): string | Span;
  /** Up to the next newline, which is passed. */
  line(): string;
}

/** @param window may be exchanged for another part of the file between two opcodes. */
export function cursor(window: Window, start: number, name: string): Cursor {
  let at = start;
  /** Passes `length` bytes; returns where they lie in the window. */
  const pass = (length: number): number => {
    if (length > window.size - at) {
      throw damaged(`${name} ends at byte ${window.size} in the middle of a value`, { truncated: true });
    }
    at += length;
    return at - length - window.base;
  };
  const view = (length: number) => new DataView(window.data.buffer, window.data.byteOffset + pass(length), length);
  const rest = (length: number) => window.data.subarray(at - window.base, at - window.base + length);
  const string = <T>(length: number, kind: Span["kind"], read: (part: Uint8Array) => T): T | Span => {
    const from = pass(length);
    if (length > window.longest) return new Span(at - length, length, kind);
    return read(window.data.subarray(from, from + length));
  };
  return {
    get at() {
      return at;
    },
    byte: () => window.data[pass(1)]!,
    uint: (bytes) => {
      if (bytes === 1) return window.data[pass(1)]!;
      if (bytes === 2) return view(2).getUint16(0, true);
      if (bytes === 4) return view(4).getUint32(0, true);
      return Number(view(8).getBigUint64(0, true));
    },
    int32: () => view(4).getInt32(0, true),
    double: () => view(8).getFloat64(0, false),
    long: (bytes) => {
      if (bytes > MAX_INT_BYTES) throw damaged(`${name} holds an integer of ${bytes} bytes at byte ${at}`);
      if (bytes === 0) return 0;
      const from = pass(bytes);
      const digits = Buffer.from(window.data.slice(from, from + bytes))
        .reverse()
        .toString("hex");
      return narrow(BigInt.asIntN(bytes * 8, BigInt(`0x${digits}`)));
    },
    bytes: (length) => string(length, "bytes", (part) => part.slice()),
    text: (length) => string(length, "text", decode),
    line: () => {
      const end = rest(MAX_LINE).indexOf(10);
      if (end < 0 && window.size - at > MAX_LINE) throw damaged(`${name} holds an endless line at byte ${at}`);
      const length = end < 0 ? window.size - at + 1 : end + 1;
      const from = pass(length);
      return decode(window.data.subarray(from, from + length - 1));
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
