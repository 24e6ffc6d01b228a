import { readFile } from "node:fs/promises";
import * as hub from "ssl-hub";
import { logisticPath } from "ssl-hub/decompose";
import { notHere, serve, stopwatch } from "./serve.mjs";

const { name, version } = await hub.backend().catch((error) => notHere(error.message.split(". docs/")[0]));

/** Each fit takes the rows of its file from `skip` on, for all C in ascending order. */
await serve(`${name} ${version}`, async ({ fits, C }) => {
  const problems = await Promise.all(fits.map(load));
  const stop = stopwatch();
  const objectives = [];
  let gradientNorm = 0;
  for (const problem of problems) {
    for await (const fit of logisticPath({ ...problem, C })) {
      objectives.push(fit.objective);
      gradientNorm = Math.max(gradientNorm, fit.gradientNorm);
    }
  }
  return { ...stop(), objectives, gradientNorm };
});

async function load({ path, n, d, k, skip = 0 }) {
  const [x, y] = await Promise.all([readFile(`${path}.x`), readFile(`${path}.y`)]);
  const rows = n - skip;
  return {
    x: new Float32Array(x.buffer, x.byteOffset + 4 * skip * d, rows * d),
    y: new Int32Array(y.buffer, y.byteOffset + 4 * skip, rows),
    ...{ n: rows, d, k },
  };
}
