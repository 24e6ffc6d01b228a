import { HubError } from "../../src/core/errors.ts";
import type { TensorSource } from "../source.ts";
import { type Bytes, damaged } from "./bytes.ts";
import { ITEM_BYTES } from "./dtype.ts";
import { readPickle } from "./pickle.ts";
import { readView, type Storage, type TensorView } from "./tensor.ts";
import { torchPickle } from "./torch-pickle.ts";
import { flatten, type Tree, whereIs } from "./tree.ts";
import type { Zip } from "./zip.ts";

/** Largest object pickle that is read; that of a full training checkpoint is a few MB, the tensors lie outside it. */
export const MAX_PICKLE_BYTES = 64 * 2 ** 20;

const ROOT = /^([^/]+)\/data\.pkl$/;

/**
 * A file of torch.save since torch 1.6: a zip archive with one pickle and one member for each storage.
 * @throws HubError `CHECKPOINT` when it is damaged, or its tensors cannot be had without running code.
 */
export async function openTorchZip(file: Bytes, zip: Zip, close: () => Promise<void>): Promise<TensorSource> {
  const roots = [...zip.members.keys()].flatMap((name) => ROOT.exec(name)?.[1] ?? []);
  if (roots.length !== 1) throw damaged(`${file.name} has ${roots.length} members named data.pkl`);
  const member = (name: string) => `${roots[0]}/${name}`;
  const name = `${member("data.pkl")} in ${file.name}`;
  const storages = new Map<string, Storage>();
  const pickle = await zip.readAll(member("data.pkl"), MAX_PICKLE_BYTES);
  const tree = flatten(readPickle(pickle, torchPickle(name, storages)).value, name);
  for (const { key, total, dtype } of storages.values()) {
    const size = zip.members.get(member(`data/${key}`))?.size;
    if (size !== total * ITEM_BYTES[dtype]) {
      throw damaged(
        `${member(`data/${key}`)} in ${file.name} should have ${total * ITEM_BYTES[dtype]} bytes and has ${size ?? "no data"}`,
      );
    }
  }
  const bigEndian = await isBigEndian(zip, member("byteorder"));
  return torchSource("torch-zip", name, tree, (key) => zip.open(member(`data/${key}`)), { bigEndian, close });
}

/** Torch below 2.1 did not note the byte order; it wrote that of the machine, which is little endian all but always. */
async function isBigEndian(zip: Zip, name: string): Promise<boolean> {
  if (!zip.members.has(name)) return false;
  const order = Buffer.from(await zip.readAll(name, 64))
    .toString("latin1")
    .trim();
  if (order !== "little" && order !== "big") throw damaged(`its byte order is ${JSON.stringify(order)}`);
  return order === "big";
}

/** The tensors of a torch pickle, read from their storages when they are asked for. */
export function torchSource(
  format: "torch-zip" | "torch-legacy",
  pickle: string,
  { tensors, opaque }: Tree,
  storage: (key: string) => Promise<Bytes>,
  { bigEndian, close }: { bigEndian: boolean; close: () => Promise<void> },
): TensorSource {
  const find = (name: string): TensorView => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new HubError("KEYS", `Cannot read ${name}: the checkpoint has no such tensor.`);
    return tensor;
  };
  return {
    format,
    opaque: new Map([...opaque].map(([name, global]) => [name, whereIs(global, pickle)])),
    names: () => tensors.keys(),
    meta: (name) => ({ dtype: find(name).storage.dtype, shape: find(name).shape }),
    read: async (name, signal) => {
      signal?.throwIfAborted();
      const view = find(name);
      const values = await readView(view, await storage(view.storage.key), bigEndian);
      signal?.throwIfAborted();
      return values;
    },
    close,
  };
}
