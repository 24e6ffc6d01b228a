import { readFile } from "node:fs/promises";
import * as hub from "ssl-hub";
import { logisticRegression } from "ssl-hub/decompose";
import { notHere, serve, stopwatch } from "./serve.mjs";

const { name, version } = await hub.backend().catch((error) => notHere(error.message.split(". docs/")[0]));

await serve(`${name} ${version}`, async ({ path, n, d, k, C }) => {
  const [x, y] = await Promise.all([readFile(`${path}.x`), readFile(`${path}.y`)]);
  const problem = {
    x: new Float32Array(x.buffer, x.byteOffset, n * d),
    y: new Int32Array(y.buffer, y.byteOffset, n),
  };
  const stop = stopwatch();
  const { objective, gradientNorm } = await logisticRegression({ ...problem, n, d, k, C });
  return { ...stop(), objective, gradientNorm };
});
