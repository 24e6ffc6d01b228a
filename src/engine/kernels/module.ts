import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { HubError } from "../../core/errors.ts";

/** What `kernels.c` exports; arguments are addresses in the backend's memory, 0 for none, and whole numbers. */
interface Exports {
  __stack_pointer: WebAssembly.Global;
  activate(x: number, y: number, n: number, act: number): void;
  softmax(x: number, y: number, rows: number, n: number): void;
  mean(x: number, y: number, rows: number, n: number): void;
  normalize(x: number, y: number, rows: number, n: number, eps: number): void;
  productScratch(depth: number, cols: number): number;
  matmul(...args: number[]): void;
  convolveScratch(...args: number[]): number;
  convolve(...args: number[]): void;
  attentionScratch(tokens: number, size: number): number;
  attend(...args: number[]): void;
}

/** `kernels.c`, compiled into the memory of a backend. */
export interface KernelModule extends Exports {
  readonly backend: BackendWasm;
  /** Calls `f` with the address of `floats` floats that it may use until it returns. */
  withScratch(floats: number, f: (address: number) => void): void;
}

/** Numbers of the activations in `kernels.c`. */
export const ACT = { linear: 0, relu: 1, gelu: 2, quick_gelu: 3, sigmoid: 4, erf: 5 } as const;

const STACK_BYTES = 16384;

/** One `f32x4.relaxed_madd`: an engine that takes it has relaxed SIMD. */
const RELAXED_PROBE = wasm(0xfd, 0x85, 0x02);
/** One `f32x4.max`: plain SIMD. */
const SIMD_PROBE = wasm(0xfd, 0xe9, 0x01);

export const hasSimd = (): boolean => WebAssembly.validate(SIMD_PROBE);
export const hasRelaxedSimd = (): boolean => WebAssembly.validate(RELAXED_PROBE);

/** @throws Error when the backend does not show its memory, or the binary does not fit. */
export async function instantiate(backend: BackendWasm, binary: BufferSource): Promise<KernelModule> {
  const host = backend.wasm as unknown as {
    asm?: { memory?: unknown };
    _malloc(bytes: number): number;
    _free(address: number): void;
  };
  const memory = host.asm?.memory;
  if (!(memory instanceof WebAssembly.Memory)) throw new Error("the wasm backend does not show its memory");
  const { instance } = await WebAssembly.instantiate(binary, { env: { memory } });
  const exports = instance.exports as unknown as Exports;
  const allocate = (bytes: number): number => {
    // Addresses above 2 GiB come as negative numbers.
    const address = host._malloc(bytes) >>> 0;
    if (address === 0) {
      throw new HubError(
        "MEMORY",
        `Cannot compute: WebAssembly's memory has no ${bytes} bytes left. Use smaller batches, or the engine tfjs-node.`,
        { details: { bytes } },
      );
    }
    return address;
  };
  // It grows downwards; 16-byte alignment is the platform's.
  exports.__stack_pointer.value = (allocate(STACK_BYTES) + STACK_BYTES) & ~15;
  return {
    ...exports,
    backend,
    withScratch: (floats, f) => {
      const address = allocate(4 * floats + 16);
      try {
        f(((address + 15) & ~15) >>> 0);
      } finally {
        host._free(address);
      }
    },
  };
}

/** A module of one function that applies one SIMD instruction to three vectors, or to the last two. */
function wasm(...instruction: number[]): Uint8Array<ArrayBuffer> {
  const zero = [0xfd, 0x0c, ...new Array(16).fill(0)];
  const operands = instruction[1] === 0x85 ? [...zero, ...zero, ...zero] : [...zero, ...zero];
  const body = [0, ...operands, ...instruction, 0x1a, 0x0b];
  const section = (id: number, ...bytes: number[]) => [id, bytes.length, ...bytes];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, 1, 0x60, 0, 0),
    ...section(3, 1, 0),
    ...section(10, 1, body.length, ...body),
  ]);
}
