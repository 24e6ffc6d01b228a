import { rng } from "../../src/core/rng.ts";
import { inMemory } from "../../src/decompose/features.ts";
import { logisticRegression } from "../../src/decompose/probes/logistic.ts";
import { computeRiskComponents, type RiskReport } from "../../src/decompose/risk.ts";
import { splitIndices } from "../../src/decompose/split.ts";
import type { FeatureSet } from "../../src/decompose/types.ts";

/** Features and the class number of each, -1 where there is none. */
export interface Labelled {
  features: readonly Float32Array[];
  labels: readonly number[];
  classes: readonly string[];
}

/** Rows by cosine similarity to row `index`, most similar first, itself left out. */
export function neighbours(features: readonly Float32Array[], index: number): { row: number; similarity: number }[] {
  const own = features[index]!;
  return features
    .map((other, row) => ({ row, similarity: cosine(own, other) }))
    .filter(({ row }) => row !== index)
    .sort((a, b) => b.similarity - a.similarity || a.row - b.row);
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}

/** What a classifier of a few labels says. */
export interface FewShot {
  /** Rows that it was fitted on. */
  rows: number[];
  /** Most probable class of each row, and its probability. */
  predictions: { label: number; probability: number }[];
  /** Of the labelled rows that it was not fitted on; null when there are none. */
  accuracy: number | null;
  tested: number;
}

/**
 * Logistic regression (C = 1, features as they are, at its optimum: the probe of `ssl-hub`) on `shots` labelled rows of
 * each class, drawn with seed 123, or on all of them.
 * @throws HubError `DATA` when fewer than two classes have labels.
 */
export async function fewShot({ features, labels, classes }: Labelled, shots: number | "all"): Promise<FewShot> {
  const order = rng(123, "few-shot").permutation(labels.length);
  const counts = new Array<number>(classes.length).fill(0);
  const rows: number[] = [];
  for (const row of order) {
    const label = labels[row]!;
    if (label < 0 || (shots !== "all" && counts[label]! >= shots)) continue;
    counts[label]!++;
    rows.push(row);
  }
  rows.sort((a, b) => a - b);
  const d = features[0]!.length;
  const k = classes.length;
  const x = stack(rows.map((row) => features[row]!));
  const y = Int32Array.from(rows, (row) => labels[row]!);
  const { coef, intercept } = await logisticRegression({ x, y, n: rows.length, d, k, C: 1 });
  const predictions = features.map((row) => mostProbable(row, coef, intercept, counts));
  const tested = labels.map((_, row) => row).filter((row) => labels[row]! >= 0 && !rows.includes(row));
  const right = tested.filter((row) => predictions[row]!.label === labels[row]).length;
  return {
    rows,
    predictions,
    accuracy: tested.length === 0 ? null : (100 * right) / tested.length,
    tested: tested.length,
  };
}

/** Softmax over the classes that have labels; the lowest class wins a tie. */
function mostProbable(x: Float32Array, coef: Float64Array, intercept: Float64Array, counts: readonly number[]) {
  const scores = counts.map((count, c) => {
    let score = count > 0 ? intercept[c]! : -Infinity;
    if (count > 0) for (let j = 0; j < x.length; j++) score += coef[c * x.length + j]! * x[j]!;
    return score;
  });
  const top = Math.max(...scores);
  const sum = scores.reduce((total, score) => total + Math.exp(score - top), 0);
  return { label: scores.indexOf(top), probability: 1 / sum };
}

/** Fewest labelled images of a class that a decomposition can be made of: train, held-out part and test need one each. */
export const RISK_MINIMUM = 4;

/**
 * The risk decomposition of the labelled images: half of them, by class, are the training images, the other half the test
 * images; a third of the training images is held out of the second probe. The code is `computeRiskComponents`.
 */
export async function decompose(data: Labelled): Promise<RiskReport & { n_train: number; n_test: number }> {
  const rows = data.labels.flatMap((label, row) => (label >= 0 ? [row] : []));
  const used = [...new Set(rows.map((row) => data.labels[row]!))].sort((a, b) => a - b);
  const classes = used.map((label) => data.classes[label]!);
  const labels = Int32Array.from(rows, (row) => used.indexOf(data.labels[row]!));
  const all = inMemory(stack(rows.map((row) => data.features[row]!)), labels, {
    dim: data.features[0]!.length,
    classes,
  });
  const { subset, complement } = splitIndices(labels, Math.floor(rows.length / 2), 123);
  const [test, train] = [all.subset(subset), all.subset(complement)] as [FeatureSet, FeatureSet];
  const nSub = Math.max(classes.length, Math.round(train.n / 3));
  return { ...(await computeRiskComponents(null, train, test, { nSub })), n_train: train.n, n_test: test.n };
}

function stack(rows: readonly Float32Array[]): Float32Array {
  const d = rows[0]?.length ?? 0;
  const out = new Float32Array(rows.length * d);
  rows.forEach((row, i) => {
    out.set(row, i * d);
  });
  return out;
}
