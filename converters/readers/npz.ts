import { crc32 } from "node:zlib";
import { HubError, shortList } from "../../src/core/errors.ts";
import type { TensorSource } from "../source.ts";
import { type Bytes, damaged, windowOf } from "./bytes.ts";
import { type Npy, readNpyHeader } from "./npy.ts";
import { isCounter, viewSource } from "./views.ts";
import type { Zip, ZipMember } from "./zip.ts";

const SUFFIX = ".npy";
const MAX_NAME = 1000;

/** Whether an archive holds numpy arrays and nothing else. */
export const isNpz = (zip: Zip) =>
  zip.members.size > 0 && [...zip.members.keys()].every((name) => name.endsWith(SUFFIX));

/**
 * An archive of numpy.savez or savez_compressed. Names are those of the arrays, slashes and all; an array of Python
 * objects, which is a pickle, is never opened.
 * @throws HubError `CHECKPOINT` when it is damaged or holds no array of numbers.
 */
export async function openNpz(file: Bytes, zip: Zip, close: () => Promise<void>): Promise<TensorSource> {
  const arrays = new Map<string, Npy>();
  const opaque = new Map<string, string>();
  for (const member of zip.members.keys()) {
    const name = arrayName(member, file);
    if (isCounter(name)) continue;
    const found = await readNpyHeader(await zip.openAny(member), name);
    if (typeof found !== "string") arrays.set(name, found);
    else opaque.set(name, `numpy, of dtype ${found.slice(0, 100)} (${member} of ${file.name})`);
  }
  if (arrays.size === 0) {
    const found = shortList([...opaque.values()], 3);
    throw new HubError(
      "CHECKPOINT",
      `Cannot read the checkpoint ${file.name}: it holds no array of numbers; ${found}.`,
    );
  }
  const storage = async (name: string) => {
    const member = zip.members.get(name + SUFFIX)!;
    return checked(await zip.openAny(member.name), member, arrays.get(name)!.start, file);
  };
  return viewSource({
    format: "npz",
    file,
    tensors: new Map([...arrays].map(([name, { view }]) => [name, view])),
    opaque,
    storage,
    bigEndian: (name) => arrays.get(name)!.bigEndian,
    close,
  });
}

/** Names become no paths here; those that could harm elsewhere are no names numpy or a model gave. */
function arrayName(member: string, file: Bytes): string {
  const name = member.slice(0, -SUFFIX.length);
  const odd = name === "" || name.length > MAX_NAME || /\p{Cc}|\\|^\/|(^|\/)\.\.(\/|$)/u.test(name);
  if (odd) throw damaged(`${file.name} has a member named ${JSON.stringify(member.slice(0, 100))}`);
  return name;
}

/** The array's data, which are read whole: so the archive's checksum is compared on the way. */
function checked(member: Bytes, { crc }: ZipMember, start: number, file: Bytes): Bytes {
  const data = windowOf(member, `${member.name} in ${file.name}`, start, member.size - start);
  const read = async (offset: number, length: number) => {
    const [head, values] = [await member.read(0, start), await data.read(offset, length)];
    if (length === data.size && crc32(values, crc32(head)) !== crc) {
      throw damaged(`${member.name} of ${file.name} does not have the checksum it should have`);
    }
    return values;
  };
  return { name: data.name, size: data.size, read };
}
