import { availableParallelism } from "node:os";
import { join } from "node:path";
import { NotHere, node, python } from "../children.mjs";
import { race } from "../rounds.mjs";

const ABOUT = `ResNet-50 without its classifier, 224 x 224, random weights (\`init_rn50\`, torchvision's), input ready in memory.
\`wasm, encode\` is \`model.encode\` on raw 256 x 256 images with a worker a core: crop and normalisation included. "all"
is the engine's own choice, one thread a core. PyTorch computes batch norm apart; the others have it folded.`;

export default async function forward({ dir, quick, log }) {
  const cores = availableParallelism();
  const cache = join(dir, "cache");
  const onnx = await writeOnnx(join(dir, "resnet50.onnx"));
  // The first to ask converts; the others find it in the cache.
  const ours = (backend, how = "predict", env = {}) => node("ours/forward.mjs", [backend, how, cache], env);
  const [one, all] = [
    ["PyTorch, 1 thread", "onnxruntime, 1 thread"],
    ["PyTorch, all", "onnxruntime, all"],
  ];
  const contenders = [
    { name: "wasm, 1 thread", ours: true, against: one, start: ours("wasm") },
    { name: `wasm, encode, ${cores} workers`, ours: true, against: all, start: ours("wasm", "encode") },
    {
      name: "tfjs-node, 1 thread",
      ours: true,
      against: one,
      start: ours("tfjs-node", "predict", { TF_NUM_INTRAOP_THREADS: "1", TF_NUM_INTEROP_THREADS: "1" }),
    },
    { name: "tfjs-node, all", ours: true, against: all, start: ours("tfjs-node") },
    { name: "webgpu", ours: true, against: all, start: ours("webgpu") },
    { name: "tfjs-node-gpu", ours: true, against: all, start: ours("tfjs-node-gpu") },
    { name: one[0], start: python("peers/forward.py", ["1"]) },
    { name: all[0], start: python("peers/forward.py", [String(cores)]) },
    { name: one[1], start: node("peers/onnxruntime.mjs", ["1", onnx]) },
    { name: all[1], start: node("peers/onnxruntime.mjs", [String(cores), onnx]) },
  ];
  const ms = quick ? 300 : 1500;
  const cases = [1, 8].map((batch) => ({
    name: `batch ${batch}`,
    job: { batch, images: Math.max(2, quick ? 1 : 2) * cores * batch, ms },
  }));
  return {
    title: "ResNet-50 on every engine, beside PyTorch and onnxruntime",
    about: ABOUT,
    metrics: [
      { key: "rate", label: "images/s", ratio: "images/s" },
      { key: "cpu", label: "CPU", unit: "ms an image", ratio: "CPU" },
    ],
    rows: await race(contenders, cases, { rounds: quick ? 3 : 5, log }),
  };
}

/** PyTorch writes the file for onnxruntime; without PyTorch there is none. */
async function writeOnnx(path) {
  try {
    const torch = await python("peers/forward.py", ["1"])();
    await torch.request({ onnx: path });
    await torch.close();
    return path;
  } catch (error) {
    if (error instanceof NotHere) return "";
    throw error;
  }
}
