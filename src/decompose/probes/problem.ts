import { columnSums, type Features } from "./products.ts";
import { classCurvature, crossEntropy, residuals, softmax } from "./softmax.ts";
import { centreClasses, dot, length } from "./vectors.ts";

/** Minimise `C * sum of cross-entropies + 0.5 * |W|^2` over weights and intercepts of the centred features. */
export interface Problem {
  readonly features: Features;
  /** Class of each row `[n]`; every class 0..k-1 is there. */
  readonly y: Int32Array;
  readonly k: number;
  readonly C: number;
}

/** Where the fit stands. Scores follow the parameters by increments, so that they need no float64 products. */
export interface State {
  /** Weights `[d, k]` row-major, then intercepts `[k]`. So are the gradient and every direction. */
  theta: Float64Array;
  /** `[n, k]`, as the two below. */
  scores: Float64Array;
  probabilities: Float64Array;
  residuals: Float64Array;
  gradient: Float64Array;
  /** C * sum of P (1 - P) of each class, `[k]`. */
  weight: Float64Array;
}

/** Where a Newton step leads, and what it does to the scores. */
export interface Direction {
  theta: Float64Array;
  /** In the workspace, until the next step is made. */
  scores: Float64Array;
}

/** Weights zero, intercepts the log shares of the classes: the optimum for C = 0, with scores known exactly. */
export function startState({ features, y, k, C }: Problem): State {
  const shares = new Float64Array(k);
  for (const label of y) shares[label]!++;
  const theta = new Float64Array((features.d + 1) * k);
  const intercept = theta.subarray(features.d * k);
  for (let c = 0; c < k; c++) intercept[c] = Math.log(shares[c]! / features.n);
  centreClasses(intercept, k);
  const scores = new Float64Array(features.n * k);
  for (let at = 0; at < scores.length; at += k) scores.set(intercept, at);
  return stateAt({ y, k, C }, theta, scores);
}

/** The state for these parameters and scores; its gradient is not known yet. */
export function stateAt(
  { y, k, C }: Pick<Problem, "y" | "k" | "C">,
  theta: Float64Array,
  scores: Float64Array,
  probabilities = softmax(scores, k),
): State {
  return {
    theta,
    scores,
    probabilities,
    residuals: residuals(probabilities, y, k),
    gradient: new Float64Array(theta.length),
    weight: classCurvature(probabilities, k).map((sum) => Math.max(C * sum, 1e-300)),
  };
}

/** @param product transposed features times the residuals, `[d, k]`. */
export function gradientOf({ k, C }: Problem, state: State, product: Float64Array): Float64Array {
  const gradient = new Float64Array(state.theta.length);
  for (let at = 0; at < product.length; at++) gradient[at] = C * product[at]! + state.theta[at]!;
  const sums = columnSums(state.residuals, k);
  for (let c = 0; c < k; c++) gradient[product.length + c] = C * sums[c]!;
  return gradient;
}

export function objectiveOf(
  { features: { d }, y, k, C }: Problem,
  { theta, scores }: Pick<State, "theta" | "scores">,
): number {
  const weights = theta.subarray(0, d * k);
  return C * crossEntropy(scores, y, k) + 0.5 * dot(weights, weights);
}

/**
 * How far the optimum may be, to first order: `|gradient of W| / |W|`, which bounds the relative error of W since the
 * objective's curvature in W is at least 1; or the Newton step of the worst intercept if that is larger.
 */
export function distanceBound(d: number, k: number, at: Pick<State, "theta" | "gradient" | "weight">): number {
  const { theta, gradient, weight } = at;
  const slope = length(gradient.subarray(0, d * k));
  let distance = slope === 0 ? 0 : slope / length(theta.subarray(0, d * k));
  for (let c = 0; c < k; c++) distance = Math.max(distance, Math.abs(gradient[d * k + c]!) / weight[c]!);
  return distance;
}
