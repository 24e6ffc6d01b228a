import type * as core from "@tensorflow/tfjs-core";
import { fromBase64, loadScript } from "./assets.ts";

/** The part of `src/engine/engine.ts` that probes use; the page's bundle takes this file in its place. */
export interface PageEngine {
  name: "wasm" | "cpu";
  tf: typeof core;
  run<T extends core.TensorContainer>(f: () => T): T;
}

let started: Promise<PageEngine> | undefined;

/** WebAssembly where it starts, else plain JavaScript, which is slow but the same. */
export function engine(): Promise<PageEngine> {
  started ??= start();
  return started;
}

async function start(): Promise<PageEngine> {
  await loadScript("tf.js");
  const { tf } = window.SSL_HUB_TF!;
  const name = (await startWasm().catch(() => false)) ? "wasm" : "cpu";
  if (name === "cpu") await tf.setBackend("cpu");
  await tf.ready();
  return { name, tf, run: (f) => tf.tidy(f) };
}

async function startWasm(): Promise<boolean> {
  const { tf, setWasmPaths } = window.SSL_HUB_TF!;
  // Threads need a page that is isolated from all others; this one may be a file.
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  if (!(await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT"))) return false;
  await loadScript("wasm.js");
  const bytes = fromBase64(window.SSL_HUB_WASM!);
  const names = ["tfjs-backend-wasm.wasm", "tfjs-backend-wasm-simd.wasm", "tfjs-backend-wasm-threaded-simd.wasm"];
  setWasmPaths(Object.fromEntries(names.map((name) => [name, name])) as Parameters<typeof setWasmPaths>[0], true);
  const { platform } = tf.env();
  const { fetch } = platform;
  platform.fetch = async () => new Response(bytes);
  try {
    return await tf.setBackend("wasm");
  } finally {
    platform.fetch = fetch;
  }
}
