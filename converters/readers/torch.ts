import type { TensorSource } from "../source.ts";
import { type Bytes, damaged } from "./bytes.ts";
import { ITEM_BYTES } from "./dtype.ts";
import { readPickle } from "./pickle.ts";
import type { Storage } from "./tensor.ts";
import { TORCH, TORCHSCRIPT, torchPickle } from "./torch-pickle.ts";
import { flatten, opaqueOf } from "./tree.ts";
import { viewSource } from "./views.ts";
import type { Zip } from "./zip.ts";

/** Largest object pickle that is read; that of a full training checkpoint is a few MB, the tensors lie outside it. */
export const MAX_PICKLE_BYTES = 64 * 2 ** 20;

/** What to do about a file that is a whole object. */
export const ADVICE = "Save the model's state_dict() instead, with torch.save(model.state_dict(), path).";

const ROOT = /^([^/]+)\/data\.pkl$/;

/** Whether an archive is of torch, and which: both kinds hold a data.pkl, only TorchScript comes with its constants. */
export function torchKind(zip: Zip): "torch-zip" | "torchscript" | undefined {
  const has = (member: RegExp) => [...zip.members.keys()].some((name) => member.test(name));
  if (!has(ROOT)) return undefined;
  return has(/^[^/]+\/constants\.pkl$/) ? "torchscript" : "torch-zip";
}

/**
 * A zip archive with one pickle and one member for each storage: of torch.save since torch 1.6, or of torch.jit.save,
 * whose pickle holds module objects; their attributes are read as a state_dict, their code is not.
 * @throws HubError `CHECKPOINT` when it is damaged, or its tensors cannot be had without running code.
 */
export async function openTorchZip(file: Bytes, zip: Zip, close: () => Promise<void>): Promise<TensorSource> {
  const roots = [...zip.members.keys()].flatMap((name) => ROOT.exec(name)?.[1] ?? []);
  if (roots.length !== 1) throw damaged(`${file.name} has ${roots.length} members named data.pkl`);
  const member = (name: string) => `${roots[0]}/${name}`;
  const name = `${member("data.pkl")} in ${file.name}`;
  const storages = new Map<string, Storage>();
  const pickle = await zip.readAll(member("data.pkl"), MAX_PICKLE_BYTES);
  const format = torchKind(zip) ?? "torch-zip";
  const allow = format === "torchscript" ? TORCHSCRIPT : TORCH;
  const tree = flatten(readPickle(pickle, torchPickle(name, storages, allow)).value, name, ADVICE);
  for (const { key, total, dtype } of storages.values()) {
    const size = zip.members.get(member(`data/${key}`))?.size;
    if (size !== total * ITEM_BYTES[dtype]) {
      throw damaged(
        `${member(`data/${key}`)} in ${file.name} should have ${total * ITEM_BYTES[dtype]} bytes and has ${size ?? "no data"}`,
      );
    }
  }
  const bigEndian = await isBigEndian(zip, member("byteorder"));
  const storage = (key: string) => zip.open(member(`data/${key}`));
  const { tensors } = tree;
  return viewSource({
    format,
    file,
    tensors,
    opaque: opaqueOf(tree, name),
    storage,
    bigEndian: () => bigEndian,
    close,
  });
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
