import { allRows } from "../blocks.ts";
import type { Probe } from "../types.ts";
import { predictLinear } from "./linear.ts";
import { fitBytes, logisticRegression, MEMORY_LIMIT } from "./logistic.ts";

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
      const streamed = fitBytes(n, d, k, 4) > memoryLimit;
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
