/** Bytes of a pickle by hand: text is taken as Latin-1, numbers are single bytes. Protocol 2, STOP at the end. */
export function pickle(...parts: (string | number)[]): Uint8Array {
  return Buffer.concat([Buffer.from([0x80, 2]), bytes(...parts), Buffer.from(".")]);
}

export function bytes(...parts: (string | number)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === "number" ? Buffer.from([part]) : Buffer.from(part, "latin1"))),
  );
}

/** BINUNICODE. */
export function text(value: string): string {
  return `X${le32(Buffer.byteLength(value))}${Buffer.from(value).toString("latin1")}`;
}

/** BININT. */
export const int = (value: number): string => `J${le32(value)}`;

/** GLOBAL. */
export const global = (module: string, name: string): string => `c${module}\n${name}\n`;

/** A float32 tensor over storage `key` of `total` elements, as torch pickles it. */
export function tensor(key: string, total: number, shape: number[], strides: number[], offset = 0): string {
  const tuple = (values: number[]) => `(${values.map(int).join("")}t`;
  const storage = `(${text("storage")}${global("torch", "FloatStorage")}${text(key)}${text("cpu")}${int(total)}tQ`;
  return `${global("torch._utils", "_rebuild_tensor_v2")}(${storage}${int(offset)}${tuple(shape)}${tuple(strides)}\x89NtR`;
}

const le32 = (value: number): string => {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value | 0);
  return buffer.toString("latin1");
};
