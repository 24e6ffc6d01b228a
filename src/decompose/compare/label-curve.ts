import { rowsByClass, shuffledByClass } from "../few-shot/shots.ts";
import { fitAndEvaluate, type ProbeOptions, resolveProbe } from "../probe.ts";
import { mean, standardError } from "../risk/spread.ts";
import type { FeatureSet } from "../types.ts";
import { checkFinite, checkPair } from "../validate.ts";

/** Error of a probe that had a number of labelled images. */
export interface LabelPoint {
  /** Images a class; null for all of train. */
  shots: number | null;
  /** Images in all. */
  images: number;
  /** Mean over the draws, percent. */
  error: number;
  /** Standard error of that mean: of the draws, or of the test rows where all of train was taken. */
  standard_error: number;
  /** Error of each draw. Equal seeds and labels draw equal rows, so that encoders can be compared draw by draw. */
  draws: number[];
}

export interface LabelCurveOptions extends ProbeOptions {
  /** Images a class. Default 3, 5 and 30, as the paper; those that a class has not are left out. */
  shots?: readonly number[];
  /** Draws of each. Default 5. */
  draws?: number;
}

/**
 * Errors on test of the probe with few labels up to all of train. A draw takes the first rows of one permutation a class, so
 * that more shots hold the fewer.
 * @throws HubError `DATA` as `trainEvalProbe`; TypeError for shots or draws that are no whole numbers.
 */
export async function labelCurve(
  train: FeatureSet,
  test: FeatureSet,
  options: LabelCurveOptions = {},
): Promise<LabelPoint[]> {
  const { shots = [3, 5, 30], draws = 5, seed = 123, signal, onProgress } = options;
  for (const [name, values] of Object.entries({ shots, draws: [draws] })) {
    const wrong = values.find((value) => !Number.isInteger(value) || value < 1);
    if (wrong !== undefined) throw new TypeError(`labelCurve: ${name} must be whole numbers >= 1, not ${wrong}`);
  }
  const named = [
    { name: "train", set: train },
    { name: "test", set: test },
  ] as const;
  checkPair(...named);
  for (const part of named) await checkFinite(part, { signal });
  const probe = resolveProbe(options.probe);
  const error = async (set: FeatureSet) => (await fitAndEvaluate(probe, set, test, { seed, signal, onProgress })).error;
  const byClass = rowsByClass(train);
  const smallest = Math.min(...byClass.map((rows) => rows.length));
  const points: LabelPoint[] = [];
  for (const count of [...new Set(shots)].sort((a, b) => a - b).filter((count) => count < smallest)) {
    const errors: number[] = [];
    for (let r = 0; r < draws; r++) {
      const rows = shuffledByClass(byClass, seed + r).flatMap((members) => members.slice(0, count));
      errors.push(await error(train.subset(Int32Array.from(rows).sort())));
    }
    points.push({ shots: count, images: count * byClass.length, ...summary(errors) });
  }
  const all = await error(train);
  const spread = Math.sqrt((all * (100 - all)) / test.n);
  return [...points, { shots: null, images: train.n, error: all, standard_error: spread, draws: [all] }];
}

function summary(draws: number[]): Pick<LabelPoint, "error" | "standard_error" | "draws"> {
  return { error: mean(draws), standard_error: standardError(draws) ?? 0, draws };
}
