import type { Job } from "../../core/events.ts";
import { type NewtonSpace, newtonDirection, steepnessOf } from "./conjugate-gradients.ts";
import { searchLine } from "./line-search.ts";
import { distanceBound, gradientOf, objectiveOf, type Problem, type State, startState, stateAt } from "./problem.ts";
import type { Products } from "./products.ts";
import { rescale } from "./recycling.ts";
import { add, length } from "./vectors.ts";

/** Where a fit of the same features ended: a fit with another C starts there. */
export interface Start {
  /** Weights `[d, k]` row-major, then intercepts `[k]`, for centred features. */
  theta: Float64Array;
  /** `[n, k]`. */
  scores: Float64Array;
  anchor: Anchor;
  C: number;
}

export interface Optimum extends Start {
  objective: number;
  /** In the order of `theta`. */
  gradient: Float64Array;
  /** See {@link distanceBound}. */
  distance: number;
  /** Newton steps. */
  iterations: number;
  /** Products with the Hessian in all steps. */
  hessianProducts: number;
}

/** Residuals whose product with the features is known to float64. The first are zero, and so is their product. */
export interface Anchor {
  residuals: Float64Array;
  product: Float64Array;
}

/**
 * Where to start, after the fits for two smaller C: on the straight line through their ends over log C, if the objective is
 * lower there than at the last end. Scores are known along it, so it costs no product.
 */
export function startFrom(problem: Problem, [first, second]: readonly Optimum[]): Start | undefined {
  if (first === undefined || second === undefined || second.C === problem.C) return second ?? first;
  const along = Math.log(problem.C / second.C) / Math.log(second.C / first.C);
  const ahead = (from: Float64Array, to: Float64Array) => {
    const out = to.map((value) => (1 + along) * value);
    add(out, -along, from);
    return out;
  };
  const there = {
    ...second,
    theta: ahead(first.theta, second.theta),
    scores: ahead(first.scores, second.scores),
  };
  return objectiveOf(problem, there) < objectiveOf(problem, second) ? there : second;
}

const MAX_STEPS = 200;
const MAX_ROUNDS = 8;
/** Steps without halving the distance after which rounding errors must be what is left. */
const PATIENCE = 12;

/**
 * Newton's method by preconditioned conjugate gradients with a line search.
 *
 * `fast` may be of float32. The gradient is the float64 product at an anchor plus the fast product of what changed
 * since, whose error shrinks with the change; when the fast products can do no more, the anchor moves. So the end is the
 * float64 optimum for two or three pairs of float64 products.
 * @param o.tolerance ends the fit when {@link distanceBound} is no larger. Rounding in float64 may end it before.
 * @param o.start where to start; else at zero weights.
 */
export async function minimize(
  problem: Problem,
  o: { fast: Products; exact: Products; at: NewtonSpace; tolerance: number; start?: Start } & Job,
): Promise<Optimum> {
  const { fast, exact, at, tolerance, start, signal, onProgress } = o;
  let iterations = 0;
  let hessianProducts = 0;
  const onStep = () => {
    iterations++;
    onProgress?.({ stage: "fit", name: "logistic", done: iterations, unit: "steps" });
  };
  const onProduct = () => {
    signal?.throwIfAborted();
    hessianProducts++;
  };
  signal?.throwIfAborted();
  let state = start === undefined ? startState(problem) : stateAt(problem, start.theta, start.scores);
  let anchor: Anchor = start?.anchor ?? {
    residuals: new Float64Array(state.residuals.length),
    product: new Float64Array(problem.features.d * problem.k),
  };
  if (start !== undefined) rescale(at.space, at.memory, problem.C / start.C, problem.features.d * problem.k);
  let last = Infinity;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    state = await descend(problem, state, { anchor, products: fast, at, tolerance, onStep, onProduct });
    if (fast === exact) break;
    signal?.throwIfAborted();
    anchor = await moveAnchor(problem, state, exact);
    const distance = distanceBound(problem.features.d, problem.k, state);
    if (distance <= tolerance || distance > last / 2) break;
    last = distance;
  }
  return {
    theta: state.theta,
    scores: state.scores,
    anchor,
    C: problem.C,
    objective: objectiveOf(problem, state),
    gradient: state.gradient,
    distance: distanceBound(problem.features.d, problem.k, state),
    iterations,
    hessianProducts,
  };
}

interface Descent {
  anchor: Anchor;
  products: Products;
  at: NewtonSpace;
  tolerance: number;
  onStep: () => void;
  onProduct: () => void;
}

/** Newton steps until `tolerance`, or until rounding errors of these products hide the rest of the way. */
async function descend(problem: Problem, start: State, o: Descent): Promise<State> {
  const { anchor, products } = o;
  let state = start;
  await updateGradient(problem, state, anchor, products);
  let best = Infinity;
  let idle = 0;
  let steepness = 0;
  for (let step = 0; step < MAX_STEPS && idle < PATIENCE; step++) {
    const distance = distanceBound(problem.features.d, problem.k, state);
    const end = Math.max(o.tolerance, roundingFloor(problem, state, anchor, products));
    if (distance <= end) break;
    idle = distance < best / 2 ? 0 : idle + 1;
    best = Math.min(best, distance);
    const before = steepness;
    steepness = steepnessOf(state.gradient, state.weight, o.at);
    // Eisenstat and Walker (1996), choice 2, but no further than the end.
    const forcing = Math.min(0.3, Math.max(before === 0 ? 1 : (0.5 * steepness) / before, (0.2 * end) / distance));
    const direction = await newtonDirection(problem, state, { ...o, forcing });
    const along = searchLine(problem, state, direction, o.at);
    if (along === 0) break;
    const { space, moved, probabilities } = o.at;
    const theta = state.theta.slice();
    add(theta, along, direction.theta);
    moved.set(state.scores);
    space.combine(1, moved, along, direction.scores);
    space.softmax(moved, probabilities, problem.k);
    state = stateAt(problem, theta, moved.slice(), probabilities.slice());
    await updateGradient(problem, state, anchor, products);
    o.onStep();
  }
  return state;
}

/** The distance that rounding in the product with the changed residuals can pretend. */
function roundingFloor({ features, k, C }: Problem, state: State, anchor: Anchor, products: Products): number {
  let change = 0;
  for (let i = 0; i < state.residuals.length; i++) change += (state.residuals[i]! - anchor.residuals[i]!) ** 2;
  const error = 4 * products.epsilon * C * Math.sqrt((features.squares / features.n) * change);
  const size = length(state.theta.subarray(0, features.d * k));
  return size === 0 ? 0 : error / size;
}

async function updateGradient(problem: Problem, state: State, anchor: Anchor, products: Products): Promise<void> {
  const change = state.residuals.slice();
  add(change, -1, anchor.residuals);
  const product = await products.adjoint(change, problem.k);
  add(product, 1, anchor.product);
  state.gradient = gradientOf(problem, state, product);
}

/** Replaces what followed by increments with float64 products of the parameters themselves. */
async function moveAnchor(problem: Problem, state: State, exact: Products): Promise<Anchor> {
  const scores = await exact.forward(state.theta, problem.k);
  Object.assign(state, stateAt(problem, state.theta, scores));
  const product = await exact.adjoint(state.residuals, problem.k);
  state.gradient = gradientOf(problem, state, product);
  return { residuals: state.residuals, product };
}
