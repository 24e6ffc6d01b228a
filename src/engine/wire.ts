const VARINT = 0;
const LENGTH = 2;
const FOUR_BYTES = 5;
/** Bytes that the length of a message takes: what comes first is written before it is known. */
const LENGTH_BYTES = 4;

/**
 * Writes protocol buffers' wire format: a field is its number and kind, then a varint, four bytes, or a length and so many
 * bytes. Into one array, in one go: a graph is ten thousand fields of a few bytes.
 */
export class Wire {
  private array = new Uint8Array(2 ** 16);
  private end = 0;

  int(number: number, value: string | number): void {
    this.tag(number, VARINT);
    this.varint(value);
  }

  float(number: number, value: number): void {
    this.tag(number, FOUR_BYTES);
    this.put(new Uint8Array(Float32Array.of(value).buffer));
  }

  text(number: number, content: string): void {
    this.bytes(number, Buffer.from(content));
  }

  bytes(number: number, content: Uint8Array): void {
    this.tag(number, LENGTH);
    this.varint(content.length);
    this.put(content);
  }

  /** A field that holds the fields which `write` writes: less than 256 MiB. */
  message(number: number, write: () => void): void {
    this.tag(number, LENGTH);
    const start = this.end;
    this.room(LENGTH_BYTES);
    this.end += LENGTH_BYTES;
    write();
    let length = this.end - start - LENGTH_BYTES;
    // A varint may be longer than it need be.
    for (let i = 0; i < LENGTH_BYTES; i++, length >>= 7) {
      this.array[start + i] = (length & 127) | (i < LENGTH_BYTES - 1 ? 128 : 0);
    }
  }

  written(): Uint8Array {
    return this.array.subarray(0, this.end);
  }

  private tag(number: number, kind: number): void {
    this.varint((number << 3) | kind);
  }

  private varint(value: string | number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    this.room(10);
    for (; rest > 127n; rest >>= 7n) this.array[this.end++] = Number(rest & 127n) | 128;
    this.array[this.end++] = Number(rest);
  }

  private put(content: Uint8Array): void {
    this.room(content.length);
    this.array.set(content, this.end);
    this.end += content.length;
  }

  private room(bytes: number): void {
    if (this.end + bytes <= this.array.length) return;
    const larger = new Uint8Array(2 * (this.end + bytes));
    larger.set(this.array);
    this.array = larger;
  }
}
