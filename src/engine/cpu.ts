import { createRequire } from "node:module";
import type { Backend } from "./engine.ts";
import { memoryBytes } from "./memory.ts";
import { loadCore } from "./tfjs.ts";

const require = createRequire(import.meta.url);

/** Plain JavaScript: slow, needs nothing. Only when asked for by name. */
export async function loadCpu(): Promise<Backend> {
  const tf = loadCore();
  const cpu: typeof import("@tensorflow/tfjs-backend-cpu") = require("@tensorflow/tfjs-backend-cpu");
  if (!(await tf.setBackend("cpu"))) throw new Error("the plain JavaScript backend did not start");
  // Its first tensor prints an advertisement for tfjs-node unless TF.js is in production mode.
  const production = tf.env().getBool("PROD");
  tf.env().set("PROD", true);
  tf.scalar(0).dispose();
  tf.env().set("PROD", production);
  return { backend: "cpu", version: cpu.version_cpu, device: "cpu, JavaScript", threads: 1, maxBytes: memoryBytes() };
}
