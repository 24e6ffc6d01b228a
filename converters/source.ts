import { HubError } from "../src/core/errors.ts";
import { type Bytes, openFile } from "./readers/bytes.ts";
import type { DType } from "./readers/dtype.ts";
import { openHaiku } from "./readers/haiku.ts";
import { isNpz, openNpz } from "./readers/npz.ts";
import { isSafetensors, openSafetensors } from "./readers/safetensors.ts";
import { openTorchZip, torchKind } from "./readers/torch.ts";
import { isTorchLegacy, openTorchLegacy } from "./readers/torch-legacy.ts";
import { openZip } from "./readers/zip.ts";

export type { DType } from "./readers/dtype.ts";

/** Named tensors, read one at a time: docs/checkpoints.md tells of the formats. Every layer of key rules is one, too. */
export interface TensorSource {
  readonly format: "torch-zip" | "torch-legacy" | "torchscript" | "safetensors" | "npz" | "haiku" | "seed";
  /** Full dotted names, containers included: `state_dict.module.encoder_q.conv1.weight`. Npz's keep their slashes. */
  names(): Iterable<string>;
  /** From the headers; reads no tensor. */
  meta(name: string): { dtype: DType; shape: readonly number[] };
  /** Values in C order, cast to float32 as torch's `.float()`; they are the caller's. */
  read(name: string, signal?: AbortSignal): Promise<Float32Array>;
  /** Must be called once; no tensor can be read after it. */
  close(): Promise<void>;
  /**
   * Objects in the file that only foreign code could make, and arrays whose elements are no numbers, by name, each with
   * its class and place. They are inert. Beside the weights they do no harm; `withRules` refuses a source that still has
   * one among its tensors.
   */
  readonly opaque?: ReadonlyMap<string, string>;
}

const HEAD_BYTES = 512;

/**
 * Opens a checkpoint file. The format is told by its first bytes, never by its name. Headers are read and checked;
 * tensors stay in the file until they are asked for. Nothing in the file is executed.
 * @throws HubError `CHECKPOINT` when the file is damaged, of a kind that is not read, or has no tensors that can be had
 * without running code; `DISK` when it cannot be read at all.
 */
export async function openCheckpoint(path: string): Promise<TensorSource> {
  const file = await openFile(path);
  try {
    return await openFormat(file, file.close);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openFormat(file: Bytes, close: () => Promise<void>): Promise<TensorSource> {
  const head = Buffer.from(await file.read(0, Math.min(HEAD_BYTES, file.size)));
  const other = OTHERS.find(({ is }) => is(head))?.what;
  if (other !== undefined) throw notRead(file, other);
  if (startsWith(head, "PK\x03\x04")) return openArchive(file, close);
  if (isTorchLegacy(head)) return openTorchLegacy(file, close);
  if (isPickle(head)) return openHaiku(file, close);
  if (isSafetensors(head)) return openSafetensors(file, close);
  throw notRead(file, UNKNOWN);
}

async function openArchive(file: Bytes, close: () => Promise<void>): Promise<TensorSource> {
  const zip = await openZip(file);
  if (torchKind(zip) !== undefined) return openTorchZip(file, zip, close);
  if (isNpz(zip)) return openNpz(file, zip, close);
  throw notRead(file, ARCHIVE);
}

const startsWith = (head: Buffer, text: string) => head.subarray(0, text.length).toString("latin1") === text;
const isPickle = (head: Buffer) => head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5;

const ARCHIVE = "a zip archive, but neither of torch.save, as it has no data.pkl, nor of numpy arrays";
const UNKNOWN = "none of the known checkpoint formats";

/** Files that are no checkpoint we read, by their first bytes. */
const OTHERS: { is(head: Buffer): boolean; what: string }[] = [
  { is: (head) => head.length === 0, what: "an empty file" },
  {
    is: (head) => startsWith(head, "version https://git-lfs"),
    what: "a git-LFS pointer, a note that stands for the file: fetch the file itself (git lfs pull)",
  },
  {
    is: (head) => /^\s*<(!doctype|html|head|\?xml)/i.test(head.toString("latin1")),
    what: "a web page, which a server sent instead of the file: download it again",
  },
  {
    is: (head) => startsWith(head, "\x93NUMPY"),
    what: "a single numpy array (npy), which has no name: put it into an archive with numpy.savez",
  },
  {
    is: (head) => head[8] !== 0x7b && /^\s*[{[]\s*["{[\]}]/.test(head.toString("latin1")),
    what: "text in JSON: what a server sent instead of the file, or the index of a checkpoint in several files",
  },
  { is: (head) => startsWith(head, "\x89HDF\r\n"), what: "an HDF5 file, as Keras writes, which is not read" },
  { is: (head) => startsWith(head, "\x1f\x8b"), what: "a gzip archive: unpack it first" },
  {
    is: (head) => head.subarray(257, 262).toString("latin1") === "ustar",
    what: "a tar archive: either pack of files, to be unpacked, or torch's form of before 2017, which is not read; load it in PyTorch and save it again",
  },
];

function notRead(file: Bytes, what: string): HubError {
  return new HubError("CHECKPOINT", `Cannot read the checkpoint ${file.name}: it is ${what}.`, {
    details: { path: file.name },
  });
}
