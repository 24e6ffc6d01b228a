import type { TensorSource } from "../source.ts";
import { type Bytes, damaged, windowOf } from "./bytes.ts";
import { ITEM_BYTES } from "./dtype.ts";
import { numpyGlobals, type RawData } from "./numpy-pickle.ts";
import { readPickleFile } from "./pickle.ts";
import type { Span } from "./pickle-cursor.ts";
import { flatten, opaqueOf } from "./tree.ts";
import { viewSource } from "./views.ts";

const ADVICE = "Save its arrays alone instead, as a dictionary of numpy arrays, with pickle.dump or numpy.savez.";
const CHUNK_BYTES = 2 ** 20;

/**
 * A plain pickle of numpy arrays, protocols 2 to 5, as Haiku models are saved in. Names are the keys on the way to an
 * array, joined with dots: `experiment_state.online_params.res_net50/~/initial_conv.w`.
 * @throws HubError `CHECKPOINT` when it is damaged, or its arrays cannot be had without running code.
 */
export async function openHaiku(file: Bytes, close: () => Promise<void>): Promise<TensorSource> {
  const arrays = new Map<string, RawData>();
  const root = await readPickleFile(file, { name: file.name, allow: numpyGlobals(arrays) });
  const tree = flatten(root, file.name, ADVICE);
  const sizes = new Map(
    [...tree.tensors.values()].map((view) => [view.storage.key, view.storage.count * ITEM_BYTES[view.storage.dtype]]),
  );
  return viewSource({
    format: "haiku",
    file,
    tensors: tree.tensors,
    opaque: opaqueOf(tree, file.name),
    storage: (key) => dataOf(file, arrays.get(key)!.bytes, sizes.get(key)!),
    bigEndian: (key) => arrays.get(key)!.bigEndian,
    close,
  });
}

function dataOf(file: Bytes, bytes: Uint8Array | Span, size: number): Bytes {
  const name = `an array of ${file.name}`;
  if (bytes instanceof Uint8Array) {
    const read = async (offset: number, length: number) => bytes.slice(offset, offset + length);
    return windowOf({ name, size: bytes.length, read }, name, 0, bytes.length);
  }
  const raw = windowOf(file, name, bytes.offset, bytes.length);
  return bytes.kind === "bytes" ? raw : windowOf(latin1(raw, size), name, 0, size);
}

/** Text in UTF-8 as the bytes its letters number; it is decoded whole, a chunk at a time. */
function latin1(text: Bytes, size: number): Bytes {
  const read = async (offset: number, length: number) => {
    const out = new Uint8Array(size);
    let to = 0;
    /** The high bits of a letter whose second byte is still to come, or -1. */
    let lead = -1;
    for (let at = 0; at < text.size; at += CHUNK_BYTES) {
      const part = await text.read(at, Math.min(CHUNK_BYTES, text.size - at));
      for (let i = 0; i < part.length; i++) {
        const byte = part[i]!;
        if (lead >= 0) {
          if (byte >> 6 !== 2) throw notLatin(text);
          out[to++] = (lead << 6) | (byte & 0x3f);
          lead = -1;
        } else if (byte < 0x80) out[to++] = byte;
        else if (byte === 0xc2 || byte === 0xc3) lead = byte & 3;
        else throw notLatin(text);
      }
    }
    if (to !== size || lead >= 0) throw notLatin(text);
    return offset === 0 && length === size ? out : out.slice(offset, offset + length);
  };
  return { name: text.name, size, read };
}

const notLatin = (text: Bytes) => damaged(`${text.name} is not text of the letters 0 to 255, or not of its length`);
