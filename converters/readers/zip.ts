import { HubError } from "../../src/core/errors.ts";
import { type Bytes, damaged, windowOf } from "./bytes.ts";
import { inflated } from "./inflate.ts";

/** What one archive may ask of us. The largest checkpoints known have a few thousand members. */
const MAX_MEMBERS = 200_000;
const MAX_DIRECTORY_BYTES = 64 * 2 ** 20;

const STORED = 0;
const DEFLATED = 8;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;

export interface ZipMember {
  readonly name: string;
  /** Bytes as they lie in the archive, and once inflated. */
  readonly packed: number;
  readonly size: number;
  readonly method: number;
  readonly encrypted: boolean;
  /** CRC-32 of the inflated bytes. */
  readonly crc: number;
  /** Where its local header starts, and where the next thing in the archive does. */
  readonly start: number;
  limit: number;
}

export interface Zip {
  readonly members: ReadonlyMap<string, ZipMember>;
  /** A stored member as bytes that can be read by range. */
  open(name: string): Promise<Bytes>;
  /** A stored or deflated member. Reading from a deflated one inflates it from its start each time. */
  openAny(name: string): Promise<Bytes>;
  /** A whole member of at most `cap` bytes, stored or deflated. */
  readAll(name: string, cap: number): Promise<Uint8Array>;
}

/**
 * Reads the directory of a zip archive, ZIP64 included; no member is read yet.
 * @throws HubError `CHECKPOINT` when the directory is damaged, its members overlap, leave the archive, bear the same
 * name twice, or are absurdly many.
 */
export async function openZip(file: Bytes): Promise<Zip> {
  const { count, size, offset } = await findDirectory(file);
  if (count > MAX_MEMBERS || size > MAX_DIRECTORY_BYTES || count * CENTRAL_BYTES > size) {
    throw damaged(`${file.name} is a zip archive that claims ${count} members in a directory of ${size} bytes`);
  }
  const members = parseDirectory(file.name, await file.read(offset, size), count);
  placeMembers(file.name, [...members.values()], offset);

  const find = (name: string): ZipMember => {
    const member = members.get(name);
    if (member === undefined) throw damaged(`the archive ${file.name} has no member ${name}`);
    if (member.encrypted) throw refused(`${name} in ${file.name} is encrypted`);
    return member;
  };
  const data = async (member: ZipMember) => {
    // Names and extra fields differ in length between the two headers: torch pads the local one to align the data.
    const head = viewOf(await file.read(member.start, LOCAL_BYTES));
    if (head.getUint32(0, true) !== 0x04034b50) throw damaged(`${member.name} has no local header`);
    const at = member.start + LOCAL_BYTES + head.getUint16(26, true) + head.getUint16(28, true);
    if (at + member.packed > member.limit) throw damaged(`${member.name} in ${file.name} overlaps what follows it`);
    return windowOf(file, member.name, at, member.packed);
  };
  const open = async (name: string) => {
    const member = find(name);
    if (member.method !== STORED) throw refused(`${name} in ${file.name} is compressed, which torch never does`);
    if (member.packed !== member.size) throw damaged(`${name} in ${file.name} has two sizes`);
    return data(member);
  };
  const openAny = async (name: string) => {
    const member = find(name);
    if (member.method === STORED) return open(name);
    if (member.method !== DEFLATED) throw refused(`${name} is packed by method ${member.method}`);
    return inflated(await data(member), `${name} in ${file.name}`, member.size);
  };
  return {
    members,
    open,
    openAny,
    readAll: async (name, cap) => {
      const { size, packed } = find(name);
      if (size > cap || packed > cap) throw refused(`${name} is ${size} bytes, the limit is ${cap}`);
      return (await openAny(name)).read(0, size);
    },
  };
}

