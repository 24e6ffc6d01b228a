import { createRequire } from "node:module";
import { dirname } from "node:path";
import { HubError, messageOf } from "../core/errors.ts";
import type { Backend } from "./engine.ts";
import type { Rewrite } from "./graph-model.ts";
import { memoryBytes } from "./memory.ts";
import { type SessionBackend, sessions } from "./session.ts";
import { loadConverter, loadCore } from "./tfjs.ts";

export type NativeName = "tfjs-node-gpu" | "tfjs-node";

const CORE = "@tensorflow/tfjs-core";

/**
 * TensorFlow's own kernels through @tensorflow/tfjs-node or -gpu, an optional peer of this package.
 * @param threads threads of one operation; only the first load of a process can set it, `TF_NUM_INTRAOP_THREADS` wins.
 * @param from module whose `node_modules` are searched.
 * @returns undefined when the package is not installed.
 * @throws HubError `ENGINE` when it is installed and cannot be used.
 */
export async function loadNative(
  name: NativeName,
  threads?: number,
  from: string = import.meta.url,
): Promise<Backend | undefined> {
  const require = createRequire(from);
  const manifest = find(require, `@tensorflow/${name}/package.json`);
  if (manifest === undefined) return undefined;
  const tf = loadCore();
  const fail = (found: string, cause?: unknown): HubError =>
    new HubError("ENGINE", `Cannot use @tensorflow/${name}: ${found}`, { details: { engine: name }, cause });

  checkCore(manifest, fail);
  const entry = require.resolve(dirname(manifest));
  if (tf.findBackend("tensorflow") !== null && !(entry in require.cache)) {
    throw fail("another build of it is loaded in this process already. Choose one of them with SSL_HUB_BACKEND.");
  }
  // Both are read once, when the native library starts.
  // The CUDA build reports as errors what is none: plug-ins it registers twice, a machine without a GPU.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= name === "tfjs-node-gpu" ? "3" : "2";
  if (threads !== undefined) process.env.TF_NUM_INTRAOP_THREADS ??= String(threads);
  let native: { version: { tfjs: string } };
  const { argv } = process;
  try {
    // What finds the binding takes options of this process for its own: `--dir` would be where it looks.
    process.argv = argv.slice(0, 2);
    native = require(entry);
  } catch (cause) {
    const text = messageOf(cause).split("\n")[0]!;
    throw fail(`it is installed but does not load (${text}). Build its native part: docs/engines.md says how.`, cause);
  } finally {
    process.argv = argv;
  }
  if (!(await tf.setBackend("tensorflow")))
    throw fail("its backend did not start. docs/engines.md says how to build it.");
  const backend = tf.backend() as unknown as NodeBackend;
  // A session takes what it is fed from the main memory: a GPU would get all weights anew each time.
  const whole = !backend.isUsingGpuDevice && process.env.SSL_HUB_KERNELS !== "off";
  return {
    backend: "tensorflow",
    version: `${native.version.tfjs}, TensorFlow ${backend.binding.TF_Version}`,
    device: backend.isUsingGpuDevice ? "gpu" : "cpu",
    threads: Number(process.env.TF_NUM_INTRAOP_THREADS) || 0,
    maxBytes: memoryBytes(),
    ...(whole && { rewrite: sessionsOf(backend) }),
  };
}

interface NodeBackend extends SessionBackend {
  isUsingGpuDevice: boolean;
  binding: { TF_Version: string };
}

/** The operation is registered once, however often the engine is asked for: by name, by variable, or as the first there is. */
let rewrite: Rewrite | undefined;

function sessionsOf(backend: SessionBackend): Rewrite {
  rewrite ??= sessions(backend, loadConverter().registerOp);
  return rewrite;
}

/** One process must hold one tfjs-core: tensors and kernels of another copy are strangers to ours. */
function checkCore(manifest: string, fail: (found: string) => HubError): void {
  const ours = find(createRequire(import.meta.url), CORE);
  const union = find(createRequire(manifest), "@tensorflow/tfjs/package.json");
  const theirs = union && find(createRequire(union), CORE);
  if (theirs === undefined) throw fail(`what it depends on is missing (${CORE}). Install it again.`);
  if (theirs === ours) return;
  const version = (from: string): string => createRequire(from)(`${CORE}/package.json`).version;
  const [own, other] = [version(import.meta.url), version(union!)];
  throw fail(
    `it brings its own copy of ${CORE} (${other}, ours is ${own}). Install it at version ${own}, so that both share one.`,
  );
}

function find(require: NodeJS.Require, request: string): string | undefined {
  try {
    return require.resolve(request);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
