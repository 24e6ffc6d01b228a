import type { Job } from "../../core/events.ts";
import type { FeatureSet, FittedProbe, Probe } from "../types.ts";
import { type LogisticFit, logisticRegression } from "./logistic.ts";
import { multiply } from "./products.ts";

/** Rows read and predicted at a time. */
const BLOCK_ROWS = 4096;

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
      const x = new Float32Array(n * d);
      await eachBlock(train, { signal }, (rows, start) => x.set(rows, start * d));
      const fit = await logisticRegression({ x, y, n, d, k: train.classes.length, C, tolerance, signal, onProgress });
      const { objective: loss, gradientNorm, iterations } = fit;
      return {
        predict: (set, job) => predictLinear(fit, set, job),
        report: { loss, gradientNorm, iterations },
        dispose() {},
      } satisfies FittedProbe;
    },
  };
}

/** The class with the largest score, the lowest on ties; scores in float64. */
async function predictLinear({ coef, intercept }: LogisticFit, set: FeatureSet, job: Job = {}): Promise<Int32Array> {
  const k = intercept.length;
  const d = coef.length / k;
  const weights = new Float64Array(d * k);
  for (let c = 0; c < k; c++) for (let j = 0; j < d; j++) weights[j * k + c] = coef[c * d + j]!;
  const out = new Int32Array(set.n);
  await eachBlock(set, job, (rows, start) => {
    const count = rows.length / d;
    const scores = new Float64Array(count * k);
    multiply({ a: rows, aRow: d, aColumn: 1, b: weights, out: scores, rows: count, inner: d, columns: k });
    for (let i = 0; i < count; i++) {
      let best = 0;
      const score = (c: number) => scores[i * k + c]! + intercept[c]!;
      for (let c = 1; c < k; c++) if (score(c) > score(best)) best = c;
      out[start + i] = best;
    }
  });
  return out;
}

async function eachBlock(set: FeatureSet, { signal }: Job, use: (rows: Float32Array, start: number) => void) {
  for (let start = 0; start < set.n; start += BLOCK_ROWS) {
    signal?.throwIfAborted();
    use(await set.rows(start, Math.min(set.n, start + BLOCK_ROWS)), start);
  }
}
