import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, sep } from "node:path";
import type * as core from "@tensorflow/tfjs-core";
import type { Backend } from "./engine.ts";
import type { Rewrite } from "./graph-model.ts";
import { fuse } from "./kernels/fuse.ts";
import { type InstalledKernels, installKernels, type KernelBinaries } from "./kernels/install.ts";
import { registerOps } from "./kernels/ops.ts";
import { allowRelaxedSimd } from "./relaxed-simd.ts";
import { loadConverter, loadCore } from "./tfjs.ts";

const require = createRequire(import.meta.url);

/**
 * The embedded engine: TF.js's WebAssembly backend from the package's own folder, with kernels of ours where the machine
 * has SIMD. `SSL_HUB_KERNELS` is "off" (TF.js's own kernels), "simd" or "relaxed"; default: the best there is.
 */
export async function loadWasm(): Promise<Backend> {
  const tf = loadCore();
  const wasm: typeof import("@tensorflow/tfjs-backend-wasm") = require("@tensorflow/tfjs-backend-wasm");
  const entry = require.resolve("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(dirname(entry) + sep);
  if (!(await keepListeners(() => tf.setBackend("wasm")))) throw new Error("WebAssembly did not start");
  const kernels = await kernelsOf(tf, process.env.SSL_HUB_KERNELS || undefined);
  return {
    backend: "wasm",
    version: wasm.version_wasm,
    device: `cpu, WebAssembly${kernels.device}`,
    threads: 1,
    maxBytes: kernels.own ? OWN_WEIGHT_BYTES : STOCK_WEIGHT_BYTES,
    weightCopies: kernels.own ? 1 : 2,
    ...(kernels.own && { rewrite: fused, interruptible: kernels.own.interruptible }),
  };
}

const fused: Rewrite = (nodes, constants, outputs) => ({ nodes: fuse(nodes, constants, outputs) });

/** A heap of 65 536 pages, of which three quarters of a gibibyte are left for activations and scratch. */
const OWN_WEIGHT_BYTES = 65536 * 65536 - 3 * 2 ** 28;
/** XNNPACK keeps a packed copy of every weight; CLIP's RN50x64 needs more than half a gibibyte besides, or aborts. */
const STOCK_WEIGHT_BYTES = (65536 * 65536 - 2 ** 30) / 2;

const CHOICES = ["off", "simd", "relaxed"];

interface Kernels {
  own?: InstalledKernels;
  /** What the backend computes with. */
  device: string;
}

/** Kernels are the backend's: once replaced they stay so. */
let installed: Promise<Kernels> | undefined;

function kernelsOf(tf: typeof core, choice: string | undefined): Promise<Kernels> {
  if (choice !== undefined && !CHOICES.includes(choice)) {
    throw new Error(`SSL_HUB_KERNELS is ${choice}, need ${CHOICES.join(", ")}`);
  }
  installed ??= install(tf, choice);
  return installed;
}

async function install(tf: typeof core, choice: string | undefined): Promise<Kernels> {
  const simd = (await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")) ? " SIMD" : "";
  const stock: Kernels = { device: `${simd}, TF.js's kernels` };
  if (choice === "off") return stock;
  if (choice !== "simd") allowRelaxedSimd();
  const found = await installKernels(tf, BINARIES, { relaxed: choice !== "simd" });
  if (found === undefined) return stock;
  registerOps(loadConverter().registerOp, tf);
  return { own: found, device: ` ${found.variant}, own kernels` };
}

const file = (name: string) => () => readFile(new URL(`kernels/kernels-${name}.wasm`, import.meta.url));
/** Beside this file, in the source tree as in dist. */
export const BINARIES: KernelBinaries = { simd: file("simd"), relaxed: file("relaxed") };

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
