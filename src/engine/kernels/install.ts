import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import type * as core from "@tensorflow/tfjs-core";
import { type KernelArgs, type OwnKernel, ownKernels } from "./functions.ts";
import { hasRelaxedSimd, hasSimd, instantiate } from "./module.ts";

/** The compiled kernels that stand in for TF.js's. */
export interface InstalledKernels {
  readonly variant: "relaxed SIMD" | "SIMD";
  /** Runs `f`, calling `between` before each kernel of ours in it; what `between` throws ends the run. */
  interruptible<T>(f: () => T, between: () => void): T;
  /** Gives TF.js its own kernels back. */
  uninstall(): void;
}

/** The two builds of `kernels.c`. */
export interface KernelBinaries {
  simd(): Promise<BufferSource>;
  relaxed(): Promise<BufferSource>;
}

/**
 * Puts our kernels in the place of those of TF.js's wasm backend, which must be the current backend and ready. Graphs stay
 * what they are; a case that a kernel of ours does not take (other dtypes, dilation, other activations) goes to the stock
 * one. Needs SIMD, uses relaxed SIMD where the engine has it.
 * @returns undefined without SIMD.
 * @throws Error when the backend is not wasm, or does not show its memory.
 */
export async function installKernels(
  tf: typeof core,
  binaries: KernelBinaries,
  { relaxed = true }: { relaxed?: boolean } = {},
): Promise<InstalledKernels | undefined> {
  if (tf.getBackend() !== "wasm") throw new Error(`the current backend is ${tf.getBackend()}, not wasm`);
  if (!hasSimd()) return undefined;
  const backend = tf.backend() as BackendWasm;
  const variant = relaxed && hasRelaxedSimd() ? "relaxed SIMD" : "SIMD";
  const module = await instantiate(backend, await (variant === "SIMD" ? binaries.simd() : binaries.relaxed()));
  const pause: Pause = {};
  const restore = Object.entries(ownKernels(tf, module)).map(([name, own]) => replace(tf, name, own, backend, pause));
  return {
    variant,
    interruptible: (f, between) => {
      const { between: outer } = pause;
      pause.between = between;
      try {
        return f();
      } finally {
        pause.between = outer;
      }
    },
    uninstall: () => restore.map((undo) => undo()),
  };
}

/** What is done before each kernel. */
interface Pause {
  between?: () => void;
}

/** Registers a kernel of ours over the stock one, if there is one; returns what undoes it. */
function replace(tf: typeof core, name: string, own: OwnKernel, backend: BackendWasm, pause: Pause): () => void {
  const stock: core.KernelConfig | undefined = tf.getKernel(name, "wasm");
  const kernelFunc = (args: unknown) => {
    pause.between?.();
    const result = (args as KernelArgs).backend === backend ? own(args as KernelArgs) : undefined;
    if (result !== undefined) return result;
    if (stock === undefined) throw new TypeError(`${name}: the inputs are not of its shapes.`);
    return stock.kernelFunc(args as Parameters<core.KernelFunc>[0]);
  };
  if (stock !== undefined) tf.unregisterKernel(name, "wasm");
  tf.registerKernel({ kernelName: name, backendName: "wasm", kernelFunc });
  return () => {
    tf.unregisterKernel(name, "wasm");
    if (stock !== undefined) tf.registerKernel(stock);
  };
}
