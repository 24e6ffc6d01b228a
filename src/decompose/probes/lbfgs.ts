import { add, dot } from "./vectors.ts";

/** Value and gradient of a function. */
export interface Evaluation {
  value: number;
  gradient: Float64Array;
  /** Unit roundoff of the arithmetic. */
  epsilon: number;
}

export interface LbfgsOptions {
  start: Float64Array;
  /** About the inverse of the Hessian's diagonal: the scale of each variable. */
  inverseDiagonal: Float64Array;
  evaluate: (theta: Float64Array) => Promise<Evaluation>;
  /** Ends the search where it is true. */
  isEnd: (theta: Float64Array, at: Evaluation) => boolean;
  maxIterations: number;
}

export interface LbfgsResult extends Evaluation {
  theta: Float64Array;
  iterations: number;
  evaluations: number;
}

/** Pairs of steps that are remembered. */
const MEMORY = 12;
const MAX_TRIALS = 12;

/**
 * Minimises a convex function by limited-memory BFGS (Nocedal and Wright, 7.4). The line search goes by slopes, for values
 * that differ by less than their rounding tell nothing. Ends also where no direction descends any more.
 */
export async function lbfgs(o: LbfgsOptions): Promise<LbfgsResult> {
  let theta = o.start.slice();
  let at = await o.evaluate(theta);
  let evaluations = 1;
  let iterations = 0;
  const pairs: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  while (iterations < o.maxIterations && !o.isEnd(theta, at)) {
    const p = direction(at.gradient, pairs, o.inverseDiagonal);
    const start = dot(p, at.gradient);
    if (!(start < 0)) break;
    const found = await search(theta, p, at, start, o.evaluate);
    evaluations += found?.trials ?? MAX_TRIALS;
    if (found === undefined) break;
    const s = p.map((value) => value * found.step);
    const y = found.at.gradient.slice();
    add(y, -1, at.gradient);
    const bend = dot(s, y);
    if (bend > 0) pairs.push({ s, y, rho: 1 / bend });
    if (pairs.length > MEMORY) pairs.shift();
    theta = found.theta;
    at = found.at;
    iterations++;
  }
  return { ...at, theta, iterations, evaluations };
}

/** Minus the inverse Hessian's estimate times the gradient, by the two loops. */
function direction(
  gradient: Float64Array,
  pairs: readonly { s: Float64Array; y: Float64Array; rho: number }[],
  inverseDiagonal: Float64Array,
): Float64Array {
  const q = gradient.map((g) => -g);
  const alphas = new Float64Array(pairs.length);
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { s, y, rho } = pairs[i]!;
    alphas[i] = rho * dot(s, q);
    add(q, -alphas[i]!, y);
  }
  let gamma = 1;
  const last = pairs.at(-1);
  if (last !== undefined) {
    let scaled = 0;
    for (let j = 0; j < last.y.length; j++) scaled += last.y[j]! ** 2 * inverseDiagonal[j]!;
    gamma = 1 / (last.rho * scaled);
  }
  for (let j = 0; j < q.length; j++) q[j]! *= gamma * inverseDiagonal[j]!;
  pairs.forEach(({ s, y, rho }, i) => {
    add(q, alphas[i]! - rho * dot(y, q), s);
  });
  return q;
}

/** A step at which the slope has fallen to half of its start or less, from either side. */
async function search(
  theta: Float64Array,
  p: Float64Array,
  from: Evaluation,
  start: number,
  evaluate: LbfgsOptions["evaluate"],
) {
  let [low, lowSlope] = [0, start];
  let [high, highSlope] = [Infinity, 0];
  let step = 1;
  for (let trials = 1; trials <= MAX_TRIALS; trials++) {
    const moved = theta.slice();
    add(moved, step, p);
    const at = await evaluate(moved);
    const slope = dot(p, at.gradient);
    const higher = at.value > from.value + 1e-6 * Math.abs(from.value);
    if (Math.abs(slope) <= -0.5 * start && !higher) return { theta: moved, at, step, trials };
    if (slope < 0 && !higher) [low, lowSlope] = [step, slope];
    else [high, highSlope] = [step, Math.max(slope, 0)];
    const secant = low + ((high - low) * lowSlope) / (lowSlope - highSlope);
    const margin = 0.1 * (high - low);
    step = high === Infinity ? 2 * step : Math.min(Math.max(secant, low + margin), high - margin);
  }
  return undefined;
}
