import { HubError } from "../../core/errors.ts";
import type { Job } from "../../core/events.ts";
import { presentClasses } from "../present-classes.ts";
import { newtonSpace, spaceFor } from "./conjugate-gradients.ts";
import { minimize, type Optimum, startFrom } from "./newton.ts";
import { leadingSpectrum, spectrumSize } from "./preconditioner.ts";
import type { Problem } from "./problem.ts";
import { describe, exactProducts, type Products } from "./products.ts";

/** Multiplications in one product from which the engine pays: a fit takes hundreds of products. */
const ENGINE_PAYS = 2e7;

/** Bytes that a fit may hold before it streams its features instead. */
export const MEMORY_LIMIT = 3 * 2 ** 30;

/** Bytes that a fit holds: the features as they came and twice on the engine, some ten float64 matrices of scores. */
export const fitBytes = (n: number, d: number, k: number, bytesPerFeature: 4 | 8): number =>
  (bytesPerFeature + 8) * n * d + 80 * n * k;

export interface LogisticOptions extends Job {
  /** Features `[n * d]`, row-major. Float64 where float32 cannot hold them, as after scaling. */
  x: Float32Array | Float64Array;
  /** Class of each row `[n]`, in 0..k-1. */
  y: Int32Array;
  /** Rows. */
  n: number;
  /** Features in a row. */
  d: number;
  /** Classes. */
  k: number;
  /** Weight of the data against the penalty, > 0; the inverse of lambda * n. */
  C: number;
  /** Largest {@link LogisticFit.distance} that is good enough. Default 1e-8. */
  tolerance?: number;
  /**
   * Where the large products run: "float64" on one core in WebAssembly; "engine" in float32 on TF.js tensors of the
   * chosen engine with a float64 finish; "auto" (default) the engine from 2e7 multiplications a product on.
   */
  products?: "auto" | "float64" | "engine";
}

export interface LogisticFit {
  /** Weights `[k * d]`, one row a class. */
  coef: Float64Array;
  /** `[k]`, sum 0 over the classes that occur. */
  intercept: Float64Array;
  /** `C * sum of cross-entropies + 0.5 * |coef|^2`, in float64. */
  objective: number;
  /** Largest absolute value of the objective's gradient, in float64. */
  gradientNorm: number;
  /**
   * First-order bound of the distance to the optimum: `|gradient of coef| / |coef|`, which bounds the relative error of
   * coef, or the remaining Newton step of an intercept if that is larger. Both for centred features.
   */
  distance: number;
  /** Newton steps. */
  iterations: number;
  /** Products with the Hessian, of two matrix products each, in all steps. */
  hessianProducts: number;
}

/**
 * Multinomial logistic regression at its optimum: `C * sum_i CE_i + 0.5 * |W|^2` over weights and intercepts, the
 * intercepts without penalty, features unscaled. Two classes are the softmax form too: scikit-learn's binary fit is the
 * same as this one at C / 2, with its coefficients the difference of the two rows here.
 *
 * The fit ends when `distance` is no more than `tolerance`, or where rounding in float64 hides the rest (C above 1e6 on
 * badly scaled features): `distance` tells. A class without rows has no finite optimum; its weights are 0 and its
 * intercept -Infinity, the limit, so that it is never predicted.
 * @throws TypeError when arguments are of wrong type or size; HubError `DATA` when a feature or label is out of range;
 *   `ENGINE` when the engine does not start.
 */
export async function logisticRegression(options: LogisticOptions): Promise<LogisticFit> {
  const fits: LogisticFit[] = [];
  for await (const { C, index, ...fit } of logisticPath({ ...options, C: [options.C] })) fits.push(fit);
  return fits[0]!;
}

/** A fit of a path, and which. */
export interface PathFit extends LogisticFit {
  C: number;
  /** Place of this C in the list that was given. */
  index: number;
}

/**
 * Fits for several C, in ascending order of C: each starts at the optimum before it, and all share what depends on the
 * features alone. Each is the optimum that {@link logisticRegression} finds, to the same tolerance.
 * @throws as {@link logisticRegression}.
 */
