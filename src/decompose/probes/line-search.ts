import type { NewtonSpace } from "./conjugate-gradients.ts";
import type { Direction, Problem, State } from "./problem.ts";
import { dot } from "./vectors.ts";

const MAX_TRIALS = 40;

/**
 * How far to go along a direction: 1 where the slope there has fallen to half, else near the one place where it is zero
 * (the objective is convex). Scores are known along the line, so a trial costs no product with the features.
 * @returns 0 when the direction does not descend, which only rounding errors can cause.
 */
export function searchLine(problem: Problem, state: State, direction: Direction, newton: NewtonSpace): number {
  const slopeAt = slopeAlong(problem, state, direction, newton);
  const start = slopeAt(0);
  if (!(start < 0)) return 0;
  let low = 0;
  let lowSlope = start;
  let high = Infinity;
  let highSlope = 0;
  let at = 1;
  for (let trial = 0; trial < MAX_TRIALS; trial++) {
    const slope = slopeAt(at);
    if (Math.abs(slope) <= -0.5 * start) return at;
    if (slope < 0) [low, lowSlope] = [at, slope];
    else [high, highSlope] = [at, slope];
    const secant = low + ((high - low) * lowSlope) / (lowSlope - highSlope);
    // Regula falsi, kept off the ends so that the interval always shrinks.
    at = high === Infinity ? 4 * low : Math.min(Math.max(secant, low + 0.1 * (high - low)), high - 0.1 * (high - low));
  }
  return low;
}

/** Derivative of the objective along the line. */
function slopeAlong(
  { features: { d }, k, C }: Problem,
  { theta, scores }: State,
  direction: Direction,
  { space, moved, labels }: NewtonSpace,
) {
  const weights = theta.subarray(0, d * k);
  const step = direction.theta.subarray(0, d * k);
  const ahead = dot(weights, step);
  const bend = dot(step, step);
  moved.set(scores);
  return (at: number): number => C * space.slope(moved, direction.scores, at, labels) + ahead + at * bend;
}
