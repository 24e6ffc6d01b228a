import { precondition, type Spectrum } from "./preconditioner.ts";
import type { Direction, Problem, State } from "./problem.ts";
import { columnSums, type Products } from "./products.ts";
import { curvature } from "./softmax.ts";
import { add, centreClasses, dot } from "./vectors.ts";

const MAX_ITERATIONS = 500;

/**
 * The Newton step, solved until the residual in the preconditioner's norm has fallen to `forcing` of its start.
 * @param o.onProduct is called before each product with the Hessian; it may throw to end the fit.
 */
export async function newtonDirection(
  problem: Problem,
  { probabilities, gradient, weight }: State,
  o: { products: Products; spectrum: Spectrum; forcing: number; onProduct: () => void },
): Promise<Direction> {
  const { features, k } = problem;
  const theta = new Float64Array(gradient.length);
  const scores = new Float64Array(probabilities.length);
  const r = gradient.map((g) => -g);
  const z = precondition(r, weight, o.spectrum, features.n);
  const p = z.slice();
  let rz = dot(r, z);
  const goal = rz * o.forcing ** 2;
  for (let i = 0; i < MAX_ITERATIONS && rz > goal; i++) {
    o.onProduct();
    const { product, moved } = await hessianProduct(problem, probabilities, p, o.products);
    const bend = dot(p, product);
    // Not positive only when rounding errors are all that is left.
    if (!(bend > 0)) break;
    const alpha = rz / bend;
    add(theta, alpha, p);
    add(scores, alpha, moved);
    add(r, -alpha, product);
    z.set(precondition(r, weight, o.spectrum, features.n));
    const next = dot(r, z);
    const beta = next / rz;
    rz = next;
    for (let at = 0; at < p.length; at++) p[at] = z[at]! + beta * p[at]!;
  }
  // A constant added to all classes changes no probability, and the penalty wants it to be zero.
  centreClasses(theta, k);
  return { theta, scores };
}

/** Hessian times `p`, and the change of scores along `p` on the way. */
async function hessianProduct(
  { features: { d }, k, C }: Problem,
  probabilities: Float64Array,
  p: Float64Array,
  products: Products,
) {
  const moved = await scoresOf(p, d, k, products);
  const bent = moved.slice();
  curvature(probabilities, bent, k);
  const product = new Float64Array(p.length);
  product.set(await products.adjoint(bent, k));
  product.set(columnSums(bent, k), d * k);
  for (let at = 0; at < product.length; at++) product[at]! *= C;
  for (let at = 0; at < d * k; at++) product[at]! += p[at]!;
  return { product, moved };
}

/** Scores of parameters `theta`: `[n, k]`. */
export async function scoresOf(theta: Float64Array, d: number, k: number, products: Products): Promise<Float64Array> {
  const scores = await products.forward(theta.subarray(0, d * k), k);
  for (let at = 0; at < scores.length; at += k) for (let c = 0; c < k; c++) scores[at + c]! += theta[d * k + c]!;
  return scores;
}
