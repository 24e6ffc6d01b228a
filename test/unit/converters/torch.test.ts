import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withRules } from "../../../converters/rules.ts";
import { openCheckpoint, type TensorSource } from "../../../converters/source.ts";
import { fixture } from "../../support/checkpoint-fixtures.ts";
import { bytes, global, pickle, tensor, text } from "../../support/pickle-bytes.ts";
import { type ZipEntry, zip } from "../../support/zip-bytes.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "ssl-hub-torch-"));
});
afterAll(() => rm(dir, { recursive: true }));

const FOUR = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer);
const members = (data: Uint8Array): ZipEntry[] => [
  { name: "archive/data.pkl", data },
  { name: "archive/data/0", data: FOUR },
];
/** Opens bytes as a file whose name tells nothing. */
async function openBytes(data: Uint8Array): Promise<TensorSource> {
  const path = join(dir, "file.bin");
  await writeFile(path, data);
  return openCheckpoint(path);
}
const openPickle = (...parts: (string | number)[]) => openBytes(zip(members(pickle(...parts))));
const dict = (...items: string[]) => `}(${items.join("")}u`;
const W = text("w") + tensor("0", 4, [2, 2], [2, 1]);
const refusal = (message: string) => ({ code: "CHECKPOINT", message: expect.stringContaining(message) });

async function using<T>(source: Promise<TensorSource>, use: (source: TensorSource) => T | Promise<T>): Promise<T> {
  const opened = await source;
  try {
    return await use(opened);
  } finally {
    await opened.close();
  }
}
const namesOf = (source: Promise<TensorSource>) => using(source, (opened) => [...opened.names()]);

