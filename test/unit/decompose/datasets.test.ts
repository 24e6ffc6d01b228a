import { appendFileSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseCsv } from "csv-parse/sync";
import fc from "fast-check";
import { Header } from "tar";
import { describe, expect, it } from "vitest";
import { csvRecords } from "../../../src/core/csv.ts";
import type { Dataset } from "../../../src/decompose/dataset.ts";
import { imageArrays } from "../../../src/decompose/datasets/arrays.ts";
import { imageFolder } from "../../../src/decompose/datasets/image-folder.ts";
import { manifest } from "../../../src/decompose/datasets/manifest.ts";
import { webDataset } from "../../../src/decompose/datasets/web-dataset.ts";
import { scratch } from "../../support/scratch.ts";

async function items(data: Dataset) {
  return Promise.all(Array.from({ length: data.length }, (_, i) => data.item(i)));
}

async function idsOf(data: Dataset) {
  return (await items(data)).map(({ id }) => id);
}

describe("imageFolder", () => {
  it("lists the classes and images of torchvision's ImageFolder, in its order", async () => {
    // The expectation was printed by torchvision 0.14's ImageFolder on this very tree.
    const dir = scratch(
      Object.fromEntries(
        [
          "b/x.JPG",
          "b/10.png",
          "b/2.png",
          "b/notes.txt",
          "a/z.webp",
          "a/s/1.tiff",
          "a/s-t/1.pgm",
          "a/s/u/1.ppm",
          "é/1.bmp",
          "B/.jpg",
          "top.png",
        ].map((name) => [name, name]),
      ),
    );
    const data = await imageFolder(dir);
    expect(data.classes).toEqual(["B", "a", "b", "é"]);
    expect(await idsOf(data)).toEqual([
      "B/.jpg",
      "a/z.webp",
      "a/s/1.tiff",
      "a/s-t/1.pgm",
      "a/s/u/1.ppm",
      "b/10.png",
      "b/2.png",
      "b/x.JPG",
      "é/1.bmp",
    ]);
    expect([...data.labels()]).toEqual([0, 1, 1, 1, 1, 2, 2, 2, 3]);
    expect(await data.item(5)).toEqual({ id: "b/10.png", label: 2, image: join(dir, "b/10.png") });
    await expect(data.item(9)).rejects.toThrow(RangeError);
  });

  it("sorts by code point, as Python does, not by UTF-16 unit", async () => {
    const data = await imageFolder(scratch({ "\u{1F600}/1.png": "", "\uFF21/1.png": "" }));
    expect(data.classes).toEqual(["\uFF21", "\u{1F600}"]);
  });

  it("follows links but not in circles", async () => {
    const dir = scratch({ "all/a/1.png": "1", "elsewhere/2.png": "2" });
    symlinkSync(join(dir, "elsewhere"), join(dir, "all/a/linked"));
    symlinkSync(join(dir, "elsewhere"), join(dir, "all/b"));
    symlinkSync(join(dir, "all"), join(dir, "elsewhere/loop"));
    symlinkSync(join(dir, "nowhere"), join(dir, "all/a/broken.png"));
    const data = await imageFolder(dir, { split: "all" });
    expect(data.classes).toEqual(["a", "b"]);
    expect(await idsOf(data)).toEqual(["a/1.png", "a/broken.png", "a/linked/2.png", "b/2.png"]);
  });

  it("refuses a class without an image, a folder without a class and no folder", async () => {
    const dir = scratch({ "a/1.png": "", "b/readme.txt": "" });
    await expect(imageFolder(dir)).rejects.toMatchObject({
      code: "DATA",
      message: expect.stringContaining("class b has no image"),
    });
    await expect(imageFolder(join(dir, "a"))).rejects.toMatchObject({
      code: "DATA",
      message: expect.stringContaining("no sub-folder"),
    });
    await expect(imageFolder(join(dir, "c"))).rejects.toMatchObject({
      code: "DATA",
      message: expect.stringContaining("ENOENT"),
    });
  });

  it("has a key that follows the content and nothing else", async () => {
    const tree = { "a/1.png": "one", "b/2.png": Buffer.alloc(20_000, 7) };
    const key = async (change?: (dir: string) => void) => {
      const dir = scratch(tree);
      change?.(dir);
      return (await imageFolder(dir)).key;
    };
    const same = await key();
    expect(await key((dir) => utimesSync(join(dir, "a/1.png"), 1, 1))).toBe(same);
    expect(await key((dir) => writeFileSync(join(dir, "a/notes.txt"), "no image"))).toBe(same);
    const changes: ((dir: string) => void)[] = [
      (dir) => writeFileSync(join(dir, "a/1.png"), "eno"),
      (dir) => appendFileSync(join(dir, "b/2.png"), "x"),
      (dir) => writeFileSync(join(dir, "b/2.png"), Buffer.concat([Buffer.alloc(19_999, 7), Buffer.from("x")])),
      (dir) => writeFileSync(join(dir, "b/3.png"), "new"),
      (dir) => mkdirSync(join(dir, "c")) ?? writeFileSync(join(dir, "c/1.png"), "one"),
    ];
    for (const change of changes) expect(await key(change)).not.toBe(same);
  });

  it("stops at the signal", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(imageFolder(scratch({ "a/1.png": "" }), { signal })).rejects.toThrow("enough");
  });
});

