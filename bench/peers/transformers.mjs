// transformers.js on the ONNX files that PyTorch wrote: forward passes of a tensor, or JPEG files through its processor.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { uniform } from "../data/rng.mjs";
import { notHere, serve, throughput } from "../ours/serve.mjs";

const [threads, dir] = process.argv.slice(2);
if (!dir) notHere("the ONNX files are written by PyTorch, which is not here");
const from = process.env.TRANSFORMERS ? join(process.env.TRANSFORMERS, "package.json") : import.meta.url;
const load = async () => {
  try {
    return await import(pathToFileURL(createRequire(from).resolve("@huggingface/transformers")).href);
  } catch (error) {
    return notHere(error.message.split("\n")[0]);
  }
};
const { AutoModel, AutoProcessor, RawImage, Tensor, env } = await load();
env.allowRemoteModels = false;
env.localModelPath = dir;
const session_options = { intraOpNumThreads: Number(threads), interOpNumThreads: 1 };
const models = new Map();
const modelOf = async (name) => {
  if (!models.has(name)) models.set(name, await AutoModel.from_pretrained(name, { dtype: "fp32", session_options }));
  return models.get(name);
};
const next = uniform(7);
const inputs = new Map();

async function folder({ model: name, paths, batch, ms }) {
  const model = await modelOf(name);
  const processor = await AutoProcessor.from_pretrained(name);
  return throughput(ms, async () => {
    for (let i = 0; i < paths.length; i += batch) {
      const images = await Promise.all(paths.slice(i, i + batch).map((path) => RawImage.read(path)));
      await model(await processor(images));
    }
    return paths.length;
  });
}

await serve(`transformers.js ${env.version}`, async (job) => {
  if (job.paths) return folder(job);
  const { batch, ms } = job;
  const model = await modelOf(job.model);
  if (!inputs.has(batch)) {
    const data = Float32Array.from({ length: batch * 3 * 224 * 224 }, () => 4 * next() - 2);
    inputs.set(batch, new Tensor("float32", data, [batch, 3, 224, 224]));
  }
  return throughput(ms, async () => {
    await model({ pixel_values: inputs.get(batch) });
    return batch;
  });
});
