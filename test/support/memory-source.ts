import type { DType, TensorSource } from "../../converters/source.ts";

export interface MemoryTensor {
  shape: number[];
  values: number[];
  dtype?: DType;
}

/** A source over values at hand; `opaque` as a reader would report it. */
export function memorySource(tensors: Record<string, MemoryTensor>, opaque: Record<string, string> = {}) {
  const reads: string[] = [];
  const source: TensorSource = {
    format: "torch-zip",
    opaque: new Map(Object.entries(opaque)),
    names: () => Object.keys(tensors),
    meta: (name) => ({ dtype: tensors[name]!.dtype ?? "float32", shape: tensors[name]!.shape }),
    read: async (name, signal) => {
      signal?.throwIfAborted();
      reads.push(name);
      return Float32Array.from(tensors[name]!.values);
    },
    close: async () => void reads.push("close"),
  };
  return { source, reads };
}
