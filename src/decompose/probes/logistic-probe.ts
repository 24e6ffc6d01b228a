import { allRows } from "../blocks.ts";
import type { Probe } from "../types.ts";
import { predictLinear } from "./linear.ts";
import { logisticRegression } from "./logistic.ts";

/** Bytes that a fit may hold before it streams. */
const MEMORY_LIMIT = 3 * 2 ** 30;

/**
 * Multinomial logistic regression at its optimum, on features as they are. It has no chance in it: the seed is not used.
 * Features that would need more memory than `memoryLimit` are read from their set again and again, see `streamedLogistic`.
 * @param options.C weight of the data against the penalty, see {@link logisticRegression}. Default 1, as scikit-learn's.
 * @param options.tolerance see {@link logisticRegression}; 1e-4 when features are streamed.
 * @param options.memoryLimit bytes; default 3 GiB.
 */
export function logistic(options: { C?: number; tolerance?: number; memoryLimit?: number } = {}): Probe {
  const { C = 1, tolerance, memoryLimit = MEMORY_LIMIT } = options;
  return {
    name: "logistic",
    async fit(train, { signal, onProgress }) {
      const { n, dim: d, labels: y } = train;
      const k = train.classes.length;
      const job = { C, tolerance, signal, onProgress };
      // The features three times (as read, and twice on the engine), some ten float64 matrices of scores.
      const streamed = 12 * n * d + 80 * n * k > memoryLimit;
      const fit = streamed
        ? await (await import("./streamed-logistic.ts")).streamedLogistic(train, job)
        : await logisticRegression({ x: await allRows(train, { signal }), y, n, d, k, ...job });
      const { objective: loss, gradientNorm, iterations } = fit;
      return {
        predict: (set, job) => predictLinear(fit, set, job),
        report: { loss, gradientNorm, iterations },
        dispose() {},
      };
    },
  };
}
