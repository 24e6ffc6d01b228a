import { aligned, type Float64Kernels, float64Kernels, growTo } from "./float64.ts";

/** `out += A B`, where A is read through strides (so that its transpose is the same array) and B, `out` are row-major. */
export interface Multiply {
  a: Float32Array | Float64Array;
  aRow: number;
  aColumn: number;
  b: Float64Array;
  out: Float64Array;
  rows: number;
  inner: number;
  columns: number;
}

/** Multiplications from which WebAssembly pays, bringing numbers in and out of its memory included. */
const SMALL = 5000;
/** Bytes of A brought in at a time: they stay in the level 2 cache. */
const PIECE_BYTES = 2 ** 20;

/** The float64 product on one core, in WebAssembly where it is not small. */
export function multiply(product: Multiply): void {
  const { a, aRow, aColumn, b, out, rows, inner, columns } = product;
  if (rows * inner * columns < SMALL) {
    multiplyPlainly(product);
    return;
  }
  const byRows = aColumn === 1;
  if (!byRows && aRow !== 1) throw new RangeError("multiply: A must be row-major or transposed");
  // A piece is some rows of A, or of the array that A is the transpose of.
  const [pieces, pitch] = byRows ? [rows, aRow] : [inner, aColumn];
  const step = Math.max(4, Math.floor(PIECE_BYTES / (a.BYTES_PER_ELEMENT * pitch)));
  const wide = a instanceof Float64Array;
  const width = byRows ? inner : rows;
  const { kernels, at } = layOut(((Math.min(step, pieces) - 1) * pitch + width) * a.BYTES_PER_ELEMENT, {
    b: byRows ? inner : Math.min(step, inner),
    c: byRows ? Math.min(step, rows) : rows,
    columns,
  });
  const bring = (from: Float64Array, to: number) => new Float64Array(kernels.memory.buffer, to, from.length).set(from);
  if (byRows) bring(b.subarray(0, inner * columns), at.b);
  else bring(out.subarray(0, rows * columns), at.c);
  for (let start = 0; start < pieces; start += step) {
    const count = Math.min(step, pieces - start);
    const end = (start + count - 1) * pitch + width;
    const View = wide ? Float64Array : Float32Array;
    new View(kernels.memory.buffer, at.a, end - start * pitch).set(a.subarray(start * pitch, end));
    const part = out.subarray(start * columns, (start + count) * columns);
    if (byRows) bring(part, at.c);
    else bring(b.subarray(start * columns, (start + count) * columns), at.b);
    const [m, depth] = byRows ? [count, inner] : [rows, count];
    kernels.multiply(at.a, Number(wide), aRow, aColumn, at.b, at.c, m, depth, columns, at.scratch);
    if (byRows) part.set(new Float64Array(kernels.memory.buffer, at.c, part.length));
  }
  if (!byRows) out.set(new Float64Array(kernels.memory.buffer, at.c, rows * columns));
}

let shared: Float64Kernels | undefined;

/** Addresses of a piece of A, of B and C with so many rows, and of scratch; the memory grows to hold them. */
function layOut(aBytes: number, { b, c, columns }: { b: number; c: number; columns: number }) {
  shared ??= float64Kernels();
  const at = { a: shared.heapBase(), b: 0, c: 0, scratch: 0 };
  at.b = aligned(at.a + aBytes);
  at.c = aligned(at.b + 8 * b * columns);
  at.scratch = aligned(at.c + 8 * c * columns);
  growTo(shared.memory, at.scratch + shared.scratchBytes(columns));
  return { kernels: shared, at };
}

/** Rows of B that stay in the cache while all rows of A pass over them. */
const BLOCK = 64;

/** {@link multiply} without WebAssembly. */
export function multiplyPlainly({ a, aRow, aColumn, b, out, rows, inner, columns }: Multiply): void {
  for (let start = 0; start < inner; start += BLOCK) {
    const end = Math.min(inner, start + BLOCK);
    let i = 0;
    for (; i + 2 <= rows; i += 2) {
      let l = start;
      for (; l + 4 <= end; l += 4)
        tile(a, i * aRow + l * aColumn, aRow, aColumn, b, l * columns, out, i * columns, columns);
      for (; l < end; l++) {
        axpy(a[i * aRow + l * aColumn]!, b, l * columns, out, i * columns, columns);
        axpy(a[(i + 1) * aRow + l * aColumn]!, b, l * columns, out, (i + 1) * columns, columns);
      }
    }
    if (i < rows)
      for (let l = start; l < end; l++) axpy(a[i * aRow + l * aColumn]!, b, l * columns, out, i * columns, columns);
  }
}

/** Two rows of `out` take four rows of B each: eight products for six loads. */
function tile(
  a: Float32Array | Float64Array,
  at: number,
  aRow: number,
  aColumn: number,
  b: Float64Array,
  from: number,
  out: Float64Array,
  to: number,
  columns: number,
): void {
  const p0 = a[at]!;
  const p1 = a[at + aColumn]!;
  const p2 = a[at + 2 * aColumn]!;
  const p3 = a[at + 3 * aColumn]!;
  const q0 = a[at + aRow]!;
  const q1 = a[at + aRow + aColumn]!;
  const q2 = a[at + aRow + 2 * aColumn]!;
  const q3 = a[at + aRow + 3 * aColumn]!;
  const b1 = from + columns;
  const b2 = b1 + columns;
  const b3 = b2 + columns;
  const to1 = to + columns;
  for (let c = 0; c < columns; c++) {
    const v0 = b[from + c]!;
    const v1 = b[b1 + c]!;
    const v2 = b[b2 + c]!;
    const v3 = b[b3 + c]!;
    out[to + c]! += p0 * v0 + p1 * v1 + (p2 * v2 + p3 * v3);
    out[to1 + c]! += q0 * v0 + q1 * v1 + (q2 * v2 + q3 * v3);
  }
}

function axpy(factor: number, b: Float64Array, from: number, out: Float64Array, to: number, columns: number): void {
  for (let c = 0; c < columns; c++) out[to + c]! += factor * b[from + c]!;
}
