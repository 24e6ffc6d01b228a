import type { Job } from "../core/events.ts";
import type { Parameters } from "./tuning/space.ts";

/** Features and labels of a data set under one encoder. In memory or on disk: probes see only this. */
export interface FeatureSet {
  /** Number of rows (images). */
  readonly n: number;
  /** Features in a row; the encoder's z_dim. */
  readonly dim: number;
  /** Class names in the order of the label numbers. */
  readonly classes: readonly string[];
  /** Class number of each row, `[n]`. */
  readonly labels: Int32Array;
  /** Rows `start` to `end - 1`, `[(end - start) * dim]` row-major. The caller owns the array. */
  rows(start: number, end: number): Promise<Float32Array>;
  /** A view on the rows named by `index`, in that order. Shares storage. */
  subset(index: Int32Array): FeatureSet;
}

/** What a probe's fit did. */
export interface ProbeReport {
  /** Objective at the end, in the probe's own definition; null where nothing is minimised. */
  loss: number | null;
  /** Largest absolute value of the objective's gradient at the end; null where it is not brought to zero. */
  gradientNorm: number | null;
  iterations: number;
  /** What a search chose, by which validation error in percent, of how many trials; of a probe that was tuned. */
  tuning?: { parameters: Parameters; error: number; trials: number };
}

export interface FittedProbe {
  /** Class number for each row of `x`, `[n]`; the lowest class wins a tie. */
  predict(x: FeatureSet, job?: Job): Promise<Int32Array>;
  /** Probabilities of the classes, `[n, classes]` row-major, where the probe has them. */
  probabilities?(x: FeatureSet, job?: Job): Promise<Float64Array>;
  readonly report: ProbeReport;
  dispose(): void;
}

/** Rows that a fit's error will be taken on: its own, some held out of the training set, or the test set. */
export type Evaluated = { on: "train" } | { on: "held" } | { on: "test"; test: FeatureSet };

export interface FitOptions extends Job {
  seed: number;
  /** For a probe whose fit depends on it; default held-out rows. */
  evaluated?: Evaluated;
}

/** Anything that learns to predict classes from features. Users may pass their own. */
export interface Probe {
  readonly name: string;
  /** Whether the fit depends on what it is evaluated on, so that none serves two risks. Default false. */
  readonly perRisk?: boolean;
  fit(train: FeatureSet, options: FitOptions): Promise<FittedProbe>;
}

/**
 * Components of the risk in percent (Dubois et al., ICML 2023). They sum to `agg_risk`, to the bit and in any order, unless
 * they were clipped; a component may be negative. Without a supervised model of the architecture `approx` is null and
 * `usability` holds both.
 */
export interface RiskComponents {
  approx: number | null;
  usability: number;
  probe_gen: number;
  enc_gen: number;
  agg_risk: number;
}
