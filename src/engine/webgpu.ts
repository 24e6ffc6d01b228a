import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { HubError, messageOf } from "../core/errors.ts";
import type { Backend, LoaderOptions } from "./engine.ts";
import { memoryBytes } from "./memory.ts";
import { loadCore } from "./tfjs.ts";

/** Both are optional peers: Dawn's binding for Node (130 MB of five systems) and TF.js's WebGPU kernels. */
export const WEBGPU_PACKAGES = ["webgpu", "@tensorflow/tfjs-backend-webgpu"] as const;

/** What we use of Dawn's binding; its own types need the DOM's. */
interface Dawn {
  create(flags: string[]): Gpu;
  globals: Record<string, unknown>;
}

interface Gpu {
  requestAdapter(o: { powerPreference: string }): Promise<Adapter | null>;
}

interface Adapter {
  info: { vendor: string; architecture: string; description: string; isFallbackAdapter?: boolean };
  limits: Record<string, number>;
  requestDevice(o: { requiredLimits: Record<string, number> }): Promise<object>;
}

interface Kernels {
  WebGPUBackend: new (device: object, info: object) => import("@tensorflow/tfjs-core").KernelBackend;
}

/** TF.js's kernels choose work groups and buffers up to what the device can do, where the default is far below it. */
const LIMITS = [
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupSizeX",
  "maxComputeInvocationsPerWorkgroup",
];

/** Software drivers: right, and slower than wasm. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe/i;

/**
 * A GPU through WebGPU: Vulkan, Metal or Direct3D 12.
 * @param o.byName a software device is used when the engine was asked for by name, and passed over otherwise.
 * @param from module whose `node_modules` are searched.
 * @returns undefined when a package is not installed.
 * @throws HubError `ENGINE` when they are and there is no device, or only a software one.
 */
export async function loadWebgpu(
  { byName = false }: LoaderOptions = {},
  from: string = import.meta.url,
): Promise<Backend | undefined> {
  const require = createRequire(from);
  const [dawnPath, kernelsPath] = WEBGPU_PACKAGES.map((name) => resolve(require, name));
  if (dawnPath === undefined || kernelsPath === undefined) return undefined;
  const tf = loadCore();
  const fail = (found: string, cause?: unknown): HubError =>
    new HubError("ENGINE", `Cannot use webgpu: ${found}`, { details: { engine: "webgpu" }, cause });

  const adapter = started ?? (await openAdapter(dawnPath, fail));
  const software = isSoftware(adapter);
  const label = labelOf(adapter);
  if (software && !byName) {
    throw fail(`the only device is a software one (${label}), slower than wasm. Ask for webgpu by name to use it.`);
  }
  if (tf.findBackendFactory("webgpu") === null) {
    const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]!]));
    const device = await adapter.requestDevice({ requiredLimits }).catch((cause) => {
      throw fail(`${label} gave no device (${messageOf(cause)}).`, cause);
    });
    const { WebGPUBackend }: Kernels = require(kernelsPath);
    const backend = asIfInBrowser(() => new WebGPUBackend(device, adapter.info));
    tf.registerBackend("webgpu", () => backend, 0);
    started = adapter;
  }
  if (!(await tf.setBackend("webgpu"))) throw fail(`the backend of TF.js did not start on ${label}.`);
  return {
    backend: "webgpu",
    version: require("@tensorflow/tfjs-backend-webgpu/package.json").version,
    device: `${software ? "cpu" : "gpu"}, ${label}`,
    threads: 0,
    maxBytes: memoryBytes(),
  };
}

/** A process has one device: TF.js registers a backend once. */
let started: Adapter | undefined;

/** Dawn ends the process when this object is collected while its device lives. */
let gpu: Gpu | undefined;

async function openAdapter(path: string, fail: (found: string, cause?: unknown) => HubError): Promise<Adapter> {
  let dawn: Dawn;
  try {
    dawn = (await import(pathToFileURL(path).href)) as Dawn;
  } catch (cause) {
    throw fail(`its package does not load (${messageOf(cause).split("\n")[0]}).`, cause);
  }
  // The constants of buffer usage and the like, which TF.js takes from the global scope as in a browser.
  for (const [name, value] of Object.entries(dawn.globals)) {
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  gpu ??= dawn.create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) {
    throw fail("it found no graphics driver (Vulkan on Linux, Metal on macOS, Direct3D 12 on Windows).");
  }
  return adapter;
}

/** TF.js's backend refuses to start where `navigator.gpu` is missing, and asks for it only then. */
function asIfInBrowser<T>(construct: () => T): T {
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { gpu: {} }, configurable: true });
  try {
    return construct();
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, "navigator");
    else Object.defineProperty(globalThis, "navigator", before);
  }
}

function isSoftware({ info }: Adapter): boolean {
  return info.isFallbackAdapter === true || SOFTWARE.test(`${info.architecture} ${info.description}`);
}

function labelOf({ info }: Adapter): string {
  return info.description || [info.vendor, info.architecture].filter(Boolean).join(" ") || "an unnamed device";
}

function resolve(require: NodeJS.Require, request: string): string | undefined {
  try {
    return require.resolve(request);
  } catch (error) {
    if (["MODULE_NOT_FOUND", "ERR_PACKAGE_PATH_NOT_EXPORTED"].includes((error as NodeJS.ErrnoException).code ?? ""))
      return undefined;
    throw error;
  }
}
