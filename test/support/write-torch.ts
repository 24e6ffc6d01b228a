import { type FileHandle, open } from "node:fs/promises";
import { zipWriter } from "./write-zip.ts";

/** A tensor to write: its values are made when their turn comes, so that a big file needs little memory. */
export interface TensorEntry {
  shape: readonly number[];
  dtype?: "float32" | "int64" | "float16";
  /** Of float16 the bits. */
  values: () => Float32Array | BigInt64Array | Uint16Array;
}
/** What a checkpoint holds: nested dictionaries of tensors and plain values, as `torch.save` takes it. */
export type Tree = { [key: string]: Tree | TensorEntry | string | number };

const isTensor = (node: unknown): node is TensorEntry => typeof node === "object" && node !== null && "values" in node;
const STORAGES = { float32: "FloatStorage", int64: "LongStorage", float16: "HalfStorage" };
const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

export type TorchForm = "torch-zip" | "torch-legacy" | "torchscript";

/**
 * Writes `tree` as `torch.save` does: the zip form of today, or the legacy form of torch before 1.6; or as
 * `torch.jit.save` writes a module of these parameters, whose keys' parts are the names of modules inside modules.
 */
export async function writeTorch(path: string, tree: Tree, form: TorchForm): Promise<void> {
  const storages: TensorEntry[] = [];
  const pickle = pickleTree(form === "torchscript" ? nested(tree) : tree, storages, form);
  const file = await open(path, "w");
  try {
    if (form === "torch-legacy") await writeLegacy(file, pickle, storages);
    else await writeZip(file, pickle, storages, form === "torchscript");
  } finally {
    await file.close();
  }
}

// --- pickle protocol 2 ---------------------------------------------------------------------------------------------

class Pickler {
  private readonly parts: Buffer[] = [Buffer.from([0x80, 2])];
  op(char: string, ...bytes: number[]): this {
    this.parts.push(Buffer.from([char.charCodeAt(0), ...bytes]));
    return this;
  }
  global(module: string, name: string): this {
    this.parts.push(Buffer.from(`c${module}\n${name}\n`));
    return this;
  }
  text(value: string): this {
    const bytes = Buffer.from(value);
    const head = Buffer.alloc(5, "X");
    head.writeUInt32LE(bytes.length, 1);
    this.parts.push(head, bytes);
    return this;
  }
  int(value: number): this {
    const bytes = Buffer.alloc(5, "J");
    bytes.writeInt32LE(value, 1);
    this.parts.push(bytes);
    return this;
  }
  tuple(values: readonly number[]): this {
    this.op("(");
    for (const value of values) this.int(value);
    return this.op("t");
  }
  end(): Buffer {
    this.op(".");
    return Buffer.concat(this.parts);
  }
}

function pickleTree(tree: Tree, storages: TensorEntry[], form: TorchForm): Buffer {
  const p = new Pickler();
  let modules = 0;
  const write = (node: Tree | TensorEntry | string | number): void => {
    if (typeof node === "string") p.text(node);
    else if (typeof node === "number") p.int(node);
    else if (isTensor(node)) tensor(node);
    else if (form === "torchscript") module(node);
    else {
      p.global("collections", "OrderedDict").op(")").op("R").op("(");
      items(node);
      p.op("u");
    }
  };
  const items = (node: Tree): void => {
    for (const [key, value] of Object.entries(node)) {
      p.text(key);
      write(value);
    }
  };
  const module = (node: Tree): void => {
    p.global("__torch__.multimodal", `Module_${modules++}`).op(")").op("\x81").op("}").op("(");
    p.text("training").op("\x89");
    items(node);
    p.op("u").op("b");
  };
  const tensor = (entry: TensorEntry): void => {
    const strides = entry.shape.map((_, i) => count(entry.shape.slice(i + 1)));
    p.global("torch._utils", "_rebuild_tensor_v2").op("(");
    p.op("(")
      .text("storage")
      .global("torch", STORAGES[entry.dtype ?? "float32"]);
    p.text(String(storages.length)).text("cpu").int(count(entry.shape));
    if (form === "torch-legacy") p.op("N");
    p.op("t").op("Q").int(0).tuple(entry.shape).tuple(strides);
    p.op("\x89").global("collections", "OrderedDict").op(")").op("R").op("t").op("R");
    storages.push(entry);
  };
  write(tree);
  return p.end();
}

/** A flat `state_dict` as the tree of modules its keys tell of. */
function nested(flat: Tree): Tree {
  const root: Tree = {};
  for (const [key, value] of Object.entries(flat)) {
    const parts = key.split(".");
    let at = root;
    for (const part of parts.slice(0, -1)) {
      at[part] ??= {};
      at = at[part] as Tree;
    }
    at[parts.at(-1)!] = value;
  }
  return root;
}

const storageBytes = (entry: TensorEntry): Buffer => {
  const values = entry.values();
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
};

// --- zip -----------------------------------------------------------------------------------------------------------

async function writeZip(file: FileHandle, pickle: Buffer, storages: TensorEntry[], script: boolean): Promise<void> {
  const zip = zipWriter(file);
  await zip.member("archive/data.pkl", pickle);
  for (const [i, entry] of storages.entries()) await zip.member(`archive/data/${i}`, storageBytes(entry));
  if (script) {
    await zip.member("archive/code/__torch__/multimodal.py", Buffer.from("class Module_0(Module):\n  pass\n"));
    await zip.member("archive/constants.pkl", Buffer.from([0x80, 2, 0x29, 0x2e]));
  }
  await zip.member("archive/version", Buffer.from("3\n"));
  await zip.end();
}

// --- legacy --------------------------------------------------------------------------------------------------------

async function writeLegacy(file: FileHandle, pickle: Buffer, storages: TensorEntry[]): Promise<void> {
  const magic = Buffer.from("80028a0a6cfc9c46f9206aa850192e", "hex");
  const protocol = Buffer.from("80024de9032e", "hex");
  const sizes = new Pickler().op("}").op("(").text("little_endian").op("\x88").op("u").end();
  const keys = new Pickler().op("]").op("(");
  // Keys are stored sorted as text, and the data in the order of the keys.
  const order = storages.map((_, i) => String(i)).sort();
  for (const key of order) keys.text(key);
  await file.write(Buffer.concat([magic, protocol, sizes, pickle, keys.op("e").end()]));
  for (const key of order) {
    const entry = storages[Number(key)]!;
    const head = Buffer.alloc(8);
    head.writeBigInt64LE(BigInt(count(entry.shape)));
    await file.write(head);
    await file.write(storageBytes(entry));
  }
}
