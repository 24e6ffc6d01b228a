import { HubError, messageOf } from "../../src/core/errors.ts";
import { parseSafeHeader, type SafeDtype, safeHeaderLength } from "../../src/core/safetensors.ts";
import type { TensorSource } from "../source.ts";
import { type Bytes, windowOf } from "./bytes.ts";
import type { DType } from "./dtype.ts";
import { contiguous } from "./tensor.ts";
import { isCounter, viewSource } from "./views.ts";

const DTYPES: Record<SafeDtype, DType> = {
  BOOL: "bool",
  U8: "uint8",
  I8: "int8",
  F8_E4M3: "float8_e4m3fn",
  F8_E5M2: "float8_e5m2",
  U16: "uint16",
  I16: "int16",
  F16: "float16",
  BF16: "bfloat16",
  U32: "uint32",
  I32: "int32",
  F32: "float32",
  U64: "uint64",
  I64: "int64",
  F64: "float64",
};

/** Whether a file begins with a length (of at most 2^48) and a JSON object, as the format demands. */
export const isSafetensors = (head: Uint8Array) => head[8] === 0x7b && head[6] === 0 && head[7] === 0;

/**
 * A safetensors file. Its header is checked whole, so that no tensor overlaps another or leaves the file.
 * @throws HubError `CHECKPOINT` when it does not hold.
 */
export async function openSafetensors(file: Bytes, close: () => Promise<void>): Promise<TensorSource> {
  const header = await readHeader(file);
  const entries = [...header.tensors].filter(([name]) => !isCounter(name));
  const tensors = new Map(
    entries.map(([name, { dtype, shape }]) => [name, contiguous(name, DTYPES[dtype], shape)] as const),
  );
  const storage = (name: string) => {
    const { start, end } = header.tensors.get(name)!;
    return windowOf(file, `${name} in ${file.name}`, start, end - start);
  };
  return viewSource({ format: "safetensors", file, tensors, storage, close });
}

async function readHeader(file: Bytes) {
  try {
    const length = safeHeaderLength(await file.read(0, Math.min(8, file.size)), file.size);
    return parseSafeHeader(await file.read(8, length), file.size);
  } catch (cause) {
    const found = messageOf(cause).replace(/^Cannot read the safetensors header: /, "");
    throw new HubError("CHECKPOINT", `Cannot read the checkpoint ${file.name} as safetensors: ${found}`, {
      details: { path: file.name },
      cause,
    });
  }
}
