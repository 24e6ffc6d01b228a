import { HubError } from "../../core/errors.ts";
import type { Job } from "../../core/events.ts";
import { rng } from "../../core/rng.ts";
import { blocksOf } from "../blocks.ts";
import { inMemory } from "../features.ts";
import type { FeatureSet } from "../types.ts";
import { betweenClasses, Within } from "./collapse.ts";
import { blockRows, inverseLength, momentsOf } from "./moments.ts";
import { exact, onEngine, type Products } from "./products.ts";
import {
  entropyRank,
  participationRatio,
  rankOf,
  Scatter,
  type Spectra,
  spectraOfRows,
  spectraOfScatter,
} from "./spectra.ts";
import { type ChunkUniformity, chunkUniformity, pairUniformity } from "./uniformity.ts";

/**
 * Statistics of a representation Z `[n, d]` whose rows have classes; those of the paper's results table, with its
 * definitions. Numbers that are not defined for the data are NaN: nc1 of one class, or where no class has two rows; uniformity
 * of one row.
 */
export interface RepresentationStatistics {
  n: number;
  d: number;
  /** Classes that occur. */
  k: number;
  /** Effective dimension: eigenvalues of the correlation of the columns above `rank_tol`. Constant columns are left out. */
  rank: number;
  /** The larger of 1e-4 and a hundredth of the largest eigenvalue. */
  rank_tol: number;
  /** How near the nearest eigenvalue comes to `rank_tol`, relative to it. */
  rank_gap_rel: number;
  n_constant_columns: number;
  /** Singular values of Z, not centred, above `rank_Z_tol`. */
  rank_Z: number;
  rank_Z_tol: number;
  rank_Z_gap_rel: number;
  corr_abs_eigenvalues_first10: number[];
  log_abs_eigenvalues_first5: number[];
  singular_values_first5: number[];
  /** Log of the mean over pairs of rows, scaled to length 1, of exp(-2 |u_i - u_j|^2). 0 when all point one way. */
  uniformity: number;
  /** `uniformity` when it is of all pairs, null when it is of those of `uniformity_rows` rows that were drawn. */
  uniformity_all_pairs: number | null;
  uniformity_rows: number;
  /** The same within 10 chunks of neighbouring rows; left out when not all rows are looked at. */
  uniformity_chunks_10?: ChunkUniformity;
  /** Mean over classes of the mean squared distance of a row to its class mean. */
  intra_var: number;
  /** Mean over classes of the squared distance of the class mean to the mean of class means. */
  inter_var: number;
  /** intra_var / inter_var. */
  vars: number;
  /** Mean over classes of the mean squared distance of two rows of length 1 of a class, a row with itself included. */
  alignment: number;
  /**
   * Neural collapse: trace(pinv(B) W) of W, the mean over classes of the covariance within, and B, the covariance of the
   * class means. Not divided by the number of classes. Classes of one row have no covariance and are left out of W.
   */
  nc1: number;
  /** Eigenvalues of B above the larger of 1e-4 and a hundredth of the largest, which pinv keeps. */
  nc1_kept_eigenvalues: number;
  nc1_gap_rel: number;
  /** nc1 / sqrt(rank). */
  nc1norm: number;
  /** Not in the paper's table: other measures of the effective dimension. */
  extra: {
    /** Exponential of the entropy of the correlation's eigenvalues. */
    entropy_effective_rank_corr: number;
    /** Squared sum over sum of squares of the correlation's eigenvalues. */
    participation_ratio_corr: number;
    /** Exponential of the entropy of the singular values of Z (Garrido et al., 2023). */
    rankme: number;
  };
}

export interface StatisticsOptions extends Job {
  /** Most rows that all pairs are taken of for uniformity; of more, so many are drawn. Default 8192. */
  uniformityRows?: number;
  /** Seed of that draw. Default 123. */
  seed?: number;
  /**
   * Where large products run: "float64" on one core in JavaScript; "engine" in float32 on TF.js, summed up in float64,
   * which is right to some 1e-6; "auto" (default) the engine when float64 would take more than some seconds.
   */
  products?: "auto" | "float64" | "engine";
}

/** Products of two numbers from which the engine is worth its rounding. */
const LARGE = 4e9;

/**
 * Statistics of features, in two passes over blocks of rows: memory is that of a few matrices `[d, d]` and `[k, d]`,
 * whatever the number of rows. Sums, means and eigenvalues are float64.
 * @throws HubError `DATA` when there are no rows, a label is no class's number, or a feature is not finite.
 */
