import { createRequire } from "node:module";
import { join } from "node:path";
import { uniform } from "../data/rng.mjs";
import { notHere, serve, throughput } from "../ours/serve.mjs";

const [threads, dir] = process.argv.slice(2);
if (!dir) notHere("the ONNX files are written by PyTorch, which is not here");
const from = process.env.ONNXRUNTIME ? join(process.env.ONNXRUNTIME, "package.json") : import.meta.url;
const require = createRequire(from);
const load = () => {
  try {
    return [require("onnxruntime-node"), require("onnxruntime-node/package.json").version];
  } catch (error) {
    return notHere(error.message.split("\n")[0]);
  }
};
const [ort, version] = load();
const options = { intraOpNumThreads: Number(threads), interOpNumThreads: 1 };
const sessions = new Map();
const inputs = new Map();
const next = uniform(7);

await serve(`onnxruntime-node ${version}`, async ({ model, batch, ms }) => {
  if (!sessions.has(model)) {
    sessions.set(model, await ort.InferenceSession.create(join(dir, model, "onnx", "model.onnx"), options));
  }
  if (!inputs.has(batch)) {
    const data = Float32Array.from({ length: batch * 3 * 224 * 224 }, () => 4 * next() - 2);
    inputs.set(batch, new ort.Tensor("float32", data, [batch, 3, 224, 224]));
  }
  return throughput(ms, async () => {
    await sessions.get(model).run({ pixel_values: inputs.get(batch) });
    return batch;
  });
});
