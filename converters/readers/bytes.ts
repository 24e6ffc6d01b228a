import { type FileHandle, open } from "node:fs/promises";
import { HubError, messageOf } from "../../src/core/errors.ts";

/**
 * A run of bytes that can be read by range. A file is Bytes, a stored zip member is Bytes, a storage is Bytes: so every
 * range check of every format is the one in {@link checkRange}.
 */
export interface Bytes {
  /** What it is, for messages: a file's path, a member's name. */
  readonly name: string;
  readonly size: number;
  /**
   * Bytes `offset` to `offset + length`, in memory the caller owns.
   * @throws HubError `CHECKPOINT` when they are not all there.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Node reads at most 2^31 - 1 bytes at a time. */
const READ_BYTES = 2 ** 30;

/**
 * A file on disk.
 * @throws HubError `DISK` when it cannot be opened or is no regular file.
 */
export async function openFile(path: string): Promise<Bytes & { close(): Promise<void> }> {
  const failed = (cause: unknown) =>
    new HubError("DISK", `Cannot read the checkpoint ${path}: ${messageOf(cause)}.`, { details: { path }, cause });
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Error("it is not a regular file");
    return { ...ranged(path, stat.size, handle, failed), close: () => handle!.close() };
  } catch (error) {
    await handle?.close();
    throw failed(error);
  }
}

function ranged(name: string, size: number, handle: FileHandle, failed: (cause: unknown) => HubError): Bytes {
  const read = async (offset: number, length: number) => {
    checkRange(name, size, offset, length);
    const data = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const part = data.subarray(done, Math.min(length, done + READ_BYTES));
      const { bytesRead } = await handle.read(part, 0, part.length, offset + done).catch((error) => {
        throw failed(error);
      });
      if (bytesRead === 0) throw failed(new Error("the file became shorter while it was read"));
      done += bytesRead;
    }
    return data;
  };
  return { name, size, read };
}

/**
 * Part of other bytes.
 * @throws HubError `CHECKPOINT` when the part does not lie inside.
 */
export function windowOf(bytes: Bytes, name: string, offset: number, size: number): Bytes {
  checkRange(bytes.name, bytes.size, offset, size, name);
  return {
    name,
    size,
    read: async (from, length) => {
      checkRange(name, size, from, length);
      return bytes.read(offset + from, length);
    },
  };
}

/** @throws HubError `CHECKPOINT` when `length` bytes at `offset` do not lie within `size`. */
export function checkRange(name: string, size: number, offset: number, length: number, what = "data") {
  const inside =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= size;
  if (inside) return;
  throw damaged(`${what} is said to be ${length} bytes at byte ${offset} of ${name}, which has ${size} bytes`);
}

/** The error for a file whose parts contradict each other. */
export function damaged(found: string, details: Record<string, unknown> = {}): HubError {
  return new HubError(
    "CHECKPOINT",
    `Cannot read the checkpoint: ${found}. The file is damaged or incomplete; fetch it again.`,
    { details },
  );
}
