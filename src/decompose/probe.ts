import type { Job } from "../core/events.ts";
import { knn } from "./probes/knn.ts";
import { logistic } from "./probes/logistic-probe.ts";
import { ridge } from "./probes/ridge.ts";
import { mlp, sgd } from "./probes/sgd.ts";
import type { FeatureSet, FitOptions, FittedProbe, Probe, ProbeReport } from "./types.ts";
import { checkFinite, checkPair } from "./validate.ts";

/** Probes that have a name. */
const probes = { logistic, sgd, knn, ridge, mlp } satisfies Record<string, () => Probe>;

/**
 * "logistic": multinomial logistic regression at its optimum, C = 1. "knn": 20 weighted nearest neighbours, T = 0.07.
 * "ridge": least squares in closed form, alpha = 1. "sgd": a linear probe fitted by mini-batches as in the paper's
 * full-shot protocol. "mlp": the same with a hidden layer of 512 units and batch norm.
 */
export type ProbeName = keyof typeof probes;

export interface ProbeOptions extends Job {
  /** What is fitted on the features: a name, `logistic({ C })`, or a probe of your own. Default "logistic". */
  probe?: ProbeName | Probe;
  /** For every draw, in splits and probes. Default 123, as the paper. */
  seed?: number;
}

export interface ProbeEvaluation {
  /** Share of the rows of `test` that are predicted wrongly, in percent. */
  error: number;
  /** 100 - error. */
  accuracy: number;
  /** Class number for each row of `test`. */
  predictions: Int32Array;
  report: ProbeReport;
}

export const PROBE_NAMES = Object.keys(probes) as ProbeName[];

/** @throws TypeError for a name that is not a probe's. */
export function resolveProbe(probe: ProbeName | Probe = "logistic"): Probe {
  if (typeof probe !== "string") return probe;
  if (!Object.hasOwn(probes, probe)) {
    throw new TypeError(`There is no probe "${probe}". Choose ${PROBE_NAMES.join(", ")}, or give a Probe.`);
  }
  return probes[probe]();
}

/**
 * Fits a probe on `train` and takes its error on `test`.
 * @throws HubError `DATA` when the features cannot be used: see `checkPair`, and numbers that are not finite.
 */
export async function trainEvalProbe(
  train: FeatureSet,
  test: FeatureSet,
  options: ProbeOptions = {},
): Promise<ProbeEvaluation> {
  const { seed = 123, ...job } = options;
  const probe = resolveProbe(options.probe);
  const named = [
    { name: "train", set: train },
    { name: "test", set: test },
  ] as const;
  checkPair(...named);
  for (const part of named) await checkFinite(part, job);
  return fitAndEvaluate(probe, train, test, { seed, signal: job.signal, onProgress: job.onProgress });
}

/** {@link trainEvalProbe} of sets that were looked at already. */
export async function fitAndEvaluate(
  probe: Probe,
  train: FeatureSet,
  test: FeatureSet,
  job: FitOptions,
): Promise<ProbeEvaluation> {
  const fitted = await probe.fit(train, job);
  try {
    return { ...(await evaluate(fitted, test, job)), report: fitted.report };
  } finally {
    fitted.dispose();
  }
}

/** Predictions for `test` and their error in percent. */
export async function evaluate(fitted: Pick<FittedProbe, "predict">, test: FeatureSet, { signal, onProgress }: Job) {
  const predictions = await fitted.predict(test, { signal, onProgress });
  let errors = 0;
  test.labels.forEach((label, i) => {
    if (predictions[i] !== label) errors++;
  });
  const error = (100 * errors) / test.n;
  return { error, accuracy: 100 - error, predictions };
}
