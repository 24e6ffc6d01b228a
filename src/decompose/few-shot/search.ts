import type { Job } from "../../core/events.ts";
import { rng } from "../../core/rng.ts";
import { allRows } from "../blocks.ts";
import { inMemory } from "../features.ts";
import { type LinearModel, predictLinear } from "../probes/linear.ts";
import { fitBytes, type LogisticFit, logisticPath, MEMORY_LIMIT } from "../probes/logistic.ts";
import type { FeatureSet } from "../types.ts";
import { rotated } from "./rotation.ts";
import { forRaw, minMax, type Scaling, scaledFeatures, scaledRows } from "./scaling.ts";

export interface FewShotFitOptions extends Job {
  /** Values that are tried. */
  C: readonly number[];
  /** Bytes that a fit may hold before it reads its features again and again, see `streamedLogistic`. Default 3 GiB. */
  memoryLimit?: number;
}

/** One value of C of a search. */
export interface Candidate extends Pick<LogisticFit, "objective" | "distance" | "iterations"> {
  C: number;
  /** Validation rows that are predicted wrongly. */
  validation_errors: number;
}

/** The logistic probe of a few-shot set. As a model it takes features as they come, unscaled. */
export interface FewShotFit extends LinearModel {
  /** The C with the fewest validation errors, the first in the list on ties. */
  C: number;
  /** In the order of the list. */
  candidates: Candidate[];
  /** Class number for each row, `[n]`; the lowest class wins a tie. */
  predict(set: FeatureSet, job?: Job): Promise<Int32Array>;
}

/**
 * The few-shot probe of the paper: columns scaled to 0..1 by the smallest and largest of the few rows, multinomial logistic
 * regression, C chosen by the errors on `validation`. All values of C are fitted in ascending order, each from the optimum
 * before it, and each to its optimum: the chosen one needs no second fit.
 * @throws TypeError when C is empty or not above 0.
 */
export async function fitFewShot(
  train: FeatureSet,
  validation: FeatureSet,
  { C, memoryLimit = MEMORY_LIMIT, signal, onProgress }: FewShotFitOptions,
): Promise<FewShotFit> {
  if (C.length === 0) throw new TypeError("fitFewShot: C must hold a value at least");
  const job = { signal };
  const scaling = await minMax(train, job);
  const held = inMemory(await allRows(validation, job), validation.labels, validation);
  const candidates = new Array<Candidate>(C.length);
  let best: { model: LinearModel; index: number } | undefined;
  let done = 0;
  for await (const { index, objective, distance, iterations, ...fit } of fits(train, scaling, C, memoryLimit, job)) {
    const model = forRaw(fit, scaling);
    const predictions = await predictLinear(model, held, job);
    const wrong = predictions.reduce((sum, label, i) => sum + Number(label !== held.labels[i]), 0);
    candidates[index] = { C: C[index]!, validation_errors: wrong, objective, distance, iterations };
    const least = best && candidates[best.index]!.validation_errors;
    if (best === undefined || wrong < least! || (wrong === least && index < best.index)) best = { model, index };
    onProgress?.({ stage: "fit", name: "few-shot", done: ++done, total: C.length, unit: "steps" });
  }
  const { model, index } = best!;
  return { ...model, C: C[index]!, candidates, predict: (set, later) => predictLinear(model, set, later) };
}

/** `count` values, log-uniform from 1e-6 to 100 as in the paper: the same for every encoder under one seed. */
export function drawC(count: number, seed: number): number[] {
  const { uniform } = rng(seed, "C");
  const [low, high] = [Math.log(1e-6), Math.log(100)];
  return Array.from({ length: count }, () => Math.exp(low + (high - low) * uniform()));
}

/** Optima for scaled features, in ascending order of C. */
async function* fits(
  train: FeatureSet,
  scaling: Scaling,
  C: readonly number[],
  memoryLimit: number,
  job: Pick<Job, "signal">,
): AsyncGenerator<LogisticFit & { index: number }> {
  const { n, dim: d, labels: y } = train;
  const k = train.classes.length;
  if (fitBytes(n, d, k, 8) <= memoryLimit) {
    const { back, ...few } = rotated(await scaledRows(train, scaling, job), n, d);
    for await (const fit of logisticPath({ ...few, y, n, k, C, ...job })) yield { ...fit, coef: back(fit.coef) };
    return;
  }
  const { streamedLogistic } = await import("../probes/streamed-logistic.ts");
  const set = scaledFeatures(train, scaling);
  for (const index of [...C.keys()].sort((a, b) => C[a]! - C[b]!)) {
    yield { index, ...(await streamedLogistic(set, { C: C[index]!, ...job })) };
  }
}