export async function featureStatistics(
  set: FeatureSet,
  options: StatisticsOptions = {},
): Promise<RepresentationStatistics> {
  const { n, dim: d } = set;
  checkSet(set);
  const { signal, onProgress, uniformityRows = 8192, seed = 123 } = options;
  if (!Number.isInteger(uniformityRows) || uniformityRows < 2) {
    throw new TypeError(`uniformityRows must be a whole number of 2 or more, not ${uniformityRows}`);
  }
  let done = 0;
  const tick = (rows: number) => {
    done += rows;
    onProgress?.({ stage: "statistics", name: "features", done, total: 2 * n, unit: "rows" });
  };
  const products = await productsFor(options.products ?? "auto", (n * d * Math.min(n, d)) / 2);
  const moments = await momentsOf(set, tick, { signal });
  const between = betweenClasses(moments);
  const within = new Within(moments, between, products);
  const scatter = n < d ? undefined : new Scatter(moments, products);
  for await (const { rows: x, start } of blocksOf(set, { signal }, blockRows(set.dim))) {
    const rows = x.length / set.dim;
    await within.add(x, start, rows);
    await scatter?.add(x, rows);
    tick(rows);
  }
  const spectra =
    scatter === undefined
      ? await spectraOfRows(set, moments, products, { signal })
      : spectraOfScatter(scatter, moments);
  signal?.throwIfAborted();
  const { inter_var, kept, gap } = between;
  const { intra_var, alignment, nc1 } = within.result();
  const ranks = describeSpectra(spectra);
  return {
    n,
    d,
    k: moments.k,
    ...ranks,
    ...(await describeUniformity(set, { rows: uniformityRows, seed, where: options.products })),
    intra_var,
    inter_var,
    vars: intra_var / inter_var,
    alignment,
    nc1,
    nc1_kept_eigenvalues: kept,
    nc1_gap_rel: gap,
    nc1norm: nc1 / Math.sqrt(ranks.rank),
    extra: {
      entropy_effective_rank_corr: entropyRank(spectra.correlation, spectra.noise.correlation),
      participation_ratio_corr: participationRatio(spectra.correlation),
      rankme: entropyRank(spectra.singular, spectra.noise.singular),
    },
  };
}

/**
 * {@link featureStatistics} of features that are in memory.
 * @param options.x features `[n * d]`, row-major; `y` classes `[n]` in 0..k-1.
 * @throws TypeError when lengths do not fit; HubError `DATA` as above.
 */
export async function representationStatistics(
  options: { x: Float32Array; y: Int32Array; n: number; d: number; k: number } & StatisticsOptions,
): Promise<RepresentationStatistics> {
  const { x, y, n, d, k, ...rest } = options;
  for (const [name, value] of Object.entries({ n, d, k })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new TypeError(`representationStatistics: ${name} must be a whole number >= 1, not ${value}`);
    }
  }
  if (y.length !== n) throw new TypeError(`representationStatistics: y has ${y.length} labels, not n = ${n}`);
  const classes = Array.from({ length: k }, (_, c) => String(c));
  return featureStatistics(inMemory(x, y, { dim: d, classes }), rest);
}

async function productsFor(where: "auto" | "float64" | "engine", multiplications: number): Promise<Products> {
  if (where === "float64" || (where === "auto" && multiplications < LARGE)) return exact;
  const { engine } = await import("../../engine/engine.ts");
  return onEngine(await engine());
}

function describeSpectra({ correlation, singular, constantColumns }: Spectra) {
  const { rank, tol, gap } = rankOf(correlation);
  const z = rankOf(singular);
  const first10 = Array.from(correlation.subarray(0, 10));
  return {
    rank,
    rank_tol: tol,
    rank_gap_rel: gap,
    n_constant_columns: constantColumns,
    rank_Z: z.rank,
    rank_Z_tol: z.tol,
    rank_Z_gap_rel: z.gap,
    corr_abs_eigenvalues_first10: first10,
    log_abs_eigenvalues_first5: first10.slice(0, 5).map(Math.log),
    singular_values_first5: Array.from(singular.subarray(0, 5)),
  };
}

async function describeUniformity(
  set: FeatureSet,
  o: { rows: number; seed: number; where?: StatisticsOptions["products"] },
) {
  const { dim: d } = set;
  const all = set.n <= o.rows;
  const sample = all ? set : set.subset(rng(o.seed, "uniformity").permutation(set.n).slice(0, o.rows).sort());
  const { n } = sample;
  const products = await productsFor(o.where ?? "auto", (n * n * d) / 2);
  const u = new Float64Array(await sample.rows(0, n));
  for (let at = 0; at < u.length; at += d) {
    const scale = inverseLength(u, at, d)!;
    for (let j = 0; j < d; j++) u[at + j]! *= scale;
  }
  const uniformity = await pairUniformity(u, n, d, products);
  return {
    uniformity,
    uniformity_all_pairs: all ? uniformity : null,
    uniformity_rows: n,
    ...(all && { uniformity_chunks_10: await chunkUniformity(u, n, d, 10, products) }),
  };
}

function checkSet({ n, labels, classes }: FeatureSet): void {
  const fault = (found: string, details: Record<string, unknown>) =>
    new HubError("DATA", `Cannot take statistics of the features: ${found}`, { details });
  if (n < 1) throw fault("there are no rows. Featurize some images.", { n });
  const row = labels.findIndex((label) => label < 0 || label >= classes.length);
  if (row >= 0) {
    const found = `label ${labels[row]} of row ${row} is not the number of a class (0..${classes.length - 1})`;
    throw fault(`${found}. Number the classes from 0.`, { row });
  }
}