export async function* logisticPath(options: PathOptions): AsyncGenerator<PathFit, void, undefined> {
  checkOptions(options);
  const { x, n, d, k, tolerance = 1e-8, signal, onProgress } = options;
  const { y, present } = presentClasses(options.y);
  const features = describe(x, n, d);
  if (!Number.isFinite(features.squares)) throw notFinite(x, d);
  const size = spectrumSize(features, present.length);
  const space = spaceFor(features, present.length, size);
  const exact = exactProducts(features, space);
  const fast = await fastProducts(options.products ?? "auto", exact, { features, k: present.length });
  try {
    const spectrum = await leadingSpectrum(fast, features, size);
    const at = newtonSpace(space, { features, y, k: present.length }, spectrum);
    const ends: Optimum[] = [];
    for (const index of [...options.C.keys()].sort((a, b) => options.C[a]! - options.C[b]!)) {
      const C = options.C[index]!;
      const problem: Problem = { features, y, k: present.length, C };
      const start = startFrom(problem, ends);
      const end = await minimize(problem, { fast, exact, at, tolerance, start, signal, onProgress });
      ends.push(end);
      if (ends.length > 2) ends.shift();
      const { objective, distance, iterations, hessianProducts } = end;
      const report = { objective, distance, iterations, hessianProducts };
      const { coef, intercept } = uncentre(end.theta, features.mean, present, k);
      yield { C, index, coef, intercept, gradientNorm: gradientNorm(end.gradient, problem), ...report };
    }
  } finally {
    fast.dispose();
  }
}

async function fastProducts(
  where: string,
  exact: Products,
  { features, k }: Pick<Problem, "features" | "k">,
): Promise<Products> {
  if (where === "float64" || (where === "auto" && features.n * features.d * k < ENGINE_PAYS)) return exact;
  const { engine } = await import("../../engine/engine.ts");
  const chosen = await engine();
  // Twice the features and what goes in and out: beyond the engine's memory the slow way is the only one.
  if (8 * features.n * (features.d + k) > chosen.maxBytes) return exact;
  const { engineProducts } = await import("./products-tf.ts");
  return engineProducts(chosen, features);
}

/** Back from `[d, k]` weights for centred features to `[k, d]` for the features as they came. */
export function uncentre(theta: Float64Array, mean: Float64Array, present: Int32Array, k: number) {
  const d = mean.length;
  const coef = new Float64Array(k * d);
  const intercept = new Float64Array(k).fill(-Infinity);
  const columns = present.length;
  let sum = 0;
  present.forEach((label, c) => {
    let offset = 0;
    for (let j = 0; j < d; j++) {
      const w = theta[j * columns + c]!;
      coef[label * d + j] = w;
      offset += w * mean[j]!;
    }
    intercept[label] = theta[d * columns + c]! - offset;
    sum += intercept[label]!;
  });
  for (const label of present) intercept[label]! -= sum / columns;
  return { coef, intercept };
}

/** Largest absolute value of the gradient for the features as they came, of that for centred ones. */
function gradientNorm(gradient: Float64Array, { features: { d, mean }, k }: Problem): number {
  const intercept = gradient.subarray(d * k);
  let norm = 0;
  for (let c = 0; c < k; c++) {
    norm = Math.max(norm, Math.abs(intercept[c]!));
    for (let j = 0; j < d; j++) norm = Math.max(norm, Math.abs(gradient[j * k + c]! + mean[j]! * intercept[c]!));
  }
  return norm;
}

type PathOptions = Omit<LogisticOptions, "C"> & { C: readonly number[] };

function checkOptions({ x, y, n, d, k, C: values, tolerance = 1 }: PathOptions): void {
  if (!(x instanceof Float32Array || x instanceof Float64Array))
    throw new TypeError("logisticRegression: x must be a Float32Array or Float64Array [n * d]");
  if (!(y instanceof Int32Array)) throw new TypeError("logisticRegression: y must be an Int32Array [n]");
  for (const [name, value] of Object.entries({ n, d, k })) {
    if (!Number.isInteger(value) || value < 1)
      throw new TypeError(`logisticRegression: ${name} must be a whole number >= 1, not ${value}`);
  }
  if (x.length !== n * d) throw new TypeError(`logisticRegression: x has ${x.length} values, not n * d = ${n * d}`);
  if (y.length !== n) throw new TypeError(`logisticRegression: y has ${y.length} labels, not n = ${n}`);
  for (const C of values)
    if (!(C > 0 && C < Infinity)) throw new TypeError(`logisticRegression: C must be a number > 0, not ${C}`);
  if (!(tolerance > 0)) throw new TypeError(`logisticRegression: tolerance must be > 0, not ${tolerance}`);
  const wrong = y.findIndex((label) => label < 0 || label >= k);
  if (wrong >= 0) {
    throw new HubError(
      "DATA",
      `Cannot fit the logistic probe: label ${y[wrong]} of row ${wrong} is not in 0..${k - 1}. Number the classes from 0.`,
      {
        details: { row: wrong, label: y[wrong], k },
      },
    );
  }
}

function notFinite(x: Float32Array | Float64Array, d: number): HubError {
  const at = x.findIndex((value) => !Number.isFinite(value));
  const row = Math.trunc(at / d);
  const place = `feature ${at % d} of row ${row}`;
  return new HubError(
    "DATA",
    `Cannot fit the logistic probe: ${place} is ${x[at]}. Features must be finite numbers; featurize the data again.`,
    {
      details: { row, column: at % d },
    },
  );
}
