import { type Bytes, damaged } from "./bytes.ts";
import { ITEM_BYTES } from "./dtype.ts";
import { type NumpyDType, numpyDType } from "./numpy-dtype.ts";
import { contiguous, faultOf, type TensorView } from "./tensor.ts";

const MAGIC = "\x93NUMPY";
/** Numpy itself reads no longer headers unless told to. */
const MAX_HEADER = 10_000;
/** Of versions 1, 2 and 3: magic, version, and a length of two bytes or of four. */
const PREFIX_BYTES = { 1: 10, 2: 12, 3: 12 } as const;

export interface Npy {
  view: TensorView;
  bigEndian: boolean;
  /** Where the data begin. */
  start: number;
}

/**
 * Reads the header of a numpy array: format versions 1 to 3.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 * @returns the array under its own name as storage key, or the dtype's text when its elements are no numbers.
 * @throws HubError `CHECKPOINT` when it is damaged or its shape is not that of its data.
 */
export async function readNpyHeader(bytes: Bytes, key: string): Promise<Npy | string> {
  const head = Buffer.from(await bytes.read(0, Math.min(bytes.size, MAX_HEADER + 12)));
  const prefix = PREFIX_BYTES[head[6] as 1 | 2 | 3];
  if (head.subarray(0, 6).toString("latin1") !== MAGIC || prefix === undefined || head.length < prefix) {
    throw damaged(`${bytes.name} is no numpy array of format 1 to 3`);
  }
  const length = prefix === 10 ? head.readUInt16LE(8) : head.readUInt32LE(8);
  const start = prefix + length;
  if (length > MAX_HEADER || start > head.length) throw damaged(`${bytes.name} claims a header of ${length} bytes`);
  const header = parseHeader(head.toString(head[6] === 3 ? "utf8" : "latin1", prefix, start));
  if (header === undefined) throw damaged(`${bytes.name} has a header that numpy does not write`);
  const { descr, shape, fortran } = header;
  const type = numpyDType(descr);
  return type === undefined ? descr : arrayOf(bytes, key, type, shape, fortran, start);
}

function arrayOf(bytes: Bytes, key: string, type: NumpyDType, shape: number[], fortran: boolean, start: number): Npy {
  const view = contiguous(key, type.dtype, shape, fortran ? "F" : "C");
  const fault = faultOf(view);
  const size = view.storage.count * ITEM_BYTES[type.dtype];
  if (fault !== undefined || start + size !== bytes.size) {
    throw damaged(
      `${bytes.name} holds ${bytes.size - start} bytes for ${fault ?? `${type.dtype} [${shape}], ${size} bytes`}`,
    );
  }
  return { view, bigEndian: type.bigEndian, start };
}

/** One entry of the header's dictionary: a key, a text or a list (of a record), True or False, or a tuple of sizes. */
const ENTRY = /\s*(["'])(\w+)\1\s*:\s*(?:(["'])([^"']*)\3|(\[[^\]]*\])|(True|False)|\(([\d\sL,]*)\))\s*(,|(?=\}))/y;

/** A Python literal `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, and nothing but that. */
function parseHeader(text: string): { descr: string; fortran: boolean; shape: number[] } | undefined {
  const found = new Map<string, { text?: string; flag?: string; sizes?: string }>();
  let at = text.indexOf("{") + 1;
  for (ENTRY.lastIndex = at; ; at = ENTRY.lastIndex) {
    const [entry, , key, , quoted, list, flag, sizes] = ENTRY.exec(text) ?? [];
    if (entry === undefined) break;
    if (found.has(key!)) return undefined;
    found.set(key!, { text: quoted ?? list, flag, sizes });
  }
  const descr = found.get("descr")?.text;
  const flag = found.get("fortran_order")?.flag;
  const sizes = found.get("shape")?.sizes;
  const whole = /^\s*\{$/.test(text.slice(0, text.indexOf("{") + 1)) && /^\s*\}\s*$/.test(text.slice(at));
  if (!whole || found.size !== 3 || descr === undefined || flag === undefined || sizes === undefined) return undefined;
  const shape = sizes.replace(/,\s*$/, "").split(",");
  if (sizes.trim() !== "" && !shape.every((part) => /^\s*\d{1,16}L?\s*$/.test(part))) return undefined;
  return {
    descr,
    fortran: flag === "True",
    shape: sizes.trim() === "" ? [] : shape.map((n) => Number.parseInt(n, 10)),
  };
}
