import * as hub from "ssl-hub";
import { uniform } from "../data/rng.mjs";
import { notHere, serve, throughput } from "./serve.mjs";

const [backend, how, folder] = process.argv.slice(2);
process.env.SSL_HUB_DIR = folder;

const load = (name) => hub.load(name, { backend });
const [resnet] = await load("init_rn50").catch((error) => {
  if (error.code === "ENGINE") notHere(error.message.split(". docs/")[0]);
  throw error;
});
const models = new Map([["init_rn50", resnet]]);
async function modelOf(name) {
  if (!models.has(name)) models.set(name, (await load(name))[0]);
  return models.get(name);
}

const { version, device } = await hub.backend(backend);
const tf = await import("@tensorflow/tfjs-core");
const next = uniform(7);

async function predict(model, batch) {
  const x = tf.tensor4d(
    Float32Array.from({ length: batch * 224 * 224 * 3 }, () => 4 * next() - 2),
    [batch, 224, 224, 3],
  );
  return async () => {
    const y = model.predict(x);
    await y.data();
    y.dispose();
    return batch;
  };
}

/** Raw images of the pipeline's own size, so that little but the crop and the forward pass is measured. */
async function encode(model, batchSize, images) {
  const data = Uint8Array.from({ length: 256 * 256 * 3 }, () => 256 * next());
  const items = Array.from({ length: images }, () => ({ data, width: 256, height: 256 }));
  return async () => {
    await model.encode(items, { batchSize, ...(how === "encode1" && { threads: 1 }) });
    return images;
  };
}

const works = new Map();
await serve(`${version}, ${device}`, async ({ hubName: name = "init_rn50", batch, images, ms }) => {
  const key = `${name} ${batch}`;
  if (!works.has(key)) {
    const model = await modelOf(name);
    works.set(key, await (how.startsWith("encode") ? encode(model, batch, images) : predict(model, batch)));
  }
  return throughput(ms, works.get(key));
});
