import { std } from "./describe.ts";

/**
 * Gaussian kernel density of `x` at each place, with Scott's bandwidth std * n^(-1/5) as scipy's `gaussian_kde`.
 * @param copies how often each value counts as seen: copies narrow the bandwidth and add no information.
 */
export function density(x: readonly number[], places: readonly number[], copies = 1): number[] {
  const n = x.length * copies;
  const all = copies === 1 ? x : Array.from({ length: copies }, () => x).flat();
  const bandwidth = std(all) * n ** -0.2;
  const scale = 1 / (x.length * bandwidth * Math.sqrt(2 * Math.PI));
  return places.map(
    (at) => scale * x.reduce((sum, value) => sum + Math.exp(-0.5 * ((at - value) / bandwidth) ** 2), 0),
  );
}
