import { imageFolder } from "../../src/decompose/datasets/image-folder.ts";
import { featurizeData } from "../../src/decompose/featurize.ts";
import { fakeEncoder } from "./fake-encoder.ts";

/** A process that featurizes `images` into `dir`, tells each batch by a byte on its output and dies at batch `last`. */
const [images, dir, last] = process.argv.slice(2) as [string, string, string?];
let batches = 0;
const onBatch = async () => {
  process.stdout.write(".");
  if (++batches === Number(last)) process.kill(process.pid, "SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, 2));
};
const options = { dir, rowsPerShard: 5, batchSize: 2, onError: "skip" } as const;
await featurizeData(fakeEncoder({ onBatch }), await imageFolder(images), options);
