import type { RiskComponents } from "../types.ts";

/** Errors of the probes in percent, before any difference was taken. */
export interface Risks {
  /** Supervised encoder; probe on train, error on train. */
  sup_train_train: number | null;
  /** Probe on train, error on train. */
  train_train: number;
  /** Probe on the complement of the held-out subset, error on the subset; the mean over `repeats` subsets. */
  cs: number;
  /** Probe on train, error on test. */
  train_test: number;
  /** Probe on train and test together, error on test; null unless `union` asked for it. */
  union_test: number | null;
}

/**
 * Percents are held as multiples of 2^-40 (1e-12): below 2^13 their sums and differences are then exact in float64, and the
 * components add up to the bit.
 */
const GRID = 2 ** 40;

export const onGrid = (percent: number): number => Math.round(percent * GRID) / GRID;

/** Components along the path of the paper: usability, then the probe's finite data, then the encoder's. Unclipped. */
export function componentsOf({ sup_train_train, train_train, cs, train_test }: Risks): RiskComponents {
  return {
    approx: sup_train_train,
    usability: train_train - (sup_train_train ?? 0),
    probe_gen: cs - train_train,
    enc_gen: train_test - cs,
    agg_risk: train_test,
  };
}

/**
 * Components along the alternative path of the paper's appendix: first the encoder meets new images, then the probe.
 * @param risks with `union_test`.
 */
export function unionComponentsOf({ sup_train_train, train_train, train_test, union_test }: Risks): RiskComponents {
  return {
    approx: sup_train_train,
    usability: train_train - (sup_train_train ?? 0),
    probe_gen: train_test - union_test!,
    enc_gen: union_test! - train_train,
    agg_risk: train_test,
  };
}

/** Every component below zero becomes zero, as in the paper's table: the others are left, so they need not sum any more. */
export function clipped(components: RiskComponents): RiskComponents {
  const cut = Object.entries(components).map(([name, value]) => [name, value === null ? null : Math.max(0, value)]);
  return Object.fromEntries(cut);
}