async function findDirectory(file: Bytes): Promise<{ count: number; size: number; offset: number }> {
  const tailStart = Math.max(0, file.size - END_BYTES - 0xffff);
  const tail = viewOf(await file.read(tailStart, file.size - tailStart));
  for (let at = tail.byteLength - END_BYTES; at >= 0; at--) {
    if (tail.getUint32(at, true) !== 0x06054b50) continue;
    if (at + END_BYTES + tail.getUint16(at + 20, true) !== tail.byteLength) continue;
    const [disk, count] = [tail.getUint16(at + 4, true), tail.getUint16(at + 10, true)];
    const [size, offset] = [tail.getUint32(at + 12, true), tail.getUint32(at + 16, true)];
    const large = count === 0xffff || size === 0xffffffff || offset === 0xffffffff;
    if (large) return findDirectory64(file, tailStart + at);
    if (disk !== 0) throw refused(`${file.name} is one part of a zip archive in several parts`);
    return { count, size, offset };
  }
  throw damaged(`${file.name} begins as a zip archive but has no directory at its end, as if a download was cut short`);
}

async function findDirectory64(file: Bytes, end: number) {
  if (end < 20) throw damaged(`${file.name} has no ZIP64 directory`);
  const locator = viewOf(await file.read(end - 20, 20));
  if (locator.getUint32(0, true) !== 0x07064b50) throw damaged(`${file.name} has no ZIP64 directory`);
  const record = viewOf(await file.read(safe(locator.getBigUint64(8, true)), 56));
  if (record.getUint32(0, true) !== 0x06064b50) throw damaged(`${file.name} has no ZIP64 directory`);
  const [count, size, offset] = [32, 40, 48].map((at) => safe(record.getBigUint64(at, true)));
  return { count: count!, size: size!, offset: offset! };
}

function parseDirectory(archive: string, data: Uint8Array, count: number): Map<string, ZipMember> {
  const view = viewOf(data);
  const members = new Map<string, ZipMember>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > data.length || view.getUint32(at, true) !== 0x02014b50) {
      throw damaged(`the directory of ${archive} is broken at member ${i} of ${count}`);
    }
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const extraAt = at + CENTRAL_BYTES + nameLength!;
    const next = extraAt + extraLength! + commentLength!;
    if (next > data.length) throw damaged(`the directory of ${archive} is broken at member ${i} of ${count}`);
    const name = Buffer.from(data.buffer, data.byteOffset + at + CENTRAL_BYTES, nameLength!).toString("utf8");
    if (members.has(name)) throw damaged(`${archive} has two members named ${name}`);
    const fields = [24, 20, 42].map((field) => view.getUint32(at + field, true));
    const [size, packed, start] = widen(fields, viewOf(data.subarray(extraAt, extraAt + extraLength!)), name);
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    members.set(name, {
      name,
      size: size!,
      packed: packed!,
      start: start!,
      method,
      crc: view.getUint32(at + 16, true),
      encrypted: (flags & 1) === 1,
      limit: 0,
    });
    at = next;
  }
  return members;
}

/** Size, packed size and offset; those that are all ones stand, in this order, in the ZIP64 extra field (id 1). */
function widen(fields: number[], extra: DataView, name: string): number[] {
  if (!fields.includes(0xffffffff)) return fields;
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const end = at + 4 + extra.getUint16(at + 2, true);
    if (end > extra.byteLength) break;
    if (extra.getUint16(at, true) === 1) {
      let next = at + 4;
      return fields.map((field) => {
        if (field !== 0xffffffff) return field;
        next += 8;
        if (next > end) throw damaged(`the ZIP64 sizes of ${name} are missing`);
        return safe(extra.getBigUint64(next - 8, true));
      });
    }
    at = end;
  }
  throw damaged(`the ZIP64 sizes of ${name} are missing`);
}

/** Members may not overlap, nor reach into the directory: else a small archive can claim any amount of data. */
function placeMembers(archive: string, members: ZipMember[], directory: number): void {
  members.sort((a, b) => a.start - b.start);
  members.forEach((member, i) => {
    member.limit = members[i + 1]?.start ?? directory;
    if (member.start + LOCAL_BYTES + member.packed > member.limit) {
      throw damaged(`${member.name} in ${archive} overlaps what follows it`);
    }
  });
}

const viewOf = (data: Uint8Array) => new DataView(data.buffer, data.byteOffset, data.byteLength);

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(`a zip field holds ${value}`);
  return Number(value);
}

const refused = (found: string) => new HubError("CHECKPOINT", `Cannot read the checkpoint: ${found}.`);
