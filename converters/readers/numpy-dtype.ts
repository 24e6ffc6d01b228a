import type { DType } from "./dtype.ts";

const KINDS: Record<string, DType> = {
  f2: "float16",
  f4: "float32",
  f8: "float64",
  i1: "int8",
  i2: "int16",
  i4: "int32",
  i8: "int64",
  u1: "uint8",
  u2: "uint16",
  u4: "uint32",
  u8: "uint64",
  b1: "bool",
};

export interface NumpyDType {
  dtype: DType;
  bigEndian: boolean;
}

/** A dtype as numpy writes it (`<f4`, `>i8`, `|b1`); undefined for what is no number: objects, text, records. */
export function numpyDType(text: string): NumpyDType | undefined {
  const [, order, kind] = /^([<>|=]?)([a-z]\d)$/.exec(text) ?? [];
  const dtype = kind === undefined ? undefined : KINDS[kind];
  return dtype && { dtype, bigEndian: order === ">" };
}