describe("manifest", () => {
  const read = (name: string, content: string | Uint8Array, options?: { classes?: string[] }) =>
    manifest(join(scratch({ [name]: content }), name), options);

  it("reads CSV with byte order mark, CRLF, quotes, other columns and blank lines", async () => {
    const dir = scratch({
      "train.csv":
        '\ufeffid,label,path\r\n1,dog,a.png\r\n2,"a ""big"", cat","sub/b,c.png"\r\n\r\n3,dog,/abs/d.png\r\n4,ant,../e.png',
    });
    const data = await manifest(join(dir, "train.csv"));
    expect(data.classes).toEqual(['a "big", cat', "ant", "dog"]);
    expect([...data.labels()]).toEqual([2, 0, 2, 1]);
    expect((await items(data)).map(({ image }) => image)).toEqual([
      join(dir, "a.png"),
      join(dir, "sub/b,c.png"),
      "/abs/d.png",
      join(dir, "../e.png"),
    ]);
  });

  it("reads JSONL, and number labels in the order of numbers", async () => {
    const data = await read("m.jsonl", '{"path":"a.png","label":10}\n\n{"label":"9","path":"b.png","more":[1]}\r\n');
    expect(data.classes).toEqual(["9", "10"]);
    expect([...data.labels()]).toEqual([1, 0]);
  });

  it("takes the classes given, in their order", async () => {
    const data = await read("m.csv", "path,label\na.png,cat\n", { classes: ["dog", "cat"] });
    expect(data.classes).toEqual(["dog", "cat"]);
    expect([...data.labels()]).toEqual([1]);
  });

  it.each([
    ["a missing column", "m.csv", "path,class\na.png,cat\n", "line 1: no column label"],
    ["no line at all", "m.csv", "", "line 1: no column path"],
    ["no image", "m.csv", "path,label\n", "it lists no image"],
    ["a field too many", "m.csv", "path,label\na.png,cat\nb.png,cat,x\n", "line 3: 3 fields, the header has 2"],
    [
      "an open quote, behind a field of two lines",
      "m.csv",
      'path,label\n"a\nb.png",cat\nc.png,"cat\n',
      "line 4: a quote",
    ],
    ["an empty label", "m.csv", "path,label\na.png,\n", "line 2: label is missing"],
    ["a URL", "m.csv", "path,label\nhttps://x.org/a.png,cat\n", 'line 2: "https://x.org/a.png" is not the path'],
    ["an image named twice", "m.csv", "path,label\na.png,cat\n./a.png,dog\n", "line 3"],
    ["an unknown label", "m.csv", "path,label\na.png,cat\nb.png,cow\n", 'line 3: unknown label "cow"'],
    ["a bad JSON line", "m.jsonl", '{"path":"a.png","label":"cat"}\n\n{"path":\n', "line 3:"],
    ["a JSON line that is no object", "m.jsonl", "null\n", "line 1: path is missing"],
    ["bytes that are no UTF-8", "m.csv", Buffer.from("path,label\na\xff.png,cat\n", "latin1"), "in UTF-8"],
  ])("refuses %s", async (_, name, content, found) => {
    await expect(read(name, content, { classes: ["cat", "dog"] })).rejects.toMatchObject({
      code: "DATA",
      message: expect.stringContaining(found),
    });
  });

  it("refuses other kinds of file", async () => {
    await expect(manifest("list.txt")).rejects.toThrow(TypeError);
  });

  it("splits CSV as csv-parse does", () => {
    const field = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r\n", "é", " ") });
    const quote = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    fc.assert(
      fc.property(
        fc.array(fc.array(field, { minLength: 2, maxLength: 3 })),
        fc.constantFrom("\n", "\r\n"),
        (rows, eol) => {
          const text = rows.map((row) => row.map(quote).join(",")).join(eol);
          const expected = parseCsv(text, {
            relaxColumnCount: true,
            skipEmptyLines: true,
            recordDelimiter: ["\n", "\r\n"],
          });
          expect([...csvRecords(text)].map(({ fields }) => fields)).toEqual(expected);
          expect(expected).toEqual(rows);
        },
      ),
    );
  });
});

