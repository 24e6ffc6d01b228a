import { type FileHandle, open } from "node:fs/promises";
import { bytes, global, int, text } from "./pickle-bytes.ts";
import { zipWriter } from "./write-zip.ts";

/** A float32 array to write: its values are made when their turn comes. */
export interface ArrayEntry {
  shape: readonly number[];
  values: () => Float32Array;
}

const raw = ({ values }: ArrayEntry): Uint8Array => {
  const made = values();
  return new Uint8Array(made.buffer, made.byteOffset, made.byteLength);
};

const tuple = (sizes: readonly number[]) => (sizes.length === 1 ? `(${sizes[0]},)` : `(${sizes.join(", ")})`);

/** Writes arrays as `numpy.savez` does. */
export async function writeNpz(path: string, arrays: Record<string, ArrayEntry>): Promise<void> {
  const file = await open(path, "w");
  try {
    const zip = zipWriter(file);
    for (const [name, entry] of Object.entries(arrays)) {
      const text = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple(entry.shape)}, }`;
      const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
      const head = Buffer.from(`\x93NUMPY\x01\0\0\0${text.padEnd(length - 1)}\n`, "latin1");
      head.writeUInt16LE(length, 8);
      await zip.member(`${name}.npy`, Buffer.concat([head, raw(entry)]));
    }
    await zip.end();
  } finally {
    await file.close();
  }
}

/** Nested dictionaries of arrays, by the keys on the way to one. */
export type ArrayTree = { [key: string]: ArrayTree | ArrayEntry };

const isArray = (node: ArrayTree | ArrayEntry): node is ArrayEntry => typeof node.values === "function";

/**
 * Writes what BYOL's training saved: a pickle whose `experiment_state` is a named tuple, made by dill, of nested
 * dictionaries of numpy arrays.
 */
export async function writeHaiku(path: string, state: ArrayTree): Promise<void> {
  const file = await open(path, "w");
  const put = (...parts: (string | number)[]) => file.write(bytes(...parts));
  try {
    const fields = Object.keys(state);
    await put(0x80, 3, `}(${text("experiment_state")}`);
    await put(global("dill._dill", "_create_namedtuple"), `(${text("_ByolExperimentState")}(`);
    await put(fields.map(text).join(""), `t${text("byol.byol_experiment")}tR(`);
    for (const field of fields) await putTree(file, state[field]!);
    await put(`t\x81${text("epoch")}${int(1000)}u.`);
  } finally {
    await file.close();
  }
}

async function putTree(file: FileHandle, node: ArrayTree | ArrayEntry): Promise<void> {
  const put = (...parts: (string | number)[]) => file.write(bytes(...parts));
  if (!isArray(node)) {
    await put("}(");
    for (const [key, child] of Object.entries(node)) {
      await put(text(key));
      await putTree(file, child);
    }
    await put("u");
    return;
  }
  const data = raw(node);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(data.length);
  await put(global("numpy.core.multiarray", "_reconstruct"), `(${global("numpy", "ndarray")}(${int(0)}tC\x01btR(`);
  await put(
    `${int(1)}(${node.shape.map(int).join("")}t`,
    global("numpy", "dtype"),
    `(${text("f4")}${int(0)}${int(1)}tR`,
  );
  await put(`(${int(3)}${text("<")}NNN${int(-1)}${int(-1)}${int(0)}tb\x89B`, length.toString("latin1"));
  await file.write(data);
  await put("tb");
}
