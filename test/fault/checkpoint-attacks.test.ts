import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withRules } from "../../converters/rules.ts";
import { openCheckpoint, type TensorSource } from "../../converters/source.ts";
import { fixture } from "../support/checkpoint-fixtures.ts";
import { bytes, global, int, pickle, tensor, text } from "../support/pickle-bytes.ts";
import { type ZipEntry, zip } from "../support/zip-bytes.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "ssl-hub-attacks-"));
});
afterAll(() => rm(dir, { recursive: true }));

async function openBytes(data: Uint8Array): Promise<TensorSource> {
  const path = join(dir, "file.bin");
  await writeFile(path, data);
  return openCheckpoint(path);
}
const refusal = (message: string) => ({ code: "CHECKPOINT", message: expect.stringContaining(message) });
const refused = (data: Uint8Array, message: string) => expect(openBytes(data)).rejects.toMatchObject(refusal(message));

async function namesAndValues(data: Uint8Array): Promise<Record<string, number[]>> {
  const source = await openBytes(data);
  const entries: [string, number[]][] = [];
  for (const name of source.names()) entries.push([name, [...(await source.read(name))]]);
  await source.close();
  return Object.fromEntries(entries);
}

describe("safetensors", () => {
  const file = (header: unknown, data = 8, claim?: bigint) => {
    const json = typeof header === "string" ? header : JSON.stringify(header);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(claim ?? BigInt(Buffer.byteLength(json)));
    return Buffer.concat([length, Buffer.from(json), Buffer.alloc(data)]);
  };
  const F32 = (from: number, to: number, shape = [(to - from) / 4]) => ({
    dtype: "F32",
    shape,
    data_offsets: [from, to],
  });
  const CASES: Record<string, [data: Uint8Array, message: string]> = {
    "two tensors over each other": [file({ a: F32(0, 8), b: F32(4, 8) }), "tensor b starts at byte"],
    "one range for two": [file({ a: F32(0, 8), b: F32(0, 8) }), "tensor b starts at byte"],
    "a hole": [file({ a: F32(4, 8) }), "expected"],
    "past the end": [file({ a: F32(0, 4096) }), "the tensors end at byte"],
    "offsets that turn back": [file({ a: { dtype: "F32", shape: [0], data_offsets: [8, 0] } }), "its offsets give -8"],
    "a negative offset": [file({ a: { dtype: "F32", shape: [2], data_offsets: [-8, 0] } }), "lacks its two"],
    "a shape of 2^106 elements": [file({ a: F32(0, 8, [2 ** 53 - 1, 2 ** 53 - 1]) }), "its offsets give 8"],
    "a header of 2^47 bytes": [file({ a: F32(0, 8) }, 8, 2n ** 47n), "the limit is"],
    "a header past the file": [file({ a: F32(0, 8) }, 8, 4096n), "of a"],
    "a dtype nobody knows": [file({ a: { ...F32(0, 8), dtype: "__proto__" } }), "unknown dtype"],
    "deep JSON": [file(`{"a":${"[".repeat(200_000)}`), "the header is not JSON"],
    "a header cut": [file({ a: F32(0, 8) }).subarray(0, 20), "of a 20-byte file"],
  };
  for (const [name, [data, message]] of Object.entries(CASES)) test(name, () => refused(data, message));

  test("the refusal names the file", () => refused(CASES["a hole"]![0], join(dir, "file.bin")));
  test("__proto__ is a name like any other", async () => {
    const named = file(`{"__proto__":${JSON.stringify(F32(0, 8))}}`);
    const source = await openBytes(named);
    expect([...source.names()]).toEqual(["__proto__"]);
    expect([...(await source.read("__proto__"))]).toEqual([0, 0]);
    await source.close();
  });
});

