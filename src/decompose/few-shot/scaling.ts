import type { Job } from "../../core/events.ts";
import { eachBlock } from "../blocks.ts";
import type { LinearModel } from "../probes/linear.ts";
import type { FeatureSet } from "../types.ts";

/** MinMax scaling: `(x - min) / range` takes each column of the rows it was made from onto 0..1. */
export interface Scaling {
  min: Float64Array;
  /** 1 for a column that is constant. */
  range: Float64Array;
}

/** Ranges below this are rounding errors of a constant column, as scikit-learn has it. */
const CONSTANT = 10 * 2 ** -52;

/** The scaling of these rows. Other rows may leave 0..1 under it. */
export async function minMax(set: FeatureSet, job: Pick<Job, "signal">): Promise<Scaling> {
  const d = set.dim;
  const min = new Float64Array(d).fill(Infinity);
  const max = new Float64Array(d).fill(-Infinity);
  await eachBlock(set, job, (rows) => {
    for (let at = 0; at < rows.length; at += d) {
      for (let j = 0; j < d; j++) {
        const value = rows[at + j]!;
        if (value < min[j]!) min[j] = value;
        if (value > max[j]!) max[j] = value;
      }
    }
  });
  const range = max.map((top, j) => (top - min[j]! < CONSTANT ? 1 : top - min[j]!));
  return { min, range };
}

/** All rows scaled, `[n * dim]`, in float64: float32 would round away digits that the optimum has. */
export async function scaledRows(set: FeatureSet, scaling: Scaling, job: Pick<Job, "signal">): Promise<Float64Array> {
  const x = new Float64Array(set.n * set.dim);
  await eachBlock(set, job, (rows, start) => scale(rows, scaling, x.subarray(start * set.dim)));
  return x;
}

/** The set under the scaling, in float32, for fits that read it again and again. */
export function scaledFeatures(set: FeatureSet, scaling: Scaling): FeatureSet {
  const { n, dim, classes, labels } = set;
  return {
    n,
    dim,
    classes,
    labels,
    async rows(start, end) {
      const rows = await set.rows(start, end);
      scale(rows, scaling, rows);
      return rows;
    },
    subset: (index) => scaledFeatures(set.subset(index), scaling),
  };
}

/** The model for features as they came that a model for scaled ones stands for. */
export function forRaw({ coef, intercept }: LinearModel, { min, range }: Scaling): LinearModel {
  const d = min.length;
  const raw = coef.map((weight, at) => weight / range[at % d]!);
  const moved = intercept.map((b, c) => {
    let offset = 0;
    for (let j = 0; j < d; j++) offset += raw[c * d + j]! * min[j]!;
    return b - offset;
  });
  return { coef: raw, intercept: moved };
}

function scale(rows: Float32Array, { min, range }: Scaling, out: Float32Array | Float64Array): void {
  const d = min.length;
  for (let at = 0; at < rows.length; at += d) {
    for (let j = 0; j < d; j++) out[at + j] = (rows[at + j]! - min[j]!) / range[j]!;
  }
}
