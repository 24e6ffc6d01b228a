import { type Workspace, workspace } from "../kernels/workspace.ts";
import { type Solver, type Spectrum, solverFor, solverNumbers } from "./preconditioner.ts";
import type { Direction, Problem, State } from "./problem.ts";
import { type Features, keptLength, type Products } from "./products.ts";
import { append, type CurvaturePair, type Memory, memoryArrays, memoryFor, solveRecycled } from "./recycling.ts";
import { centreClasses } from "./vectors.ts";

const MAX_ITERATIONS = 500;

/** What the Newton steps of all fits on the same features share: arrays, preconditioner, and curvature found on the way. */
export interface NewtonSpace {
  space: Workspace;
  solver: Solver;
  memory: Memory;
  /** Weights and intercepts, as the two below. */
  theta: Float64Array;
  r: Float64Array;
  z: Float64Array;
  rest: Float64Array;
  /** `[n, k]`, as the three below. */
  scores: Float64Array;
  probabilities: Float64Array;
  moved: Float64Array;
  bent: Float64Array;
  /** `[n]`. */
  labels: Int32Array;
}

/** Arrays for Newton steps on these features, and where exact products may keep a copy of them. */
export function spaceFor(features: Features, k: number, spectrumSize: number): Workspace {
  const { n, d } = features;
  const length = (d + 1) * k;
  const pairs = memoryArrays(length);
  const numbers = (4 + pairs) * length + 4 * n * k + solverNumbers(d, k, spectrumSize) + keptLength(features) + n;
  return workspace({ numbers, arrays: 30 + pairs, columns: k });
}

export function newtonSpace(
  space: Workspace,
  { features: { n, d }, y, k }: Omit<Problem, "C">,
  spectrum: Spectrum,
): NewtonSpace {
  const parameters = () => space.array((d + 1) * k);
  const rows = () => space.array(n * k);
  return {
    space,
    solver: solverFor(space, spectrum, { n, d, k }),
    memory: memoryFor(space, (d + 1) * k),
    ...{ theta: parameters(), r: parameters(), z: parameters(), rest: parameters() },
    ...{ scores: rows(), probabilities: rows(), moved: rows(), bent: rows() },
    labels: space.labels(y),
  };
}

/** Half the squared norm of a gradient in the metric of the preconditioner: about what a Newton step gains. */
export function steepnessOf(gradient: Float64Array, weight: Float64Array, at: NewtonSpace): number {
  at.r.set(gradient);
  solve(at, weight);
  return at.space.dot(at.r, at.z);
}

/** Approximate inverse Hessian times `r`, in `z`. */
function solve({ space, solver, memory, r, rest, z }: NewtonSpace, weight: Float64Array): void {
  rest.set(r);
  solveRecycled(space, memory, rest, z, () => solver(rest, weight, z));
}

/**
 * The Newton step, solved until the residual in the preconditioner's norm has fallen to `forcing` of its start. What it
 * finds of the Hessian helps the steps after it.
 * @param o.onProduct is called before each product with the Hessian; it may throw to end the fit.
 */
export async function newtonDirection(
  problem: Problem,
  { probabilities, gradient, weight }: State,
  o: { products: Products; at: NewtonSpace; forcing: number; onProduct: () => void },
): Promise<Direction> {
  const { space, memory, theta, r, z, scores, moved } = o.at;
  const found: CurvaturePair[] = [];
  o.at.probabilities.set(probabilities);
  theta.fill(0);
  scores.fill(0);
  for (let i = 0; i < r.length; i++) r[i] = -gradient[i]!;
  solve(o.at, weight);
  let rz = space.dot(r, z);
  const goal = rz * o.forcing ** 2;
  let pair = memory.spare.pop()!;
  pair.direction.set(z);
  try {
    for (let i = 0; i < MAX_ITERATIONS && rz > goal; i++) {
      o.onProduct();
      await hessianProduct(problem, pair, o.products, o.at);
      // Not positive only when rounding errors are all that is left.
      if (!(pair.bend > 0)) break;
      const alpha = rz / pair.bend;
      space.combine(1, theta, alpha, pair.direction);
      space.combine(1, scores, alpha, moved);
      space.combine(1, r, -alpha, pair.product);
      solve(o.at, weight);
      const next = space.dot(r, z);
      const following = memory.spare.pop()!;
      following.direction.set(z);
      space.combine(1, following.direction, next / rz, pair.direction);
      rz = next;
      append(memory, found, pair);
      pair = following;
    }
  } finally {
    memory.spare.push(pair);
    for (const one of found) append(memory, memory.pairs, one);
  }
  // A constant added to all classes changes no probability, and the penalty wants it to be zero.
  centreClasses(theta, problem.k);
  return { theta, scores };
}

/** Hessian times the pair's direction, the curvature along it, and in `moved` the change of scores. */
async function hessianProduct(
  { features: { d }, k, C }: Problem,
  pair: CurvaturePair,
  products: Products,
  { space, probabilities, moved, bent }: NewtonSpace,
): Promise<void> {
  const weights = (a: Float64Array) => a.subarray(0, d * k);
  const intercepts = (a: Float64Array) => a.subarray(d * k);
  await products.forward(pair.direction, k, moved);
  bent.set(moved);
  space.curve(probabilities, bent, k);
  await products.adjoint(bent, k, weights(pair.product));
  space.sumRows(bent, intercepts(pair.product));
  space.combine(C, weights(pair.product), 1, weights(pair.direction));
  space.combine(C, intercepts(pair.product), 0, intercepts(pair.direction));
  pair.bend = space.dot(pair.direction, pair.product);
}
