import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";

/** A tensor to write: its values are made when their turn comes, so that a big file needs little memory. */
export interface TensorEntry {
  shape: readonly number[];
  dtype?: "float32" | "int64";
  values: () => Float32Array | BigInt64Array;
}
/** What a checkpoint holds: nested dictionaries of tensors and plain values, as `torch.save` takes it. */
export type Tree = { [key: string]: Tree | TensorEntry | string | number };

const isTensor = (node: unknown): node is TensorEntry => typeof node === "object" && node !== null && "values" in node;
const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Writes `tree` as `torch.save` does: the zip form of today, or the legacy form of torch before 1.6. */
export async function writeTorch(path: string, tree: Tree, form: "torch-zip" | "torch-legacy"): Promise<void> {
  const storages: TensorEntry[] = [];
  const pickle = pickleTree(tree, storages, form === "torch-legacy");
  const file = await open(path, "w");
  try {
    if (form === "torch-zip") await writeZip(file, pickle, storages);
    else await writeLegacy(file, pickle, storages);
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

function pickleTree(tree: Tree, storages: TensorEntry[], legacy: boolean): Buffer {
  const p = new Pickler();
  const write = (node: Tree | TensorEntry | string | number): void => {
    if (typeof node === "string") p.text(node);
    else if (typeof node === "number") p.int(node);
    else if (isTensor(node)) tensor(node);
    else {
      p.global("collections", "OrderedDict").op(")").op("R").op("(");
      for (const [key, value] of Object.entries(node)) {
        p.text(key);
        write(value);
      }
      p.op("u");
    }
  };
  const tensor = (entry: TensorEntry): void => {
    const strides = entry.shape.map((_, i) => count(entry.shape.slice(i + 1)));
    p.global("torch._utils", "_rebuild_tensor_v2").op("(");
    p.op("(")
      .text("storage")
      .global("torch", entry.dtype === "int64" ? "LongStorage" : "FloatStorage");
    p.text(String(storages.length)).text("cpu").int(count(entry.shape));
    if (legacy) p.op("N");
    p.op("t").op("Q").int(0).tuple(entry.shape).tuple(strides);
    p.op("\x89").global("collections", "OrderedDict").op(")").op("R").op("t").op("R");
    storages.push(entry);
  };
  write(tree);
  return p.end();
}

const storageBytes = (entry: TensorEntry): Buffer => {
  const values = entry.values();
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
};

// --- zip -----------------------------------------------------------------------------------------------------------

async function writeZip(file: FileHandle, pickle: Buffer, storages: TensorEntry[]): Promise<void> {
  const central: Buffer[] = [];
  let at = 0;
  const member = async (name: string, data: Buffer) => {
    const path = Buffer.from(`archive/${name}`);
    const pad = (64 - ((at + 30 + path.length + 4) % 64)) % 64;
    const extra = Buffer.concat([Buffer.from([0x46, 0x42, pad & 255, pad >> 8]), Buffer.alloc(pad, "Z")]);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(0, 4);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, path, extra]);
    local.writeUInt16LE(extra.length, 28);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    central.push(Buffer.concat([Buffer.from("PK\x01\x02\0\0"), fields, tail, path]));
    await file.write(local);
    await file.write(data);
    at += local.length + data.length;
  };
  await member("data.pkl", pickle);
  for (const [i, entry] of storages.entries()) await member(`data/${i}`, storageBytes(entry));
  await member("version", Buffer.from("3\n"));
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(central.length, 8);
  end.writeUInt16LE(central.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  await file.write(Buffer.concat([directory, end]));
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
