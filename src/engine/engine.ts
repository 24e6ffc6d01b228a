import type { GraphModel } from "@tensorflow/tfjs-converter";
import type * as core from "@tensorflow/tfjs-core";
import { HubError, messageOf } from "../core/errors.ts";
import type { Job } from "../core/events.ts";
import { loadCpu } from "./cpu.ts";
import { loadGraphFolder, type Rewrite } from "./graph-model.ts";
import { loadNative } from "./node.ts";
import { loadCore } from "./tfjs.ts";
import { loadWasm } from "./wasm.ts";
import { loadWebgpu, WEBGPU_PACKAGES } from "./webgpu.ts";

export type EngineName = "tfjs-node-gpu" | "tfjs-node" | "webgpu" | "wasm" | "cpu";

/** What computes: one backend of TF.js, ready to use. */
export interface Engine {
  readonly name: EngineName;
  /** Why this one was chosen, and what was wrong with the ones before it. */
  readonly why: string;
  readonly tf: typeof core;
  /** Largest sum of weight bytes that can be loaded. */
  readonly maxBytes: number;
  /** Times that it keeps each weight in memory. */
  readonly weightCopies: number;
  /** Of the backend and, for tfjs-node, of TensorFlow. */
  readonly version: string;
  /** What it runs on: begins with "cpu" or "gpu". */
  readonly device: string;
  /** Threads of one operation; 0 when the library chooses. */
  readonly threads: number;
  /**
   * Runs `f` on this engine within `tf.tidy`: only what it returns is kept, and belongs to the caller.
   * @param between called between the nodes of a graph, where the engine can (wasm with kernels of ours): what it
   *   throws ends the run.
   */
  run<T extends core.TensorContainer>(f: () => T, between?: () => void): T;
  /** Loads a converted folder; the graph belongs to the caller. @throws HubError `METADATA` or `MEMORY`. */
  loadGraph(folder: string, job?: Job): Promise<GraphModel>;
}

/** What a loader tells of the backend it started. */
export interface Backend {
  /** TF.js's name of it. */
  backend: string;
  version: string;
  device: string;
  threads: number;
  maxBytes: number;
  /** Default 1. */
  weightCopies?: number;
  /** What it makes of a graph before loading it. */
  rewrite?: Rewrite;
  /** Runs `f`, calling `between` before each kernel. */
  interruptible?: <T>(f: () => T, between: () => void) => T;
}

export interface LoaderOptions {
  /** Threads of one operation. */
  threads?: number;
  /** The engine was asked for, not come upon in the walk. */
  byName?: boolean;
}

type Loader = (o: LoaderOptions) => Promise<Backend | undefined>;

const loaders: Record<EngineName, Loader> = {
  "tfjs-node-gpu": ({ threads }) => loadNative("tfjs-node-gpu", threads),
  "tfjs-node": ({ threads }) => loadNative("tfjs-node", threads),
  webgpu: loadWebgpu,
  wasm: loadWasm,
  cpu: loadCpu,
};

const NAMES = Object.keys(loaders) as EngineName[];

/** Tried in this order when none is asked for. */
const ORDER: readonly EngineName[] = ["tfjs-node-gpu", "tfjs-node", "webgpu", "wasm"];

const chosen = new Map<string, Promise<Engine>>();

/**
 * Chooses and starts an engine; the same request gives the same engine.
 * @param prefer a name, or "auto" for the first that is installed and works. Unset: the variable `SSL_HUB_BACKEND`,
 *   else "auto".
 * @param options.threads threads of one operation of tfjs-node; heard when its library is first loaded.
 * @throws HubError `ENGINE` when the one asked for is missing, broken or unknown.
 */