describe("torch files", () => {
  test("names are dotted paths; lists count, plain values and num_batches_tracked are not listed", async () => {
    const t = tensor("0", 4, [4], [1]);
    const nested = dict(`${text("list")}](${t}${t}e`, `K\x07${dict(text("x.y") + t)}`, `${text("epoch")}K\x03`);
    expect(await namesOf(openPickle(nested))).toEqual(["list.0", "list.1", "7.x.y"]);
    expect(await namesOf(openBytes(await readFile(fixture("training-zip.pth"))))).toContain(
      "optimizer.state.0.momentum_buffer",
    );
  });

  test("values, and memory that is the caller's", () =>
    using(openPickle(dict(W)), async (source) => {
      const first = await source.read("w");
      first.fill(0);
      expect([...(await source.read("w"))]).toEqual([1, 2, 3, 4]);
      await expect(source.read("w", AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
      expect(() => source.meta("v")).toThrow("no such tensor");
    }));

  test("after close nothing is read", async () => {
    const source = await openPickle(dict(W));
    await source.close();
    await expect(source.read("w")).rejects.toMatchObject({ code: "DISK" });
  });

  test("views stay inside their storage", async () => {
    const view = (shape: number[], strides: number[], offset = 0) =>
      openPickle(dict(text("w") + tensor("0", 4, shape, strides, offset)));
    await expect(view([2, 2], [2, 1], 1)).rejects.toMatchObject(refusal("ends at element 5 of a storage of 4"));
    await expect(view([2, 2], [3, 1])).rejects.toMatchObject(refusal("ends at element 5"));
    await expect(view([2], [-1], 1)).rejects.toMatchObject(refusal("strides [-1]"));
    await expect(view([2], [1], -1)).rejects.toMatchObject(refusal("offset -1"));
    await expect(view([2, 2], [1])).rejects.toMatchObject(refusal("a tensor of shape"));
    await expect(view([2 ** 30, 2 ** 30], [0, 0])).rejects.toMatchObject(refusal("expanded"));
    await expect(view(new Array(65).fill(1), new Array(65).fill(1))).rejects.toMatchObject(
      refusal("a tensor of shape"),
    );
    await using(view([3, 2], [0, 3]), async (source) =>
      expect([...(await source.read("w"))]).toEqual([1, 4, 1, 4, 1, 4]),
    );
  });

  test("a storage has as many bytes as it says", async () => {
    const short = dict(text("w") + tensor("0", 1_000_000_000, [2], [1]));
    await expect(openPickle(short)).rejects.toMatchObject(refusal("should have 4000000000 bytes and has 16"));
    const absent = dict(text("w") + tensor("../0", 4, [2], [1]));
    await expect(openPickle(absent)).rejects.toMatchObject(refusal("has no data"));
    const twoSizes = dict(W, text("v") + tensor("0", 3, [2], [1]));
    await expect(openPickle(twoSizes)).rejects.toMatchObject(refusal("outside itself"));
  });

  test("two tensors of one name are refused", async () => {
    const t = tensor("0", 4, [4], [1]);
    const twice = dict(text("a.b") + t, text("a") + dict(text("b") + t));
    await expect(openPickle(twice)).rejects.toMatchObject(refusal("two things named a.b"));
  });

  test("byte order is honoured or refused", async () => {
    const open = (order: string) =>
      openBytes(zip([...members(pickle(dict(W))), { name: "archive/byteorder", data: bytes(order) }]));
    await using(open("big"), async (source) => {
      const swapped = new DataView(FOUR.buffer.slice(0)).getFloat32(0, false);
      expect((await source.read("w"))[0]).toBe(swapped);
    });
    await expect(open("middle")).rejects.toMatchObject(refusal('byte order is "middle"'));
  });
});

describe("hostile objects", () => {
  test("a container that holds itself ends", async () => {
    expect(await namesOf(openPickle(`}q\0(${W}${text("self")}h\0u`))).toEqual(["w"]);
  });

  test("shared containers cannot multiply without end", async () => {
    // Each list holds the one before ten times: 10^9 names.
    const levels = Array.from(
      { length: 9 },
      (_, i) => `](${`h${String.fromCharCode(i)}`.repeat(10)}eq${String.fromCharCode(i + 1)}0`,
    );
    const bomb = `](${tensor("0", 4, [4], [1])}eq\x000${levels.join("")}h\x09`;
    await expect(openPickle(bomb)).rejects.toMatchObject(refusal("more than 2000000 values"));
  });

  test("depth and names are bounded", async () => {
    const deep = `${"](".repeat(150)}${tensor("0", 4, [4], [1])}${"e".repeat(150)}`;
    await expect(openPickle(deep)).rejects.toMatchObject(refusal("nests more than 100 deep"));
    const long = dict(text("x".repeat(2000)) + tensor("0", 4, [4], [1]));
    await expect(openPickle(long)).rejects.toMatchObject(refusal("a name of more than 1000 letters"));
  });

  test("copies made by reducers are counted", async () => {
    const big = `](${"N".repeat(10_000)}eq\x000`;
    const copies = `${global("builtins", "list")}h\x00\x85R0`.repeat(2000);
    await expect(openPickle(big, copies, dict(W))).rejects.toMatchObject(refusal("more than 8000000 steps"));
  });

  test("a placeholder for a storage makes no tensor", async () => {
    const quantised = `${global("torch._utils", "_rebuild_tensor_v2")}((${text("storage")}${global("torch", "QInt8Storage")}${text("0")}${text("cpu")}K\x10tQK\0K\x10\x85K\x01\x85\x89NtR`;
    await using(openPickle(dict(W, text("q") + quantised)), (source) => {
      expect([...source.names()]).toEqual(["w"]);
      expect([...source.opaque!.keys()]).toEqual(["q"]);
      expect(() => withRules(source, [])).toThrow("torch.QInt8Storage");
    });
  });

  test("files that would run a command in PyTorch run nothing", async () => {
    await using(openCheckpoint(fixture("evil-beside.pth")), (source) => {
      expect([...withRules(source, [{ take: "state_dict." }]).names()]).toEqual(["w"]);
    });
    await using(openCheckpoint(fixture("evil-inside.pth")), (source) => {
      expect(() => withRules(source, [{ take: "state_dict." }])).toThrow(/"evil".*posix\.system \(byte 196 of /);
    });
    await using(openCheckpoint(fixture("evil-path.pth")), (source) => {
      expect(() => withRules(source, [{ take: "state_dict." }])).toThrow(
        /"state_dict".*__builtin__\.eval \(byte 23 of /,
      );
    });
    await expect(openCheckpoint(fixture("evil-top-legacy.pth"))).rejects.toMatchObject({
      ...refusal("posix.system (byte 139 of"),
      details: { global: "posix.system", offset: 139 },
    });
    expect(existsSync("ssl-hub-was-here")).toBe(false);
  });
});

describe("files that are something else are told by what they are", () => {
  const tar = Buffer.alloc(1024);
  tar.write("ustar", 257);
  const CASES: Record<string, [data: Uint8Array, message: string]> = {
    nothing: [bytes(""), "an empty file"],
    "a git-LFS pointer": [bytes("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "git-LFS pointer"],
    "a web page": [bytes("\n<!DOCTYPE html><html></html>"), "a web page"],
    "an index of shards": [bytes('{"weight_map": {}}'), "text in JSON"],
    npy: [bytes("\x93NUMPY\x01\0"), "npy"],
    HDF5: [bytes("\x89HDF\r\n\x1a\n"), "HDF5"],
    gzip: [bytes("\x1f\x8b\x08"), "gzip"],
    "a tar archive": [tar, "tar archive"],
    "a zip of something": [zip([{ name: "word/document.xml", data: FOUR }]), "it has no data.pkl"],
    "a cut zip": [zip(members(pickle(dict(W)))).subarray(0, 300), "no directory at its end"],
    "a plain pickle": [
      pickle(global("os", "system"), text("ls"), 0x85, "R"),
      "a whole object made by os.system (byte 2 of ",
    ],
    text: [bytes("hello"), "none of the known"],
  };
  for (const [name, [data, message]] of Object.entries(CASES)) {
    test(name, () => expect(openBytes(data)).rejects.toMatchObject(refusal(message)));
  }

  test("a plain pickle is refused with the first thing it names", () =>
    expect(openBytes(CASES["a plain pickle"]![0])).rejects.toMatchObject({
      details: { global: "os.system", offset: 2 },
    }));

  const OTHERS: [name: string, message: string][] = [
    ["whole-model.pth", "torch.nn.modules.container.Sequential (byte 2 of "],
    ["whole-model-legacy.pth", "torch.nn.modules.container.Sequential (byte 153 of "],
  ];
  for (const [name, message] of OTHERS) {
    test(name, () => expect(openCheckpoint(fixture(name))).rejects.toMatchObject(refusal(message)));
  }

  test("no tensors, or one without a name", async () => {
    await expect(openPickle(dict(`${text("epoch")}K\x03`))).rejects.toMatchObject(
      refusal("holds no tensor; its keys are epoch"),
    );
    await expect(openPickle(tensor("0", 4, [4], [1]))).rejects.toMatchObject(refusal("a single tensor without a name"));
    await expect(openPickle(dict(`${text("net")}${global("m", "Net")})R`))).rejects.toMatchObject(
      refusal('"net" is an object made by m.Net'),
    );
  });

  test("no file", () => expect(openCheckpoint(join(dir, "absent"))).rejects.toMatchObject({ code: "DISK" }));
  test("a folder", () => expect(openCheckpoint(dir)).rejects.toMatchObject({ code: "DISK" }));
});

test("a refused file is closed again", async () => {
  const before = await openHandles();
  for (let i = 0; i < 20; i++) await openCheckpoint(fixture("whole-model.pth")).catch(() => {});
  expect(await openHandles()).toBe(before);
});

/** Open descriptors of this process on fixtures; the question can be asked on Linux alone. */
async function openHandles(): Promise<number> {
  if (!existsSync("/proc/self/fd")) return 0;
  const { readlink } = await import("node:fs/promises");
  const links = await Promise.all(
    (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
  );
  return links.filter((link) => link.endsWith("whole-model.pth")).length;
}
