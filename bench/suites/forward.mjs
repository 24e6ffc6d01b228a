import { availableParallelism } from "node:os";
import { join } from "node:path";
import { interpreters, node, python } from "../children.mjs";
import { writeOnnx } from "../data/onnx.mjs";
import { CPU_PER_IMAGE, RATE } from "../metrics.mjs";
import { race } from "../rounds.mjs";

const ABOUT = `Encoders without their classifiers, 224 x 224, random weights, input ready in memory. \`wasm, encode\` is
\`model.encode\` on raw 256 x 256 images with a worker a core: crop and normalisation included; \`1 worker\` is the same with
\`threads: 1\`. "all" is the engine's own choice, one thread a core. PyTorch computes batch norm apart; the others have it folded.`;

/** Our names of the models that PyTorch has too. */
const MODELS = { resnet50: "init_rn50", vit_s16: "init_vitS16", vit_b16: "init_vitB16" };

export default async function forward({ dir, quick, rounds, log }) {
  const cores = availableParallelism();
  const cache = join(dir, "cache");
  const onnx = await writeOnnx(join(dir, "onnx"), Object.keys(MODELS));
  // The first to ask converts; the others find it in the cache.
  const ours = (backend, how = "predict", env = {}) => node("ours/forward.mjs", [backend, how, cache], env);
  const single = { TF_NUM_INTRAOP_THREADS: "1", TF_NUM_INTEROP_THREADS: "1" };
  const second = interpreters().slice(1, 2);
  const others = [
    ["1 thread", 1],
    ["all", cores],
  ].map(([label, threads]) => ({
    name: `PyTorch of the second Python, ${label}`,
    start: python("peers/forward.py", [String(threads)], {}, second),
  }));
  const named = (label) => ["PyTorch", "onnxruntime", "transformers.js"].map((peer) => `${peer}, ${label}`);
  const one = [...named("1 thread"), others[0].name];
  const all = [...named("all"), others[1].name];
  const contenders = [
    { name: "wasm, 1 thread", ours: true, against: one, start: ours("wasm") },
    { name: "wasm, encode, 1 worker", ours: true, against: [], start: ours("wasm", "encode1") },
    {
      name: `wasm, encode, ${cores} workers`,
      ours: true,
      against: ["wasm, encode, 1 worker", ...all],
      start: ours("wasm", "encode"),
    },
    { name: "tfjs-node, 1 thread", ours: true, against: one, start: ours("tfjs-node", "predict", single) },
    { name: "tfjs-node, all", ours: true, against: all, start: ours("tfjs-node") },
    { name: "webgpu", ours: true, against: all, start: ours("webgpu") },
    { name: "tfjs-node-gpu", ours: true, against: all, start: ours("tfjs-node-gpu") },
    { name: one[0], start: python("peers/forward.py", ["1"]) },
    { name: all[0], start: python("peers/forward.py", [String(cores)]) },
    ...(second.length > 0 ? others : []),
    { name: one[1], start: node("peers/onnxruntime.mjs", ["1", onnx]) },
    { name: all[1], start: node("peers/onnxruntime.mjs", [String(cores), onnx]) },
    { name: one[2], start: node("peers/transformers.mjs", ["1", onnx]) },
    { name: all[2], start: node("peers/transformers.mjs", [String(cores), onnx]) },
  ];
  const ms = quick ? 300 : 1500;
  const sizes = quick
    ? { resnet50: [1, 8], vit_s16: [1, 8] }
    : { resnet50: [1, 16], vit_s16: [1, 16], vit_b16: [1, 16] };
  const cases = Object.entries(sizes).flatMap(([model, batches]) =>
    batches.map((batch) => ({
      name: `${model}, batch ${batch}`,
      job: { model, hubName: MODELS[model], batch, images: 2 * cores * batch, ms },
    })),
  );
  return {
    title: "every engine, beside PyTorch, onnxruntime and transformers.js",
    about: ABOUT,
    metrics: [RATE, CPU_PER_IMAGE],
    rows: await race(contenders, cases, { rounds: Math.min(rounds, 5), log }),
  };
}
