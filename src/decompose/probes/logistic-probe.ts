import type { Probe } from "../types.ts";
import { allRows } from "./blocks.ts";
import { predictLinear } from "./linear.ts";
import { logisticRegression } from "./logistic.ts";

/**
 * Multinomial logistic regression at its optimum, on features as they are. It has no chance in it: the seed is not used.
 * @param options.C weight of the data against the penalty, see {@link logisticRegression}. Default 1, as scikit-learn's.
 * @param options.tolerance see {@link logisticRegression}.
 */
export function logistic(options: { C?: number; tolerance?: number } = {}): Probe {
  const { C = 1, tolerance } = options;
  return {
    name: "logistic",
    async fit(train, { signal, onProgress }) {
      const { n, dim: d, labels: y } = train;
      const x = await allRows(train, { signal });
      const fit = await logisticRegression({ x, y, n, d, k: train.classes.length, C, tolerance, signal, onProgress });
      const { objective: loss, gradientNorm, iterations } = fit;
      return {
        predict: (set, job) => predictLinear(fit, set, job),
        report: { loss, gradientNorm, iterations },
        dispose() {},
      };
    },
  };
}
