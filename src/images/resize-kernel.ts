import type { Pixels } from "./pixels.ts";
import type { Axis } from "./resample.ts";
import { RESIZE_WASM } from "./resize-wasm.ts";

/** What resize.c exports; all numbers are byte offsets and counts. */
interface Kernel {
  memory: WebAssembly.Memory;
  heapBase(): number;
  horizontal(
    from: number,
    stride: number,
    to: number,
    outStride: number,
    width: number,
    rows: number,
    offsets: number,
    groups: number,
    weights: number,
  ): void;
  vertical(
    from: number,
    stride: number,
    to: number,
    bytes: number,
    height: number,
    starts: number,
    pairs: number,
    weights: number,
  ): void;
}

/** Larger jobs are left to the plain path: the memory never shrinks. */
const MAX_BYTES = 64 * 2 ** 20;
const PAGE = 65536;
/** Input is brought in by pieces of about this size, whatever the image has. */
const STRIP_BYTES = 2 ** 18;

let kernel: Kernel | null | undefined; // undefined: not tried yet

/** The kernel, or null where WebAssembly or its SIMD is missing or forbidden. */
function load(): Kernel | null {
  try {
    const bytes = Uint8Array.from(atob(RESIZE_WASM), (c) => c.charCodeAt(0));
    return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as Kernel;
  } catch {
    return null;
  }
}

function theKernel(): Kernel | null {
  if (kernel === undefined) kernel = load();
  return kernel;
}

/** Whether {@link resizeByKernel} can run here. */
export const hasKernel = () => theKernel() !== null;

const align = (n: number) => Math.ceil(n / 16) * 16;

/**
 * Both passes of a resize in WebAssembly SIMD: the same bytes as the plain path's. Rows of the image from `top` to
 * `bottom` are read.
 * @returns undefined where the kernel cannot run or the job needs too much memory.
 */
export function resizeByKernel(
  image: Pixels,
  horizontal: Axis,
  vertical: Axis,
  top: number,
  bottom: number,
): Pixels | undefined {
  const found = theKernel();
  if (found === null) return undefined;
  const { memory, heapBase, ...run } = found;
  const [width, height, rows] = [horizontal.start.length, vertical.start.length, bottom - top];
  const columns = packed(horizontal, 4, (start) => start * 3);
  const lines = packed(vertical, 2, (start) => start - top);
  const stride = image.width * 3;
  const strip = Math.max(1, Math.min(rows, Math.floor(STRIP_BYTES / stride)));
  // A row holds one byte more than its pixels, and the second of a last pair of taps may be a row that is not there.
  const between = align(width * 3 + 1);
  let end = align(heapBase());
  const room = (bytes: number): number => {
    const at = end;
    end = align(end + bytes);
    return at;
  };
  const input = room(strip * stride + 16);
  const middle = room((rows + 1) * between + 16);
  const output = room(width * height * 3 + 16);
  const tables = [columns, lines].map(({ starts, groups, weights }) =>
    [starts, groups, weights].map((table) => [room(table.byteLength), table] as const),
  );
  if (end > MAX_BYTES) return undefined;
  if (end > memory.buffer.byteLength) memory.grow(Math.ceil((end - memory.buffer.byteLength) / PAGE));
  const heap = new Uint8Array(memory.buffer);
  for (const [at, table] of tables.flat()) new Int32Array(memory.buffer, at, table.length).set(table);
  const [[offsets, groups, across], [starts, pairs, down]] = tables.map((three) => three.map(([at]) => at)) as [N3, N3];
  for (let y = 0; y < rows; y += strip) {
    const n = Math.min(strip, rows - y);
    heap.set(image.data.subarray((top + y) * stride, (top + y + n) * stride), input);
    run.horizontal(input, stride, middle + y * between, between, width, n, offsets, groups, across);
  }
  run.vertical(middle, between, output, width * 3, height, starts, pairs, down);
  return { data: heap.slice(output, output + width * height * 3), width, height };
}

type N3 = [number, number, number];

/** An axis as the kernel reads it: taps in groups of `size`, their weights split in high and low halves. */
function packed({ start, count, weights, taps }: Axis, size: 2 | 4, offset: (start: number) => number) {
  const groups = count.map((n) => Math.ceil(n / size));
  const words = new Int32Array(groups.reduce((a, b) => a + b, 0) * size);
  let to = 0;
  for (let i = 0; i < start.length; i++) {
    for (let k = 0; k < groups[i]! * size; k += 2) {
      const a = k < count[i]! ? weights[i * taps + k]! : 0;
      const b = k + 1 < count[i]! ? weights[i * taps + k + 1]! : 0;
      words[to++] = ((a >> 12) & 0xffff) | ((b >> 12) << 16);
      words[to++] = (a & 0xfff) | ((b & 0xfff) << 16);
    }
  }
  return { starts: start.map(offset), groups, weights: words };
}
