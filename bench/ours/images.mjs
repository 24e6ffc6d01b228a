import { createHash } from "node:crypto";
import * as hub from "ssl-hub";
import { serve, throughput } from "./serve.mjs";

const atOnce = Number(process.argv[2]);
const preprocess = hub.preprocess("dino_rn50");

async function all(paths, use) {
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < paths.length; i = next++) use(await preprocess.array(paths[i]), i);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return paths.length;
}

await serve("this package", async ({ paths, ms, check }) => {
  if (!check) return throughput(ms, () => all(paths, () => {}));
  const hashes = [];
  const hash = (array, i) => {
    hashes[i] = createHash("sha256").update(array).digest("hex");
  };
  await all(paths, hash);
  return { hashes };
});
