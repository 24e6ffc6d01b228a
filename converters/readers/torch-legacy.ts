import { HubError } from "../../src/core/errors.ts";
import type { TensorSource } from "../source.ts";
import { type Bytes, damaged, windowOf } from "./bytes.ts";
import { ITEM_BYTES } from "./dtype.ts";
import { readPickle } from "./pickle.ts";
import type { Storage } from "./tensor.ts";
import { ADVICE, MAX_PICKLE_BYTES } from "./torch.ts";
import { torchPickle } from "./torch-pickle.ts";
import { flatten, opaqueOf } from "./tree.ts";
import { viewSource } from "./views.ts";

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;
const FIRST_READ = 2 ** 18;

/** Whether a file begins with the pickled magic number of torch below 1.6. */
export function isTorchLegacy(head: Uint8Array): boolean {
  try {
    return readPickle(head, { name: "the file", allow: new Map() }).value === MAGIC;
  } catch {
    return false;
  }
}

/**
 * A file of torch.save before 1.6: five pickles (magic number, protocol, sizes of types, the object, the keys of its
 * storages), then for each key the number of elements and the raw data.
 * @throws HubError `CHECKPOINT` when it is damaged, or its tensors cannot be had without running code.
 */
export async function openTorchLegacy(file: Bytes, close: () => Promise<void>): Promise<TensorSource> {
  const { root, keys, storages, end } = await readPickles(file);
  const tree = flatten(root, file.name, ADVICE);
  const data = await placeStorages(file, keys, storages, end);
  const storage = (key: string) => data.get(key)!;
  const opaque = opaqueOf(tree, file.name);
  // Torch writes this form in little endian on every machine.
  return viewSource({ format: "torch-legacy", file, tensors: tree.tensors, opaque, storage, close });
}

interface Pickles {
  root: unknown;
  keys: unknown;
  storages: Map<string, Storage>;
  /** Where the data begin. */
  end: number;
}

/** The pickles do not tell their length: more of the file is read until they end. */
async function readPickles(file: Bytes): Promise<Pickles> {
  for (let length = FIRST_READ; ; length *= 4) {
    const head = await file.read(0, Math.min(length, MAX_PICKLE_BYTES, file.size));
    try {
      return parsePickles(head, file.name);
    } catch (error) {
      const more = head.length < Math.min(MAX_PICKLE_BYTES, file.size);
      if (!(more && error instanceof HubError && error.details.truncated === true)) throw error;
    }
  }
}

function parsePickles(head: Uint8Array, name: string): Pickles {
  const storages = new Map<string, Storage>();
  let end = 0;
  const next = (): unknown => {
    const pickle = readPickle(head, { ...torchPickle(name, storages), start: end });
    end = pickle.end;
    return pickle.value;
  };
  next();
  const protocol = next();
  if (protocol !== PROTOCOL) throw damaged(`${name} is of protocol ${String(protocol).slice(0, 20)}, not ${PROTOCOL}`);
  next();
  const root = next();
  return { root, keys: next(), storages, end };
}

async function placeStorages(file: Bytes, keys: unknown, storages: ReadonlyMap<string, Storage>, start: number) {
  if (!Array.isArray(keys)) throw damaged(`${file.name} does not list its storages`);
  const data = new Map<string, Bytes>();
  let at = start;
  for (const key of keys) {
    const storage = storages.get(key);
    if (storage === undefined || data.has(key)) throw damaged(`${file.name} lists its storages wrongly`);
    const head = await file.read(at, 8);
    const count = new DataView(head.buffer, head.byteOffset).getBigInt64(0, true);
    if (count !== BigInt(storage.total)) {
      throw damaged(`storage ${key} of ${file.name} has ${count} elements at byte ${at}, not ${storage.total}`);
    }
    const bytes = storage.total * ITEM_BYTES[storage.dtype];
    data.set(key, windowOf(file, `storage ${key} of ${file.name}`, at + 8, bytes));
    at += 8 + bytes;
  }
  for (const key of storages.keys()) if (!data.has(key)) throw damaged(`${file.name} has no data for storage ${key}`);
  return data;
}
