import { HubError } from "../../src/core/errors.ts";
import type { TensorSource } from "../source.ts";
import type { Bytes } from "./bytes.ts";
import { readView, type TensorView } from "./tensor.ts";

export interface Views {
  format: TensorSource["format"];
  /** The file, for messages. */
  file: Bytes;
  tensors: ReadonlyMap<string, TensorView>;
  opaque?: ReadonlyMap<string, string>;
  /** The raw data of a storage, by its key. */
  storage(key: string): Bytes | Promise<Bytes>;
  bigEndian?(key: string): boolean;
  close(): Promise<void>;
}

/** What each reader comes to: named views of storages, read from the file when they are asked for. */
export function viewSource({ format, file, tensors, opaque, storage, bigEndian, close }: Views): TensorSource {
  const find = (name: string): TensorView => {
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      throw new HubError("KEYS", `Cannot read ${name}: the checkpoint ${file.name} has no such tensor.`);
    }
    return tensor;
  };
  return {
    format,
    ...(opaque && { opaque }),
    names: () => tensors.keys(),
    meta: (name) => ({ dtype: find(name).storage.dtype, shape: find(name).shape }),
    read: async (name, signal) => {
      signal?.throwIfAborted();
      const view = find(name);
      const { key } = view.storage;
      const values = await readView(view, await storage(key), bigEndian?.(key) ?? false);
      signal?.throwIfAborted();
      return values;
    },
    close,
  };
}

/** Whether a tensor of this name is passed over: a counter of BatchNorm that no weight depends on. */
export const isCounter = (name: string) => /(^|\.)num_batches_tracked$/.test(name);
