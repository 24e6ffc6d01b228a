import { describe, expect, test } from "vitest";
import type { Bytes } from "../../../converters/readers/bytes.ts";
import { windowOf } from "../../../converters/readers/bytes.ts";
import { openZip } from "../../../converters/readers/zip.ts";
import { type ZipEntry, zip } from "../../support/zip-bytes.ts";

const text = (value: string) => new TextEncoder().encode(value);
const inMemory = (data: Uint8Array): Bytes => {
  const read = async (offset: number, length: number) => data.slice(offset, offset + length);
  // The window checks ranges, as a file does.
  return windowOf({ name: "a.zip", size: data.length, read }, "a.zip", 0, data.length);
};
const A: ZipEntry = { name: "dir/a", data: text("alpha") };
const B: ZipEntry = { name: "dir/b", data: text("b".repeat(1000)), deflate: true };
const open = (...entries: ZipEntry[]) => openZip(inMemory(zip(entries)));
const refusal = (message: string) => ({ code: "CHECKPOINT", message: expect.stringContaining(message) });

describe("zip archives", () => {
  test("stored members are read by range, from where the local header says", async () => {
    const archive = await open({ ...A, pad: 40 }, { ...A, name: "dir/c", pad: 3 });
    const member = await archive.open("dir/c");
    expect(member.size).toBe(5);
    expect(Buffer.from(await member.read(1, 3)).toString()).toBe("lph");
  });

  test("small members are read whole, deflated or not", async () => {
    const archive = await open(A, B);
    expect(Buffer.from(await archive.readAll("dir/a", 5)).toString()).toBe("alpha");
    expect(Buffer.from(await archive.readAll("dir/b", 1000)).toString()).toBe("b".repeat(1000));
  });

  test("a comment at the end does not hide the directory", async () => {
    const data = zip([A]);
    data.writeUInt16LE(3, data.length - 2);
    expect((await openZip(inMemory(Buffer.concat([data, text("abc")])))).members.has("dir/a")).toBe(true);
  });

  const REFUSED: Record<string, [entries: ZipEntry[], message: string]> = {
    "two members of one name": [[A, A], "two members named dir/a"],
    "a member that reaches over the next": [[{ ...A, lies: [[20, 4, 40]] }, B], "overlaps"],
    "a member that leaves the archive": [[{ ...A, lies: [[42, 4, 1_000_000]] }], "overlaps"],
    "two members at one place": [[A, { ...B, lies: [[42, 4, 0]] }], "overlaps"],
    "ZIP64 sizes that are not there": [[{ ...A, lies: [[20, 4, 0xffffffff]] }], "ZIP64 sizes of dir/a are missing"],
    "a name longer than the directory": [[{ ...A, lies: [[28, 2, 999]] }], "broken at member 0"],
  };
  for (const [name, [entries, message]] of Object.entries(REFUSED)) {
    test(`${name}: refused at the directory`, () => expect(open(...entries)).rejects.toMatchObject(refusal(message)));
  }

  test("lies are found when a member is opened", async () => {
    const small = await open({ ...B, lies: [[24, 4, 10]] });
    await expect(small.readAll("dir/b", 1000)).rejects.toMatchObject(refusal("more than the 10 bytes"));
    const large = await open({ ...B, lies: [[24, 4, 1001]] });
    await expect(large.readAll("dir/b", 2000)).rejects.toMatchObject(refusal("to 1000 bytes and not to the 1001"));
    const encrypted = await open({ ...A, lies: [[8, 2, 1]] });
    await expect(encrypted.open("dir/a")).rejects.toMatchObject(refusal("encrypted"));
    const unknown = await open({ ...A, lies: [[10, 2, 99]] });
    await expect(unknown.readAll("dir/a", 99)).rejects.toMatchObject(refusal("method 99"));
    const packed = await open(B);
    await expect(packed.open("dir/b")).rejects.toMatchObject(refusal("compressed"));
    await expect(packed.readAll("dir/b", 999)).rejects.toMatchObject(refusal("the limit is 999"));
    await expect(packed.open("dir/x")).rejects.toMatchObject(refusal("no member dir/x"));
  });

  test("deflated members are read by range, however long", async () => {
    const data = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * i) >> 7);
    const member = await (await open(A, { name: "dir/c", data, deflate: true })).openAny("dir/c");
    expect(member.size).toBe(data.length);
    for (const [from, length] of [
      [0, 5],
      [1_048_570, 20],
      [2_999_990, 10],
      [0, 3_000_000],
      [7, 0],
    ] as const) {
      expect(Buffer.compare(await member.read(from, length), data.subarray(from, from + length))).toBe(0);
    }
    await expect(member.read(2_999_990, 11)).rejects.toMatchObject({ code: "CHECKPOINT" });
  });

  test("a bomb is refused by the size it declares, before it is inflated", async () => {
    const bomb: ZipEntry = { name: "a", data: new Uint8Array(2 ** 20), deflate: true, lies: [[24, 4, 2 ** 31]] };
    await expect((await open(bomb)).openAny("a")).rejects.toMatchObject(refusal("said to inflate from"));
    const quiet = await (await open({ ...bomb, lies: [[24, 4, 1000]] })).openAny("a");
    await expect(quiet.read(0, 1000)).rejects.toMatchObject(refusal("more than the 1000 bytes"));
  });

  test("deflated data that are cut or broken are refused when they are read", async () => {
    const cut = await (await open({ ...B, lies: [[20, 4, 8]] })).openAny("dir/b");
    await expect(cut.read(0, 1000)).rejects.toMatchObject(refusal("dir/b in a.zip"));
    const broken = await (await open({ ...A, lies: [[10, 2, 8]] })).openAny("dir/a");
    await expect(broken.read(0, 5)).rejects.toMatchObject(refusal("does not inflate"));
  });

  test("a member's window ends where it ends", async () => {
    const member = await (await open(A, B)).open("dir/a");
    for (const [offset, length] of [
      [0, 6],
      [5, 1],
      [-1, 2],
      [0, -1],
      [0.5, 1],
      [0, Number.NaN],
      [2 ** 60, 2 ** 60],
    ] as const) {
      await expect(member.read(offset, length)).rejects.toMatchObject({ code: "CHECKPOINT" });
    }
    expect(await member.read(5, 0)).toHaveLength(0);
  });

  test("absurd counts are refused before anything is made of them", async () => {
    const data = zip([A]);
    data.writeUInt16LE(0xfff0, data.length - 12);
    await expect(openZip(inMemory(data))).rejects.toMatchObject(refusal("claims 65520 members"));
    await expect(openZip(inMemory(data.subarray(0, data.length - 1)))).rejects.toMatchObject(refusal("no directory"));
  });
});
