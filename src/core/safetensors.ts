import { HubError } from "./errors.ts";

/**
 * The safetensors layout, without I/O: u64 little-endian length of the header, the header as JSON, the tensors' bytes.
 * https://huggingface.co/docs/safetensors
 */

/** Bytes of one element of each dtype of the format. */
export const SAFE_DTYPES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const;
export type SafeDtype = keyof typeof SAFE_DTYPES;

/** One tensor: `start` and `end` are byte offsets in the file. */
export interface SafeTensor {
  dtype: SafeDtype;
  shape: readonly number[];
  start: number;
  end: number;
}

export interface SafeHeader {
  tensors: ReadonlyMap<string, SafeTensor>;
  metadata: Readonly<Record<string, string>>;
}

/** The reference reader's limit on the header, in bytes. */
const MAX_HEADER = 100_000_000;
const PREFIX = 8;

/**
 * Length in bytes of the JSON header, from the file's first 8 bytes. To be called before the header is allocated.
 * @throws HubError `CHECKPOINT` when it is past the limit or past the end of the file.
 */
export function safeHeaderLength(prefix: Uint8Array, fileBytes: number): number {
  if (prefix.length < PREFIX) throw broken("the file is shorter than 8 bytes");
  const length = new DataView(prefix.buffer, prefix.byteOffset, PREFIX).getBigUint64(0, true);
  if (length > MAX_HEADER) throw broken(`the header claims ${length} bytes, the limit is ${MAX_HEADER}`);
  if (PREFIX + Number(length) > fileBytes)
    throw broken(`the header claims ${length} bytes of a ${fileBytes}-byte file`);
  return Number(length);
}

/**
 * Reads the JSON header and checks it whole: dtypes, shapes, and that the tensors fill the rest of the file in order
 * without hole or overlap.
 * @throws HubError `CHECKPOINT`.
 */
export function parseSafeHeader(json: Uint8Array, fileBytes: number): SafeHeader {
  const base = PREFIX + json.length;
  const { __metadata__: rawMetadata = {}, ...entries } = parseObject(json);
  const tensors = Object.entries(entries).map(([name, entry]) => [name, parseTensor(name, entry, base)] as const);
  let end = base;
  for (const [name, tensor] of tensors.toSorted(([, a], [, b]) => a.start - b.start || a.end - b.end)) {
    if (tensor.start !== end) throw broken(`tensor ${name} starts at byte ${tensor.start}, expected ${end}`);
    end = tensor.end;
  }
  if (end !== fileBytes) throw broken(`the tensors end at byte ${end} of a ${fileBytes}-byte file`);
  return { tensors: new Map(tensors), metadata: parseMetadata(rawMetadata) };
}

/**
 * The first bytes of a file (length, JSON header) that holds these tensors one after the other.
 * @param bytes pads the result with spaces to exactly this length, as the format allows, so that a header can be written
 * last into room kept for it. By default it is padded to a multiple of 8, which keeps the tensors aligned.
 */
export function encodeSafeHeader(
  tensors: readonly { name: string; dtype: SafeDtype; shape: readonly number[] }[],
  metadata: Readonly<Record<string, string>> = {},
  bytes?: number,
): Uint8Array {
  const entries: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = offset + shape.reduce((product, side) => product * side, 1) * SAFE_DTYPES[dtype];
    entries[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(entries));
  const length = bytes ?? Math.ceil((PREFIX + json.length) / 8) * 8;
  if (length < PREFIX + json.length) throw new RangeError(`a header of ${json.length} bytes does not fit in ${length}`);
  const out = new Uint8Array(length).fill(0x20);
  new DataView(out.buffer).setBigUint64(0, BigInt(length - PREFIX), true);
  out.set(json, PREFIX);
  return out;
}

function parseObject(json: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(json));
  } catch (cause) {
    throw broken("the header is not JSON in UTF-8", cause);
  }
  if (!isObject(value)) throw broken("the header is not a JSON object");
  return value;
}

function parseTensor(name: string, entry: unknown, base: number): SafeTensor {
  const { dtype, shape, data_offsets: offsets } = isObject(entry) ? entry : {};
  if (typeof dtype !== "string" || !Object.hasOwn(SAFE_DTYPES, dtype)) {
    throw broken(`tensor ${name} has the unknown dtype ${JSON.stringify(dtype)}`);
  }
  if (!isCounts(shape)) throw broken(`the shape of tensor ${name} is not a list of sizes`);
  if (!isCounts(offsets) || offsets.length !== 2) throw broken(`tensor ${name} lacks its two data_offsets`);
  const [start, end] = offsets as [number, number];
  const bytes = shape.reduce((product, side) => product * side, 1) * SAFE_DTYPES[dtype as SafeDtype];
  if (end - start !== bytes) {
    throw broken(
      `tensor ${name} is ${dtype} [${shape.join(", ")}], ${bytes} bytes, but its offsets give ${end - start}`,
    );
  }
  return { dtype: dtype as SafeDtype, shape, start: base + start, end: base + end };
}

function parseMetadata(value: unknown): Record<string, string> {
  if (!isObject(value) || !Object.values(value).every((v) => typeof v === "string")) {
    throw broken("__metadata__ does not map strings to strings");
  }
  return value as Record<string, string>;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((v) => Number.isSafeInteger(v) && v >= 0);
}

function broken(found: string, cause?: unknown): HubError {
  return new HubError(
    "CHECKPOINT",
    `Cannot read the safetensors header: ${found}. The file is damaged or of another format.`,
    {
      cause,
    },
  );
}
