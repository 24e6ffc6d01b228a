import { setFlagsFromString } from "node:v8";
import { hasRelaxedSimd } from "./kernels/module.ts";

/** Node 20 has relaxed SIMD behind a flag, which is heard for modules that are compiled later. Browsers have no such flags. */
export function allowRelaxedSimd(): void {
  if (!hasRelaxedSimd()) setFlagsFromString?.("--experimental-wasm-relaxed-simd");
}
