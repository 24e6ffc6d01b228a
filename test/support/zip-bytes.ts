import { deflateRawSync } from "node:zlib";

export interface ZipEntry {
  name: string;
  data: Uint8Array;
  deflate?: boolean;
  /** Bytes of extra field in the local header alone. */
  pad?: number;
  /** Fields to set in the central header, by offset, after all else: for archives that lie. */
  lies?: [offset: number, bytes: 2 | 4, value: number][];
}

/** A zip archive in memory. */
export function zip(entries: ZipEntry[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, data, deflate = false, pad = 0, lies = [] } of entries) {
    const packed = deflate ? deflateRawSync(data) : Buffer.from(data);
    const head = Buffer.alloc(46);
    head.write("PK\x01\x02", "latin1");
    head.writeUInt16LE(deflate ? 8 : 0, 10);
    head.writeUInt32LE(packed.length, 20);
    head.writeUInt32LE(data.length, 24);
    head.writeUInt16LE(Buffer.byteLength(name), 28);
    head.writeUInt32LE(at, 42);
    const local = Buffer.alloc(30);
    local.write("PK\x03\x04", "latin1");
    head.copy(local, 6, 8, 30);
    local.writeUInt16LE(pad, 28);
    const file = Buffer.concat([local, Buffer.from(name), Buffer.alloc(pad, "Z"), packed]);
    for (const [offset, bytes, value] of lies) head.writeUIntLE(value, offset, bytes);
    files.push(file);
    directory.push(Buffer.concat([head, Buffer.from(name)]));
    at += file.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...files, central, end]);
}
