import * as hub from "ssl-hub";
import { notHere, serve, throughput } from "./serve.mjs";

const [backend, cache] = process.argv.slice(2);
process.env.SSL_HUB_DIR = cache;

const [encoder] = await hub.load("init_rn50", { backend }).catch((error) => {
  if (error.code === "ENGINE") notHere(error.message.split(". docs/")[0]);
  throw error;
});
const { version, device } = await hub.backend(backend);

await serve(`${version}, ${device}`, ({ paths, batch, ms }) =>
  throughput(ms, async () => {
    await encoder.encode(paths, { batchSize: batch });
    return paths.length;
  }),
);
