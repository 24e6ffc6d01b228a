/** Count, mean, standard deviation (n - 1) and quantiles (linear interpolation) as pandas' `describe` gives them. */
export interface Description {
  count: number;
  mean: number;
  std: number;
  min: number;
  q25: number;
  median: number;
  q75: number;
  max: number;
}

export const mean = (x: readonly number[]): number => x.reduce((sum, value) => sum + value, 0) / x.length;

/** Variance with n - 1; NaN below two values. */
export function variance(x: readonly number[]): number {
  const m = mean(x);
  return x.length < 2 ? Number.NaN : x.reduce((sum, value) => sum + (value - m) ** 2, 0) / (x.length - 1);
}

export const std = (x: readonly number[]): number => Math.sqrt(variance(x));

/** The q-quantile, 0 <= q <= 1, by linear interpolation between order statistics. */
export function quantile(x: readonly number[], q: number): number {
  const sorted = [...x].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  const below = sorted[low]!;
  return below + (at - low) * ((sorted[low + 1] ?? below) - below);
}

export function describe(x: readonly number[]): Description {
  return {
    count: x.length,
    mean: mean(x),
    std: std(x),
    min: quantile(x, 0),
    q25: quantile(x, 0.25),
    median: quantile(x, 0.5),
    q75: quantile(x, 0.75),
    max: quantile(x, 1),
  };
}
