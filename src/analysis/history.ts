import { readFileSync } from "node:fs";
import { assetPath } from "../core/assets.ts";

/** Raw errors in percent that the history of the paper's repository holds and its results table does not. */
export interface History {
  source: string;
  /** By lower-case model name: training error of the probe; that and the test error of the supervised encoder. */
  rows: Record<string, [train_train: number | null, sup_train_train: number | null, sup_train_test: number | null]>;
  /** Errors that the alternative (union) decomposition needs. */
  alternative: Record<string, { train_train: number; union_test: number; train_test: number; cmpl_sub: number }>;
  /** Randomly initialised encoders: usability, probe_gen, enc_gen, agg_risk. */
  random_init: Record<string, [number | null, number, number, number]>;
  /** The paper's random splits of the scaling-law points: a letter a budget, `T` test, `.` training, `-` no value. */
  splits: Record<"table" | "appendix", Record<string, string>>;
  /** Printed cross-validated errors of the tuned trees, which cannot be recomputed. */
  boosted_trees_cv_rmse: Record<string, Record<string, number>>;
}

let cached: History | undefined;

export function loadHistory(): History {
  cached ??= JSON.parse(readFileSync(assetPath("paper-history.json"), "utf8")) as History;
  return cached;
}
