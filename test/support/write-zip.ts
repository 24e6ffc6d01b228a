import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";

/** Largest number a field of four bytes holds; what is larger goes to a ZIP64 record. */
const FULL = 0xffffffff;
const ALIGN = 64;

/** Writes an archive of stored members to a file, one after the other, aligned as torch aligns them. */
export function zipWriter(file: FileHandle) {
  const central: Buffer[] = [];
  let at = 0;
  const member = async (name: string, data: Uint8Array) => {
    const path = Buffer.from(name);
    const pad = (ALIGN - ((at + 30 + path.length + 4) % ALIGN)) % ALIGN;
    const filler = Buffer.concat([Buffer.from([0x46, 0x42, pad & 255, pad >> 8]), Buffer.alloc(pad, "Z")]);
    const fields = Buffer.alloc(26);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, path, filler]);
    local.writeUInt16LE(filler.length, 28);
    const far = at >= FULL ? Buffer.alloc(12) : Buffer.alloc(0);
    if (at >= FULL) {
      far.writeUInt16LE(1, 0);
      far.writeUInt16LE(8, 2);
      far.writeBigUInt64LE(BigInt(at), 4);
    }
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(Math.min(at, FULL), 10);
    fields.writeUInt16LE(far.length, 24);
    central.push(Buffer.concat([Buffer.from("PK\x01\x02\0\0"), fields, tail, path, far]));
    await file.write(local);
    await file.write(data);
    at += local.length + data.length;
  };
  const end = async () => {
    const directory = Buffer.concat(central);
    await file.write(directory);
    if (at >= FULL) await file.write(zip64End(central.length, directory.length, at));
    const last = Buffer.alloc(22);
    last.write("PK\x05\x06", "latin1");
    last.writeUInt16LE(central.length, 8);
    last.writeUInt16LE(central.length, 10);
    last.writeUInt32LE(directory.length, 12);
    last.writeUInt32LE(Math.min(at, FULL), 16);
    await file.write(last);
  };
  return { member, end };
}

/** The ZIP64 end record and its locator, which stand between the directory and the plain end record. */
function zip64End(count: number, size: number, offset: number): Buffer {
  const record = Buffer.alloc(56 + 20);
  record.write("PK\x06\x06", "latin1");
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(size), 40);
  record.writeBigUInt64LE(BigInt(offset), 48);
  record.write("PK\x06\x07", 56, "latin1");
  record.writeBigUInt64LE(BigInt(offset + size), 64);
  record.writeUInt32LE(1, 72);
  return record;
}