export function engine(prefer?: EngineName | "auto", options: { threads?: number } = {}): Promise<Engine> {
  const variable = process.env.SSL_HUB_BACKEND || undefined;
  const name = prefer ?? variable ?? "auto";
  const asked = prefer === undefined && variable !== undefined ? `SSL_HUB_BACKEND=${name}` : "asked for by name";
  const key = `${name}/${asked}`;
  let found = chosen.get(key);
  if (found === undefined) {
    found = name === "auto" ? chooseEngine(loaders, options.threads) : startEngine(name, asked, options.threads);
    chosen.set(key, found);
    found.catch(() => chosen.delete(key));
  }
  return found;
}

/** What `hub.backend()` shows. */
export interface BackendInfo {
  name: EngineName;
  why: string;
  version: string;
  device: string;
  /** Threads of one operation; 0 when the library chooses. wasm has one, and is run in several workers instead. */
  threads: number;
}

/** Which engine is used and why; starts it. @throws HubError `ENGINE` as {@link engine}. */
export async function backendInfo(prefer?: EngineName | "auto"): Promise<BackendInfo> {
  const { name, why, version, device, threads } = await engine(prefer);
  return { name, why, version, device, threads };
}

/** Walks the order once. What is not installed is passed over, what is broken is told in `why`. */
export async function chooseEngine(from: Record<EngineName, Loader>, threads?: number): Promise<Engine> {
  const missing: string[] = [];
  const broken: string[] = [];
  for (const name of ORDER) {
    try {
      const backend = await from[name]({ threads });
      if (backend !== undefined) return await makeEngine(name, because(name, missing, broken), backend);
      missing.push(name);
    } catch (error) {
      broken.push(messageOf(error));
    }
  }
  throw new HubError("ENGINE", `Cannot start any engine: ${broken.join(" ")}`, { details: { missing, broken } });
}

function because(name: EngineName, missing: readonly string[], broken: readonly string[]): string {
  const first = name === "wasm" ? "the embedded default" : "the first one installed";
  const absent = missing.length === 0 ? "" : `; not installed: ${missing.join(", ")}`;
  return [first + absent, ...broken].join("; ");
}

async function startEngine(name: string, asked: string, threads?: number): Promise<Engine> {
  if (!isEngineName(name)) {
    throw new HubError("ENGINE", `Cannot use the engine ${name}: it is not known. Choose auto, ${NAMES.join(", ")}.`, {
      details: { engine: name },
    });
  }
  let backend: Backend | undefined;
  try {
    backend = await loaders[name]({ threads, byName: true });
  } catch (cause) {
    if (cause instanceof HubError) throw cause;
    throw new HubError("ENGINE", `Cannot start the engine ${name}: ${messageOf(cause)}`, {
      details: { engine: name },
      cause,
    });
  }
  if (backend === undefined) {
    throw new HubError(
      "ENGINE",
      `Cannot use the engine ${name} (${asked}): ${packagesOf(name)} not installed. docs/engines.md says how to get it.`,
      { details: { engine: name } },
    );
  }
  return makeEngine(name, asked, backend);
}

async function makeEngine(name: EngineName, why: string, started: Backend): Promise<Engine> {
  const tf = loadCore();
  const { backend, version, device, threads, maxBytes, weightCopies = 1, rewrite, interruptible } = started;
  // TF.js has one current backend; switching to one that has started takes effect at once.
  const use = () => {
    if (tf.getBackend() !== backend) void tf.setBackend(backend);
  };
  return {
    name,
    why: name === "tfjs-node-gpu" && device !== "gpu" ? `${why}; it found no GPU and computes on the CPU` : why,
    tf,
    maxBytes,
    weightCopies,
    version,
    device,
    threads,
    run: (f, between) => {
      use();
      return between && interruptible ? interruptible(() => tf.tidy(f), between) : tf.tidy(f);
    },
    loadGraph: (folder, job) => {
      use();
      return loadGraphFolder(folder, maxBytes, job, rewrite);
    },
  };
}

function packagesOf(name: EngineName): string {
  return name === "webgpu" ? `${WEBGPU_PACKAGES.join(" and ")} are` : `@tensorflow/${name} is`;
}

function isEngineName(name: string): name is EngineName {
  return (NAMES as string[]).includes(name);
}
