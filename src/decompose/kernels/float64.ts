import { HubError } from "../../core/errors.ts";
import { hasRelaxedSimd, hasSimd } from "../../engine/kernels/module.ts";
import { allowRelaxedSimd } from "../../engine/relaxed-simd.ts";
import { FLOAT64_RELAXED, FLOAT64_SIMD } from "./float64-wasm.ts";

/** What `float64.c` exports: addresses in its memory and whole numbers, but for the factors of `combine` and `slope`. */
export interface Float64Kernels {
  memory: WebAssembly.Memory;
  heapBase(): number;
  scratchBytes(columns: number): number;
  multiply(
    a: number,
    wide: number,
    down: number,
    across: number,
    b: number,
    c: number,
    rows: number,
    depth: number,
    columns: number,
    scratch: number,
  ): void;
  packedBytes(rows: number, depth: number): number;
  pack(a: number, wide: number, down: number, across: number, rows: number, depth: number, to: number): void;
  multiplyPacked(
    packed: number,
    b: number,
    c: number,
    rows: number,
    depth: number,
    columns: number,
    scratch: number,
  ): void;
  dot(a: number, b: number, n: number): number;
  combine(alpha: number, a: number, beta: number, b: number, n: number): void;
  sumRows(a: number, sum: number, rows: number, n: number): void;
  softmax(scores: number, p: number, rows: number, n: number): void;
  slope(scores: number, d: number, along: number, y: number, rows: number, n: number): number;
  curve(p: number, t: number, rows: number, n: number): void;
}

const PAGE = 65536;

let module: WebAssembly.Module | undefined;

/** A new instance with a memory of its own, see {@link growTo}. @throws HubError `ENGINE` where WebAssembly has no SIMD. */
export function float64Kernels(): Float64Kernels {
  module ??= compile();
  return new WebAssembly.Instance(module).exports as unknown as Float64Kernels;
}

function compile(): WebAssembly.Module {
  if (!hasSimd()) throw new HubError("ENGINE", "Cannot fit a probe: this machine's WebAssembly has no SIMD.");
  allowRelaxedSimd();
  const text = atob(hasRelaxedSimd() ? FLOAT64_RELAXED : FLOAT64_SIMD);
  return new WebAssembly.Module(Uint8Array.from(text, (character) => character.charCodeAt(0)));
}

/** Makes a memory hold `bytes`. Arrays that view it are lost when it grows. */
export function growTo(memory: WebAssembly.Memory, bytes: number): void {
  const lacking = bytes - memory.buffer.byteLength;
  if (lacking <= 0) return;
  try {
    memory.grow(Math.ceil(lacking / PAGE));
  } catch (cause) {
    throw new HubError("MEMORY", `Cannot fit a probe: WebAssembly's memory has no ${bytes} bytes. Use less data.`, {
      details: { bytes },
      cause,
    });
  }
}

export const aligned = (address: number): number => Math.ceil(address / 64) * 64;