describe("npz", () => {
  const npy = (header: string, data: Uint8Array = new Uint8Array(8), version = 1, claim?: number) => {
    const length = Buffer.alloc(version === 1 ? 2 : 4);
    length.writeUIntLE(claim ?? header.length, 0, length.length);
    return Buffer.concat([bytes("\x93NUMPY", version, 0), length, Buffer.from(header, "latin1"), data]);
  };
  const dict = (descr: string, shape: string, fortran = "False") =>
    `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;
  const FINE = npy(dict("'<f4'", "(2,)"));
  /** With the checksum that numpy writes. */
  const npz = (entries: Record<string, Uint8Array>, extra: Partial<ZipEntry> = {}) =>
    zip(Object.entries(entries).map(([name, data]) => ({ name, data, lies: [[16, 4, crc32(data)]], ...extra })));
  const one = (data: Uint8Array) => npz({ "a.npy": data });

  test("what is fine is read", async () => {
    expect(await namesAndValues(npz({ "a.npy": FINE, "x/y.npy": FINE }))).toEqual({ a: [0, 0], "x/y": [0, 0] });
    expect(await namesAndValues(one(npy('{"shape":(1,2),"fortran_order":True,"descr":">f4"}')))).toEqual({ a: [0, 0] });
    expect(await namesAndValues(one(npy(dict("'<f4'", "(2L,)"), undefined, 3)))).toEqual({ a: [0, 0] });
  });

  const BAD = "has a header that numpy does not write";
  const CASES: Record<string, [data: Uint8Array, message: string]> = {
    "a way out of the folder": [npz({ "../../etc/passwd.npy": FINE }), 'a member named "../../etc/passwd.npy"'],
    "an absolute name": [npz({ "/etc/passwd.npy": FINE }), "a member named"],
    "a name of Windows": [npz({ "..\\a.npy": FINE }), "a member named"],
    "a name with a NUL": [npz({ "a\0b.npy": FINE }), "a member named"],
    "no name": [npz({ ".npy": FINE }), "a member named"],
    "a name of 2000 letters": [npz({ [`${"a".repeat(2000)}.npy`]: FINE }), "a member named"],
    "code for a header": [one(npy("__import__('os').system('touch ssl-hub-was-here')")), BAD],
    "code for a shape": [one(npy(dict("'<f4'", "(__import__('os').system('ls'),)"))), BAD],
    "code after the header": [one(npy(`${dict("'<f4'", "(2,)").trim()}; 1`)), BAD],
    "two shapes": [one(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (4,)}")), BAD],
    "no shape": [one(npy("{'descr': '<f4', 'fortran_order': False}")), BAD],
    "a negative size": [one(npy(dict("'<f4'", "(-2,)"))), BAD],
    "more elements than data": [one(npy(dict("'<f4'", "(1000000,)"))), "holds 8 bytes for"],
    "fewer elements than data": [one(npy(dict("'<f4'", "(1,)"))), "holds 8 bytes for"],
    "2^106 elements": [one(npy(dict("'<f4'", "(9007199254740991, 9007199254740991)"))), "holds 8 bytes for"],
    "a number beyond exactness": [one(npy(dict("'<f4'", "(9999999999999999,)"))), "holds 8 bytes for"],
    "100 dimensions": [one(npy(dict("'<f4'", `(${"1,".repeat(100)})`))), "holds 8 bytes for"],
    "a header of 60 kB": [one(npy(dict("'<f4'", `(2,)${" ".repeat(60_000)}`))), "claims a header of"],
    "a header of 4 GB": [one(npy(dict("'<f4'", "(2,)"), undefined, 2, 2 ** 32 - 1)), "claims a header of 4294967295"],
    "version 4": [one(npy(dict("'<f4'", "(2,)"), undefined, 4)), "no numpy array of format 1 to 3"],
    "no npy": [one(bytes("PK")), "no numpy array"],
    "objects and nothing else": [one(npy(dict("'|O'", "(1,)"))), "no array of numbers; numpy, of dtype |O (a.npy of"],
    "a bomb": [npz({ "a.npy": FINE }, { deflate: true, lies: [[24, 4, 2 ** 31]] }), "said to inflate from"],
    "two of one name": [zip([1, 2].map(() => ({ name: "a.npy", data: FINE }))), "two members named a.npy"],
  };
  for (const [name, [data, message]] of Object.entries(CASES)) test(name, () => refused(data, message));

  test("a wrong checksum is found when the array is read", async () => {
    const source = await openBytes(npz({ "a.npy": FINE }, { lies: [[16, 4, 1]] }));
    await expect(source.read("a")).rejects.toMatchObject(refusal("checksum"));
    await source.close();
  });

  test("objects beside the weights do no harm; among them they are refused by name", async () => {
    const source = await openBytes(npz({ "a.npy": FINE, "o.npy": npy(dict("'|O'", "(1,)")) }));
    expect([...source.names()]).toEqual(["a"]);
    expect([...withRules(source, [{ drop: /^o$/ }]).names()]).toEqual(["a"]);
    expect(() => withRules(source, [])).toThrow(/"o".*dtype \|O/);
    await source.close();
  });

  test("nothing ran", () => expect(existsSync("ssl-hub-was-here")).toBe(false));
});

describe("pickles of numpy arrays", () => {
  const dtype = `${global("numpy", "dtype")}${text("f4")}\x89\x88\x87R(${int(3)}${text("<")}NNN${int(-1)}${int(-1)}${int(0)}tb`;
  const empty = `${global("numpy.core.multiarray", "_reconstruct")}${global("numpy", "ndarray")}${int(0)}\x85C\x01b\x87R`;
  const array = (shape: string, data: string) => `${empty}(${int(1)}${shape}${dtype}\x89${data}tb`;
  const two = `${int(2)}\x85`;
  const W = text("w") + array(two, "C\x08\0\0\x80?\0\0\0@");
  const dict = (...items: string[]) => `}(${items.join("")}u`;

  test("what is fine is read", async () => expect(await namesAndValues(pickle(dict(W)))).toEqual({ w: [1, 2] }));

  test("dill's way to name numpy's functions, by text", async () => {
    const named = (module: string, name: string) =>
      `${global("dill._dill", "_get_attr")}${global("dill._dill", "_import_module")}${text(module)}\x85R${text(name)}\x86R`;
    const make = `${named("numpy.core._multiarray_umath", "_reconstruct")}${global("numpy", "ndarray")}${int(0)}\x85C\x01b\x87R`;
    const data = `${named("_codecs", "encode")}${text("\0\0\x80?\0\0\0@")}${text("latin1")}\x86R`;
    expect(await namesAndValues(pickle(dict(`${text("w")}${make}(${int(1)}${two}${dtype}\x89${data}tb`)))).toEqual({
      w: [1, 2],
    });
    const evil = `${named("os", "system")}${text("touch ssl-hub-was-here")}\x85R`;
    await refused(pickle(evil), "a whole object made by os.system (byte ");
  });

  test("numpy 2's names", async () => {
    const renamed = (await readFile(fixture("arrays-protocol2.pkl")))
      .toString("latin1")
      .replaceAll("numpy.core", "numpy._core");
    expect(Object.keys(await namesAndValues(Buffer.from(renamed, "latin1")))).toContain("params.fortran");
  });

  const evil = `${global("os", "system")}${text("touch ssl-hub-was-here")}\x85R`;
  const latin = (letters: string, shape = two) =>
    array(shape, `${global("_codecs", "encode")}${text(letters)}${text("latin1")}\x86R`);
  const CASES: Record<string, [data: Uint8Array, message: string]> = {
    "a command": [pickle(evil), "a whole object made by os.system (byte 2 of "],
    "a command for an array": [pickle(dict(`${text("w")}${evil}`)), '"w" is an object made by os.system (byte '],
    "a command for an array's bytes": [pickle(dict(text("w") + array(two, evil))), "of what is something else"],
    "a command for a dtype": [
      pickle(dict(text("w") + array(two, "C\0").replace(dtype, evil))),
      "an array of what is none",
    ],
    "a command for a shape": [pickle(dict(text("w") + array(evil, "C\0"))), "an array of what is none"],
    "fewer bytes than elements": [pickle(dict(text("w") + array(`${int(2 ** 30)}\x85`, "C\0"))), "an array of"],
    "more bytes than elements": [pickle(dict(text("w") + array(two, "C\x09123456789"))), "an array of 8 bytes"],
    "a negative shape": [pickle(dict(text("w") + array(`${int(-2)}\x85`, "C\0"))), "a bad shape"],
    "letters above 255": [pickle(dict(text("w") + latin("Ā1234567"))), "bytes above 255"],
    "a torch tensor": [pickle(dict(text("w") + tensor("0", 4, [4], [1]))), "refers to something outside itself"],
    "a named tuple with too few values": [
      pickle(global("dill._dill", "_create_namedtuple"), text("T"), `(${text("a")}t`, text("m"), 0x87, "R", ")", 0x81),
      "gives 0 values to 1 fields",
    ],
    "deep nesting": [pickle("N", "\x85".repeat(100_000)), "more than 100 deep"],
    "a memo of millions": [pickle("N", memoBomb()), "stores more than"],
    "lists of lists, each ten times": [pickle(dict(text("w") + laughs())), "holds more than"],
    "a text of 4 GB": [pickle("X\xff\xff\xff\xff"), "in the middle of a value"],
    "bytes of 2^63": [pickle(0x8e, "\0\0\0\0\0\0\0\x80"), "in the middle of a value"],
    "no array": [pickle(dict(`${text("step")}K\x01`)), "holds no tensor; its keys are step"],
  };
  for (const [name, [data, message]] of Object.entries(CASES)) test(name, () => refused(data, message));

  test("long text that is no Latin-1 is found when it is read", async () => {
    const data = `${"a".repeat(390)}${"Ā".repeat(5)}`;
    const source = await openBytes(pickle(dict(text("w") + latin(data, `${int(100)}\x85`))));
    await expect(source.read("w")).rejects.toMatchObject(refusal("letters 0 to 255"));
    await source.close();
  });

  test("a command beside the arrays does no harm; among them it is refused", async () => {
    const source = await openBytes(pickle(dict(W, `${text("hook")}${evil}`)));
    expect([...withRules(source, [{ drop: /^hook$/ }]).names()]).toEqual(["w"]);
    expect(() => withRules(source, [])).toThrow(/"hook".*os\.system \(byte \d+ of /);
    await source.close();
  });

  test("nothing ran", () => expect(existsSync("ssl-hub-was-here")).toBe(false));
});

describe("TorchScript", () => {
  const archive = (...parts: (string | number)[]) =>
    zip([
      { name: "m/data.pkl", data: pickle(...parts) },
      { name: "m/data/0", data: new Uint8Array(16) },
      { name: "m/constants.pkl", data: pickle(")") },
      { name: "m/code/__torch__.py", data: bytes("import os; os.system('touch ssl-hub-was-here')"), deflate: true },
    ]);
  const module = (attributes: string) => `${global("__torch__", "Net")})\x81}(${attributes}ub`;
  const W = text("w") + tensor("0", 4, [4], [1]);

  test("module objects are records, and code is not looked at", async () =>
    expect(await namesAndValues(archive(module(`${text("a")}${module(W)}`)))).toEqual({ "a.w": [0, 0, 0, 0] }));

  test("a module that holds itself is entered once", async () => {
    const self = `${global("__torch__", "Net")})\x81q\x05}(${text("me")}h\x05${W}ub`;
    expect(Object.keys(await namesAndValues(archive(self)))).toEqual(["w"]);
  });

  test("other objects are inert", async () => {
    const evil = `${global("os", "system")}${text("touch ssl-hub-was-here")}\x85R`;
    await refused(archive(evil), "a whole object made by os.system (byte 2 of m/data.pkl");
    const source = await openBytes(archive(module(`${W}${text("hook")}${evil}`)));
    expect(() => withRules(source, [])).toThrow(/"hook".*os\.system/);
    await source.close();
    expect(existsSync("ssl-hub-was-here")).toBe(false);
  });

  test("outside a TorchScript archive such objects are refused", () =>
    refused(
      zip([
        { name: "m/data.pkl", data: pickle(module(W)) },
        { name: "m/data/0", data: new Uint8Array(16) },
      ]),
      "__torch__.Net",
    ));
});

/** PUT after PUT: 2 100 000 of them. */
function memoBomb(): string {
  const parts: string[] = [];
  const index = Buffer.alloc(4);
  for (let i = 0; i < 2_100_000; i++) {
    index.writeUInt32LE(i);
    parts.push(`r${index.toString("latin1")}`);
  }
  return parts.join("");
}

/** Eight lists, each of ten times the one before: 10^8 values for a walk that visits each. */
function laughs(): string {
  let list = `]q\x01(${"N".repeat(10)}e`;
  for (let i = 2; i < 9; i++)
    list = `${list}0]q${String.fromCharCode(i)}(${`h${String.fromCharCode(i - 1)}`.repeat(10)}e`;
  return list;
}
