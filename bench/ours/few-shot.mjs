import { readFile } from "node:fs/promises";
import * as hub from "ssl-hub";
import { arrays, drawC, fitFewShot } from "ssl-hub/decompose";
import { notHere, serve, stopwatch } from "./serve.mjs";

const { name, version } = await hub.backend().catch((error) => notHere(error.message.split(". docs/")[0]));

await serve(`${name} ${version}`, async ({ path, n, d, k }) => {
  const [x, y] = await Promise.all([readFile(`${path}.x`), readFile(`${path}.y`)]);
  const classes = Array.from({ length: k }, (_, c) => String(c));
  const half = n / 2;
  const set = (from) =>
    arrays(new Float32Array(x.buffer, x.byteOffset + 4 * from * d, half * d), new Int32Array(y.buffer, y.byteOffset + 4 * from, half), { dim: d, classes }); // biome-ignore format: one line
  const [train, validation] = [set(0), set(half)];
  const stop = stopwatch();
  const { candidates } = await fitFewShot(train, validation, { C: drawC(30, 123) });
  const errors = Math.min(...candidates.map(({ validation_errors }) => validation_errors));
  return { ...stop(), validation: (100 * errors) / half };
});
