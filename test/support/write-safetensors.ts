import { truncateSync, writeFileSync } from "node:fs";

/** A file of float32 tensors that are all zero. Its data are a hole, which takes no room on the disk. */
export function writeEmptySafetensors(path: string, shapes: Record<string, readonly number[]>): void {
  let end = 0;
  const entries = Object.entries(shapes).map(([key, shape]) => {
    const begin = end;
    end += 4 * shape.reduce((a, b) => a * b, 1);
    return [key, { dtype: "F32", shape, data_offsets: [begin, end] }];
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(path, Buffer.concat([length, header]));
  truncateSync(path, 8 + header.length + end);
}
