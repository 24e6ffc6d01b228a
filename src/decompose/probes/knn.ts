import type { Job } from "../../core/events.ts";
import type { FeatureSet, Probe } from "../types.ts";
import { argmax } from "./linear.ts";
import { type Neighbours, nearestNeighbours } from "./neighbours.ts";

export interface KnnOptions {
  /** Neighbours that vote; all training rows where there are fewer. Default 20. */
  k?: number;
  /** Temperature T of a vote exp(similarity / T). Default 0.07. */
  temperature?: number;
}

/**
 * Weighted nearest neighbours as DINO reports them (Caron et al. 2021; Wu et al. 2018): rows are L2-normalised, each of
 * the `k` training rows with the largest inner product votes exp(similarity / temperature) for its class, and the class
 * with the largest sum is predicted, the lowest on ties. Nothing is fitted and nothing is drawn: the seed is not used.
 * Training rows are read from their set again for each prediction, so they need not fit in memory.
 * @throws TypeError when k is not a whole number >= 1 or the temperature not above 0.
 */
export function knn(options: KnnOptions = {}): Probe {
  const { k = 20, temperature = 0.07 } = options;
  if (!Number.isInteger(k) || k < 1) throw new TypeError(`knn: k must be a whole number >= 1, not ${k}`);
  if (!(temperature > 0)) throw new TypeError(`knn: temperature must be a number > 0, not ${temperature}`);
  return {
    name: "knn",
    async fit(train) {
      const classes = train.classes.length;
      const probabilities = async (x: FeatureSet, job?: Job) =>
        votes(await nearestNeighbours(train, x, { k, ...job }), train.labels, { classes, temperature });
      return {
        probabilities,
        predict: async (x, job) => argmax(await probabilities(x, job), classes),
        report: { loss: null, gradientNorm: null, iterations: 0 },
        dispose() {},
      };
    },
  };
}

/** Votes of the neighbours by class, divided by their sum: `[n, classes]`. */
export function votes(
  { indices, similarities, k }: Neighbours,
  labels: Int32Array,
  { classes, temperature }: { classes: number; temperature: number },
): Float64Array {
  const n = indices.length / k;
  const out = new Float64Array(n * classes);
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = i * k; j < (i + 1) * k; j++) {
      // Relative to the nearest: exp(1 / 0.01) would overflow nothing yet, but smaller temperatures are allowed.
      const vote = Math.exp((similarities[j]! - similarities[i * k]!) / temperature);
      out[i * classes + labels[indices[j]!]!]! += vote;
      sum += vote;
    }
    for (let c = 0; c < classes; c++) out[i * classes + c]! /= sum;
  }
  return out;
}
