import type { Rng } from "../../core/rng.ts";
import { type Dimension, decoded, encoded, intervalOf, mapSpace, type Parameters, type Space } from "./space.ts";

/** Share of the trials that count as good, and their greatest number. */
const GOOD_SHARE = 0.1;
const MOST_GOOD = 25;
/** Points drawn from the good trials' density, of which the best is taken. */
const CANDIDATES = 24;
/** Weight of the prior, in trials. */
const PRIOR = 1;
/** Scott's rule starts from this part of an interval. */
const BANDWIDTH = 0.2;
/** Trials that count in full: of older ones the weight falls with their age. */
const RECENT = 25;

/** A trial that is done: where it was, and what came out; less is better. */
export interface Observation {
  parameters: Parameters;
  error: number;
}

/**
 * The next point by a tree-structured Parzen estimator (Bergstra et al., "Algorithms for hyper-parameter optimization",
 * 2011), multivariate (Falkner et al., BOHB, 2018), with the constants of Optuna's sampler, which the paper used: of 24 draws from
 * the density l of the good trials, that with the largest l / g, g the density of the others.
 * @param history in the order of the trials; at least one.
 */
export function suggest(space: Space, history: readonly Observation[], draw: Rng): Parameters {
  const good = goodOf(history);
  const part = (inside: boolean) => history.filter((_, i) => good.has(i) === inside).map((trial) => trial.parameters);
  const [better, worse] = [parzen(space, part(true)), parzen(space, part(false))];
  let best: { at: Parameters; score: number } | undefined;
  for (let i = 0; i < CANDIDATES; i++) {
    const at = better.sample(draw);
    const score = better.logDensity(at) - worse.logDensity(at);
    if (best === undefined || score > best.score) best = { at, score };
  }
  return best!.at;
}

/** The places of the trials that count as good. */
export function goodOf(history: readonly Observation[]): Set<number> {
  const count = Math.min(Math.ceil(GOOD_SHARE * history.length), MOST_GOOD);
  // Of equals the earlier trial is the better one.
  const ranked = [...history.keys()].sort((a, b) => history[a]!.error - history[b]!.error || a - b);
  return new Set(ranked.slice(0, count));
}

export interface Density {
  sample(draw: Rng): Parameters;
  /** Natural logarithm of the density; of whole numbers and choices, of the probability. */
  logDensity(at: Parameters): number;
}

/** One product kernel for each point, and a wide one for the prior. */
export function parzen(space: Space, points: readonly Parameters[]): Density {
  const weights = [...recency(points.length), PRIOR];
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const names = Object.keys(space);
  const marginals = names.map((name) => {
    const dimension = space[name]!;
    const at = points.map((point) => encoded(dimension, point[name]!));
    return dimension.kind === "choice"
      ? choiceKernels(dimension.values.length, at)
      : normalKernels(dimension, at, names.length);
  });
  return {
    sample(draw) {
      const kernel = pick(weights, draw);
      const drawn = marginals.map((marginal) => marginal.sample(kernel, draw));
      return mapSpace(space, (dimension, name) => decoded(dimension, drawn[names.indexOf(name)]!));
    },
    logDensity(at) {
      const u = names.map((name) => encoded(space[name]!, at[name]!));
      const logs = weights.map((weight, kernel) =>
        marginals.reduce((sum, { log }, i) => sum + log(kernel, u[i]!), Math.log(weight / total)),
      );
      const highest = Math.max(...logs);
      return highest + Math.log(logs.reduce((sum, value) => sum + Math.exp(value - highest), 0));
    },
  };
}

/** Weights of trials in their order. */
function recency(n: number): number[] {
  const old = Math.max(0, n - RECENT);
  return Array.from({ length: n }, (_, i) => {
    if (i >= old) return 1;
    return old === 1 ? 1 / n : 1 / n + ((1 - 1 / n) * i) / (old - 1);
  });
}

/** The kernels of one dimension: that of each point, then the prior's. */
interface Marginal {
  sample(kernel: number, draw: Rng): number;
  log(kernel: number, u: number): number;
}

function choiceKernels(choices: number, points: readonly number[]): Marginal {
  const floor = PRIOR / (points.length + 1);
  const rows = [...points, -1].map((point) => {
    const row = Array.from({ length: choices }, (_, choice) => floor + Number(choice === point));
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((weight) => weight / sum);
  });
  return { sample: (kernel, draw) => pick(rows[kernel]!, draw), log: (kernel, u) => Math.log(rows[kernel]![u]!) };
}

/** Normal distributions cut to the interval; of whole numbers each owns half a unit to both sides. */
function normalKernels(
  dimension: Exclude<Dimension, { kind: "choice" }>,
  points: readonly number[],
  dimensions: number,
): Marginal {
  const { whole, ...ends } = intervalOf(dimension);
  const half = whole ? 0.5 : 0;
  const [low, high] = [ends.low - half, ends.high + half];
  const range = high - low;
  const scott = BANDWIDTH * Math.max(points.length, 1) ** (-1 / (dimensions + 4)) * range;
  const least = range / (points.length + 2);
  const sd = Math.min(range, Math.max(least, scott));
  const kernels = [...points.map((mean) => ({ mean, sd })), { mean: (low + high) / 2, sd: range }];
  return {
    sample(kernel, draw) {
      const { mean, sd } = kernels[kernel]!;
      // The mean is inside and sd at most the range: at least a third of the draws are.
      for (;;) {
        const u = mean + sd * draw.normal();
        if (u < low || u > high) continue;
        return whole ? Math.min(ends.high, Math.max(ends.low, Math.round(u))) : u;
      }
    },
    log(kernel, u) {
      const { mean, sd } = kernels[kernel]!;
      const z = (at: number) => (at - mean) / sd;
      const inside = normalCdf(z(high)) - normalCdf(z(low));
      if (whole) return Math.log((normalCdf(z(u + half)) - normalCdf(z(u - half))) / inside);
      return -0.5 * z(u) ** 2 - Math.log(sd * Math.sqrt(2 * Math.PI) * inside);
    },
  };
}

/** A position, by these weights. */
function pick(weights: readonly number[], draw: Rng): number {
  let left = draw.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  const found = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return found < 0 ? weights.length - 1 : found;
}

/** P(Z <= z), by the series of Marsaglia, "Evaluating the normal distribution", 2004; exact to 1e-15. */
function normalCdf(z: number): number {
  if (Math.abs(z) > 8) return z < 0 ? 0 : 1;
  let sum = z;
  let term = z;
  for (let i = 3, before = Number.NaN; sum !== before; i += 2) {
    before = sum;
    term *= z ** 2 / i;
    sum += term;
  }
  return 0.5 + (sum * Math.exp(-0.5 * z ** 2)) / Math.sqrt(2 * Math.PI);
}
