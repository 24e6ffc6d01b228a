import type { Job } from "../../core/events.ts";
import { eachBlock } from "../blocks.ts";
import { presentClasses } from "../present-classes.ts";
import type { FeatureSet } from "../types.ts";
import { type Evaluation, lbfgs } from "./lbfgs.ts";
import { LARGE } from "./linear.ts";
import { type LogisticFit, uncentre } from "./logistic.ts";
import { distanceBound } from "./problem.ts";
import { columnSums, exactProducts, type Features, type Products } from "./products.ts";
import { crossEntropy, residuals, softmax } from "./softmax.ts";
import { centreClasses, dot } from "./vectors.ts";

export interface StreamedOptions extends Job {
  C: number;
  /**
   * Largest `distance` that is good enough, see {@link LogisticFit}. Default 1e-4. Where rounding of float32 products hides
   * more than that the fit ends there: `distance` tells.
   */
  tolerance?: number;
  /** Default 500. */
  maxIterations?: number;
  /** As for `logisticRegression`; "auto" chooses by the size of a block. */
  products?: "auto" | "float64" | "engine";
}

/** Rows read at a time. */
const BLOCK_ROWS = 2048;
/** Iterations after which the objective must have fallen by more than its rounding. */
const PATIENCE = 8;

/**
 * The optimum of `logisticRegression` for features that need not fit in memory: every evaluation of objective and gradient
 * reads them once, a block at a time. Memory is some blocks and 24 copies of the parameters. The minimiser is L-BFGS on centred
 * features with the Hessian's diagonal as scale; products in float32 on the engine, sums and parameters in float64.
 * @returns `iterations` of L-BFGS; `evaluations`, each a pass over the features. `hessianProducts` is 0.
 */
export async function streamedLogistic(
  set: FeatureSet,
  options: StreamedOptions,
): Promise<LogisticFit & { evaluations: number }> {
  const { C, tolerance = 1e-4, maxIterations = 500, signal, onProgress } = options;
  const { y, present } = presentClasses(set.labels);
  const problem = await describeStream(set, y, present.length, C, { signal });
  const products = await productsOf(options.products ?? "auto", problem);
  let passes = 0;
  const values: number[] = [];
  const { theta, value, gradient, iterations, evaluations } = await lbfgs({
    start: problem.start,
    inverseDiagonal: problem.inverseDiagonal,
    maxIterations,
    isEnd: (at, { gradient: g, value: now, epsilon }) => {
      values.push(now);
      const before = values.at(-1 - PATIENCE) ?? Infinity;
      return (
        distanceBound(problem.d, problem.k, { theta: at, gradient: g, weight: problem.weight }) <= tolerance ||
        before - now <= epsilon * Math.abs(now)
      );
    },
    evaluate: async (at) => {
      const found = await evaluate(set, problem, at, products, { signal });
      onProgress?.({ stage: "fit", name: "logistic, streamed", done: ++passes, unit: "steps" });
      return found;
    },
  });
  centreClasses(theta, problem.k);
  return {
    ...uncentre(theta, problem.mean, present, set.classes.length),
    objective: value,
    gradientNorm: gradient.reduce((top, g) => Math.max(top, Math.abs(g)), 0),
    distance: distanceBound(problem.d, problem.k, { theta, gradient, weight: problem.weight }),
    iterations,
    hessianProducts: 0,
    evaluations,
  };
}

/** What a pass over the features found, and where the search starts. Parameters are weights `[d, k]`, then intercepts `[k]`. */
interface Stream {
  d: number;
  k: number;
  C: number;
  y: Int32Array;
  mean: Float64Array;
  /** Mean square of the centred features. */
  square: number;
  start: Float64Array;
  inverseDiagonal: Float64Array;
  /** C * sum of p (1 - p) of each class at the start. */
  weight: Float64Array;
}

async function describeStream(set: FeatureSet, y: Int32Array, k: number, C: number, job: Job): Promise<Stream> {
  const { n, dim: d } = set;
  const first = await set.rows(0, 1);
  const sum = new Float64Array(d);
  const squares = new Float64Array(d);
  // About the first row, so that a large common offset costs no digits.
  await eachBlock(
    set,
    job,
    (rows) => {
      for (let at = 0; at < rows.length; at += d) {
        for (let j = 0; j < d; j++) {
          const away = rows[at + j]! - first[j]!;
          sum[j]! += away;
          squares[j]! += away * away;
        }
      }
    },
    BLOCK_ROWS,
  );
  const mean = sum.map((value, j) => first[j]! + value / n);
  const variance = squares.map((value, j) => Math.max(0, value / n - (sum[j]! / n) ** 2));
  const shares = new Float64Array(k);
  for (const label of y) shares[label]! += 1 / n;
  const weight = shares.map((share) => C * n * share * (1 - share));
  const start = new Float64Array((d + 1) * k);
  const inverseDiagonal = new Float64Array(start.length);
  // One scale for all classes: it keeps the steps where weights sum to zero over the classes, for the curvature across is but 1.
  const typical = Math.max(weight.reduce((total, one) => total + one, 0) / k, 1e-300);
  for (let j = 0; j < d; j++) inverseDiagonal.fill(1 / (1 + typical * variance[j]!), j * k, (j + 1) * k);
  inverseDiagonal.fill(1 / typical, d * k);
  for (let c = 0; c < k; c++) {
    start[d * k + c] = Math.log(shares[c]!);
  }
  centreClasses(start.subarray(d * k), k);
  const square = variance.reduce((total, value) => total + value, 0) / d;
  return { d, k, C, y, mean, square, start, inverseDiagonal, weight };
}

async function productsOf(where: string, { d, k }: Stream): Promise<(block: Features) => Products> {
  if (where === "float64" || (where === "auto" && BLOCK_ROWS * d * k < LARGE)) return exactProducts;
  const { engine } = await import("../../engine/engine.ts");
  const { engineProducts } = await import("./products-tf.ts");
  const chosen = await engine();
  return (block) => engineProducts(chosen, block);
}

/** Objective and gradient: one pass. */
async function evaluate(
  set: FeatureSet,
  { d, k, C, y, mean, square }: Stream,
  theta: Float64Array,
  productsFor: (block: Features) => Products,
  job: Job,
): Promise<Evaluation> {
  const weights = theta.subarray(0, d * k);
  const gradient = new Float64Array(theta.length);
  let [loss, epsilon] = [0, 0];
  await eachBlock(
    set,
    job,
    async (x, start) => {
      const n = x.length / d;
      const labels = y.subarray(start, start + n);
      const products = productsFor({ x, n, d, mean, squares: square * n * d });
      try {
        const scores = await products.forward(weights, k);
        for (let at = 0; at < scores.length; at += k) for (let c = 0; c < k; c++) scores[at + c]! += theta[d * k + c]!;
        loss += crossEntropy(scores, labels, k);
        const rest = residuals(softmax(scores, k), labels, k);
        epsilon = products.epsilon;
        const product = await products.adjoint(rest, k);
        for (let at = 0; at < product.length; at++) gradient[at]! += product[at]!;
        const sums = columnSums(rest, k);
        for (let c = 0; c < k; c++) gradient[d * k + c]! += sums[c]!;
      } finally {
        products.dispose();
      }
    },
    BLOCK_ROWS,
  );
  for (let at = 0; at < gradient.length; at++) gradient[at]! *= C;
  for (let at = 0; at < d * k; at++) gradient[at]! += theta[at]!;
  return { value: C * loss + 0.5 * dot(weights, weights), gradient, epsilon };
}