describe("webDataset", () => {
  const block = (o: {
    path: string;
    size: number;
    type?: "File" | "SymbolicLink" | "SparseFile" | "ExtendedHeader";
  }) => {
    const out = Buffer.alloc(512);
    new Header({ mode: 0o644, uid: 0, gid: 0, mtime: new Date(0), type: "File", ...o }).encode(out, 0);
    return out;
  };
  const file = (path: string, content: string) => {
    const padded = Buffer.alloc(Math.ceil(content.length / 512) * 512);
    padded.write(content);
    return Buffer.concat([block({ path, size: content.length }), padded]);
  };
  const tarOf = (...files: [string, string][]) =>
    Buffer.concat([...files.map(([path, content]) => file(path, content)), Buffer.alloc(1024)]);
  const open = (bytes: Uint8Array, options?: { classes?: string[] }) =>
    webDataset(join(scratch({ "d.tar": bytes }), "d.tar"), options);

  it.each(["pax", "gnu"])("reads what Python's tarfile wrote as %s", async (form) => {
    const data = await webDataset(new URL(`../../fixtures/decompose/${form}.tar`, import.meta.url).pathname);
    expect(data.classes).toEqual(["0", "1"]);
    const found = (await items(data)).map((s) => ({ ...s, image: Buffer.from(s.image as Uint8Array).toString() }));
    expect(found).toEqual([
      { id: `${form}.tar/a`, label: 0, image: "image-two" },
      { id: `${form}.tar/folder/${"n".repeat(170)}é`, label: 1, image: "image-one" },
    ]);
  });

  it("takes several tars, names and the classes given", async () => {
    const dir = scratch({
      "0.tar": tarOf(["b.png", "B"], ["b.txt", " cat\n"], ["a.json", '{"label":"dog"}'], ["a.png", "A"]),
      "1.tar": tarOf(["a.png", "C"], ["a.txt", "cat"], ["__index__.json", "{}"]),
    });
    const tars = [join(dir, "0.tar"), join(dir, "1.tar")];
    const data = await webDataset(tars, { classes: ["dog", "cat"] });
    expect(await idsOf(data)).toEqual(["0.tar/a", "0.tar/b", "1.tar/a"]);
    expect([...data.labels()]).toEqual([0, 1, 1]);
    expect((await webDataset(tars)).classes).toEqual(["cat", "dog"]);
    await expect(webDataset([tars[0]!, tars[0]!])).rejects.toMatchObject({ code: "DATA" });
  });

  it("has a key that follows the content", async () => {
    const one = await open(tarOf(["a.png", "A"], ["a.cls", "0"]));
    const same = await open(tarOf(["a.cls", "0"], ["a.png", "A"], ["stray.md", "x"]));
    const other = await open(tarOf(["a.png", "B"], ["a.cls", "0"]));
    expect(same.key).toBe(one.key);
    expect(other.key).not.toBe(one.key);
  });

  it.each([
    ["no label", tarOf(["a.png", "A"]), "sample a has no label"],
    ["a label that is no number", tarOf(["a.png", "A"], ["a.cls", "-1"]), "a.cls holds no label"],
    ["a label in broken JSON", tarOf(["a.png", "A"], ["a.json", "{"]), "a.json is not JSON"],
    ["a label file of 2 kB", tarOf(["a.png", "A"], ["a.cls", "1".repeat(2048)]), "a.cls has 2048 bytes"],
    ["a class number past the classes", tarOf(["a.png", "A"], ["a.cls", "2"]), "label 2 of 2 classes"],
    ["two images", tarOf(["a.png", "A"], ["a.jpg", "A"], ["a.cls", "0"]), "two files for its image"],
    ["no image", tarOf(["a.cls", "0"]), "Need images"],
    [
      "a size past the end",
      Buffer.concat([block({ path: "a.png", size: 1e12 }), Buffer.alloc(1024)]),
      "an entry of 1000000000000 bytes",
    ],
    ["a header that is cut", tarOf(["a.png", "A"]).subarray(0, 1200), "a header that is cut at byte 1024"],
    ["a sparse file", block({ path: "a.png", size: 0, type: "SparseFile" }), "sparse"],
    [
      "an extended header of 2 MB",
      Buffer.concat([block({ path: "x", size: 2 << 20, type: "ExtendedHeader" }), Buffer.alloc(2 << 20)]),
      "an extended header of 2097152",
    ],
    ["gzip", Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(1022, 1)]), "a compressed file"],
    ["something else", Buffer.alloc(1024, "html"), "no tar header at byte 0"],
  ])("refuses %s", async (_, bytes, found) => {
    await expect(open(bytes, { classes: ["x", "y"] })).rejects.toMatchObject({
      code: "DATA",
      message: expect.stringContaining(found),
    });
  });

  it("reads any damaged tar to the end or says DATA", async () => {
    const tar = readFileSync(new URL("../../fixtures/decompose/pax.tar", import.meta.url));
    const path = join(scratch(), "d.tar");
    await fc.assert(
      fc.asyncProperty(fc.nat(tar.length - 1), fc.nat(255), fc.nat(tar.length), async (at, byte, length) => {
        const bytes = Buffer.from(tar.subarray(0, length));
        if (at < length) bytes[at] = byte;
        writeFileSync(path, bytes);
        await webDataset(path)
          .then(items)
          .catch((error) => expect(["DATA", "IMAGE"]).toContain(error.code));
      }),
      { numRuns: 200 },
    );
  });

  it("notices a tar that changed since it was indexed", async () => {
    const path = join(scratch({ "d.tar": tarOf(["a.png", "A"], ["a.cls", "0"]) }), "d.tar");
    const data = await webDataset(path);
    appendFileSync(path, "more");
    await expect(data.item(0)).rejects.toMatchObject({ code: "IMAGE", message: expect.stringContaining("a.png of") });
  });
});

describe("imageArrays", () => {
  const gray = (level: number) => ({ data: new Uint8Array(12).fill(level), width: 2, height: 2 });

  it("holds raw pixels under a key of their bytes", async () => {
    const data = imageArrays([gray(1), gray(2)], [0, 2]);
    expect(data.classes).toEqual(["0", "1", "2"]);
    expect(await data.item(1)).toEqual({ id: "1", label: 2, image: gray(2) });
    expect(imageArrays([gray(1), gray(2)], [0, 2]).key).toBe(data.key);
    expect(imageArrays([gray(1), gray(3)], [0, 2]).key).not.toBe(data.key);
    expect(imageArrays([gray(1), gray(2)], [1, 2]).key).not.toBe(data.key);
  });

  it("refuses lengths and labels that do not fit", () => {
    expect(() => imageArrays([gray(1)], [])).toThrow(TypeError);
    expect(() => imageArrays([gray(1)], [-1])).toThrow("label 0 is -1");
    expect(() => imageArrays([gray(1)], [2], { classes: ["a", "b"] })).toThrow("label 0 is 2");
  });
});
