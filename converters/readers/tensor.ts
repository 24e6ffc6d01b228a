import type { Bytes } from "./bytes.ts";
import { type DType, ITEM_BYTES, toFloat32 } from "./dtype.ts";

/** A run of elements in the file that tensors are views of. */
export interface Storage {
  /** Which raw data: `data/<key>` in a zip. */
  readonly key: string;
  readonly dtype: DType;
  /** Elements of the raw data, and of the slice of it this storage is (legacy files have storages of storages). */
  readonly total: number;
  readonly first: number;
  readonly count: number;
}

/** A tensor as torch defines it: a strided view of a storage. Offsets and strides count elements. */
export class TensorView {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** A tensor that is the whole of its own storage, its elements in C order or, with the first index fastest, Fortran's. */
export function contiguous(key: string, dtype: DType, shape: readonly number[], order: "C" | "F" = "C"): TensorView {
  const count = elementsOf(shape);
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = 0; i < shape.length; i++) {
    const axis = order === "F" ? i : shape.length - 1 - i;
    strides[axis] = step;
    // A tensor without elements has no use for strides, and their product may be absurd.
    step *= count === 0 ? 1 : shape[axis]!;
  }
  return new TensorView({ key, dtype, total: count, first: 0, count }, 0, shape, strides);
}

const MAX_RANK = 64;
/** Elements of a tensor larger than its storage (stride 0, overlapping windows): its size costs the file nothing. */
const MAX_EXPANDED = 2 ** 24;

/** Why a view cannot be, or undefined: it must stay inside its storage, and be no larger than its data warrant. */
export function faultOf({ storage, offset, shape, strides }: TensorView): string | undefined {
  const whole = (n: unknown) => Number.isSafeInteger(n) && (n as number) >= 0;
  if (shape.length > MAX_RANK || shape.length !== strides.length || ![offset, ...shape, ...strides].every(whole)) {
    return `a tensor of shape [${shape.slice(0, 8)}], strides [${strides.slice(0, 8)}] and offset ${offset}`;
  }
  const numel = elementsOf(shape);
  const end = numel === 0 ? 0 : offset + spanOf(shape, strides);
  if (end > storage.count) {
    return `a tensor of shape [${shape}] that ends at element ${end} of a storage of ${storage.count}`;
  }
  return numel > Math.max(storage.count, MAX_EXPANDED) ? `a tensor expanded to [${shape}]` : undefined;
}

/** Values in C order, cast to float32. Reads only the range of `data`, the raw storage, that the view touches. */
export async function readView(view: TensorView, data: Bytes, bigEndian: boolean): Promise<Float32Array> {
  const { storage, offset, shape, strides } = view;
  const numel = elementsOf(shape);
  if (numel === 0) return new Float32Array(0);
  const item = ITEM_BYTES[storage.dtype];
  const raw = await data.read((storage.first + offset) * item, spanOf(shape, strides) * item);
  const values = toFloat32(storage.dtype, raw, bigEndian);
  return isContiguous(shape, strides) ? values : gather(values, shape, strides);
}

/** Product of a shape; 1 for a scalar. */
export function elementsOf(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, n) => product * n, 1);
}

/** Elements from the first to the last that a view touches, both counted. */
const spanOf = (shape: readonly number[], strides: readonly number[]) =>
  shape.reduce((span, n, i) => span + (n - 1) * strides[i]!, 1);

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== expected) return false;
    expected *= shape[i]!;
  }
  return true;
}

/** Copies a strided view of `values`, beginning at its first element, to C order. */
export function gather(values: Float32Array, shape: readonly number[], strides: readonly number[]): Float32Array {
  const out = new Float32Array(elementsOf(shape));
  const rank = shape.length;
  const [width, step] = [shape[rank - 1] ?? 1, strides[rank - 1] ?? 0];
  const index = new Array<number>(rank).fill(0);
  let from = 0;
  for (let to = 0; to < out.length; to += width) {
    for (let i = 0; i < width; i++) out[to + i] = values[from + i * step]!;
    // Next row: the outer indices count up like an odometer.
    for (let d = rank - 2; d >= 0; d--) {
      from += strides[d]!;
      if (++index[d]! < shape[d]!) break;
      from -= shape[d]! * strides[d]!;
      index[d] = 0;
    }
  }
  return out;
}
