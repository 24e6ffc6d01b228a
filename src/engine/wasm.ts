import { createRequire } from "node:module";
import { dirname, sep } from "node:path";
import type { Backend } from "./engine.ts";

/** The embedded engine: TF.js's WebAssembly backend from the package's own folder; SIMD where the machine has it. */
export async function loadWasm(): Promise<Backend> {
  const tf = await import("@tensorflow/tfjs-core");
  const wasm = await import("@tensorflow/tfjs-backend-wasm");
  const entry = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(dirname(entry) + sep);
  if (!(await keepListeners(() => tf.setBackend("wasm")))) throw new Error("WebAssembly did not start");
  return {
    backend: "wasm",
    version: wasm.version_wasm,
    device: (await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")) ? "cpu, WebAssembly SIMD" : "cpu, WebAssembly",
    threads: 1,
    maxBytes: WASM_WEIGHT_BYTES,
  };
}

/** A heap of 65 536 pages; XNNPACK keeps a packed copy of every weight, and half a gibibyte is left for activations. */
const WASM_WEIGHT_BYTES = (65536 * 65536 - 2 ** 29) / 2;

/**
 * The backend's start-up code installs handlers of uncaught errors that rethrow them, for the whole process: whatever
 * the user's program does about such errors would be lost. They are taken out again.
 */
async function keepListeners<T>(start: () => Promise<T>): Promise<T> {
  const before = ERROR_EVENTS.map((event) => process.listeners(event as "uncaughtException"));
  try {
    return await start();
  } finally {
    for (const [i, event] of ERROR_EVENTS.entries()) {
      for (const listener of process.listeners(event as "uncaughtException")) {
        if (!before[i]!.includes(listener)) process.removeListener(event, listener);
      }
    }
  }
}

const ERROR_EVENTS = ["uncaughtException", "unhandledRejection"] as const;
