import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openCheckpoint } from "../../../converters/source.ts";
import { global, int, pickle, text } from "../../support/pickle-bytes.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "ssl-hub-legacy-"));
});
afterAll(() => rm(dir, { recursive: true }));

const VALUES = [1, 2, 3, 4];

/** One float32 storage "0" of four elements; `view` is the last part of the persistent id. */
const tensorOf = (view: string, size: number) =>
  `${global("torch._utils", "_rebuild_tensor")}((${text("storage")}${global("torch", "FloatStorage")}${text("0")}${text("cpu")}` +
  `${int(4)}${view}tQ${int(0)}${int(size)}\x85${int(1)}\x85tR`;

interface Parts {
  object?: string;
  protocol?: number;
  keys?: string;
  /** Elements the raw data are said to have. */
  count?: number;
}
async function open({
  object = `}${text("w")}${tensorOf("N", 4)}s`,
  protocol = 1001,
  keys = `]${text("0")}a`,
  count = 4,
}: Parts) {
  const head = Buffer.alloc(8);
  head.writeBigInt64LE(BigInt(count));
  const path = join(dir, "legacy.pth");
  await writeFile(
    path,
    Buffer.concat([
      pickle(0x8a, 10, "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"),
      pickle(int(protocol)),
      pickle("}"),
      pickle(object),
      pickle(keys),
      head,
      Buffer.from(new Float32Array(VALUES).buffer),
    ]),
  );
  return openCheckpoint(path);
}
const refusal = (message: string) => ({ code: "CHECKPOINT", message: expect.stringContaining(message) });

test("a storage may be a slice of another", async () => {
  const source = await open({ object: `}${text("w")}${tensorOf(`(${text("v")}${int(1)}${int(2)}t`, 2)}s` });
  expect([...(await source.read("w"))]).toEqual([2, 3]);
  await source.close();
});

test("a slice stays inside the other, and a tensor inside the slice", async () => {
  const slice = (first: number, count: number, size: number) =>
    open({ object: `}${text("w")}${tensorOf(`(${text("v")}${int(first)}${int(count)}t`, size)}s` });
  await expect(slice(3, 2, 1)).rejects.toMatchObject(refusal("outside itself"));
  await expect(slice(1, 2, 3)).rejects.toMatchObject(refusal("ends at element 3 of a storage of 2"));
});

test("the object's pickle may be longer than the first read", async () => {
  const long = text("x".repeat(400_000));
  const source = await open({ object: `}${text("note")}${long}s${text("w")}${tensorOf("N", 4)}s` });
  expect([...(await source.read("w"))]).toEqual(VALUES);
  await source.close();
});

test("parts that contradict each other are refused", async () => {
  await expect(open({ count: 3 })).rejects.toMatchObject(refusal("has 3 elements at byte"));
  await expect(open({ protocol: 1000 })).rejects.toMatchObject(refusal("is of protocol 1000, not 1001"));
  await expect(open({ keys: "N" })).rejects.toMatchObject(refusal("does not list its storages"));
  await expect(open({ keys: `]${text("9")}a` })).rejects.toMatchObject(refusal("lists its storages wrongly"));
  await expect(open({ keys: "]" })).rejects.toMatchObject(refusal("no data for storage 0"));
  await expect(
    open({ object: `}${text("w")}${tensorOf("N", 4)}s`, keys: `](${text("0")}${text("0")}e` }),
  ).rejects.toMatchObject(refusal("lists its storages wrongly"));
});

test("a whole model's class is a name, never a module to import", async () => {
  const module = `(${text("module")}${global("os", "system")}${text("model.py")}${text("import os")}tQ`;
  await expect(open({ object: `${module})\x81}b` })).rejects.toMatchObject(refusal("os.system (byte "));
});
