import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gaussian, uniform } from "./rng.mjs";

/**
 * Features as encoders give them: not negative, correlated through 32 common factors, classes that overlap, one label
 * in twenty wrong. Written as raw little-endian float32 and int32.
 * @param o.spread of the class means.
 */
export async function writeProblem(dir, { n, d, k, seed = 0, spread = 1.5 }) {
  const [normal, draw] = [gaussian(n + d + k + seed), uniform((n ^ d) + seed)];
  const factors = 32;
  const mixing = Float32Array.from({ length: factors * d }, () => normal() / Math.sqrt(factors));
  const means = Float32Array.from({ length: k * factors }, () => spread * normal());
  const x = new Float32Array(n * d);
  const y = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const label = i % k;
    y[i] = draw() < 0.05 ? Math.floor(draw() * k) : label;
    const row = x.subarray(i * d, (i + 1) * d);
    for (let f = 0; f < factors; f++) {
      const value = means[label * factors + f] + normal();
      for (let j = 0; j < d; j++) row[j] += value * mixing[f * d + j];
    }
    for (let j = 0; j < d; j++) row[j] = Math.max(0, row[j] + 0.5 * normal());
  }
  const path = join(dir, `problem-${n}x${d}x${k}-${seed}`);
  await Promise.all([writeFile(`${path}.x`, x), writeFile(`${path}.y`, y)]);
  return { path, n, d, k };
}
