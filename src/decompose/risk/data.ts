import type { Encoder } from "../../encoder/encoder.ts";
import type { Dataset } from "../dataset.ts";
import type { FeaturizeOptions } from "../featurize.ts";
import { featuresOf, isFeatures, needEncoder, outline } from "../inputs.ts";
import { type SplitIndices, splitAt, splitIndices } from "../split.ts";
import type { FeatureSet } from "../types.ts";
import { checkClasses, checkFinite, checkPair, checkPart, dataFault, type Named, type Outline } from "../validate.ts";

/** What a decomposition is made from, and how its subsets are drawn. */
export interface RiskInput extends Pick<FeaturizeOptions, "dir" | "batchSize" | "threads" | "onError"> {
  modelSsl: Encoder | null;
  modelSup: Encoder | FeatureSet | null;
  DTrain: Dataset | FeatureSet;
  DTest: Dataset | FeatureSet;
  nSub: number | "minimal" | "paper" | Int32Array | undefined;
  seed: number;
  repeats: number;
  signal?: AbortSignal;
  onProgress?: FeaturizeOptions["onProgress"];
}

export interface RiskData {
  train: FeatureSet;
  test: FeatureSet;
  sup: FeatureSet | null;
  /** One split of the training rows for each repeat. */
  splits: SplitIndices[];
}

const MINIMAL = 10_000;

/**
 * Features and splits, checked: labels, classes and sizes before an image is read, and again with the features, for images
 * that were skipped have no row.
 * @throws HubError `DATA`; TypeError.
 */
export async function riskData(input: RiskInput): Promise<RiskData> {
  const { modelSsl, modelSup, DTrain, DTest } = input;
  const named = (train: Outline, test: Outline): [Named, Named] => [
    { name: "train", set: train },
    { name: "test", set: test },
  ];
  needEncoder("computeRiskComponents", modelSsl, { train: DTrain, test: DTest });
  if (modelSup !== null && !isFeatures(modelSup) && isFeatures(DTrain)) {
    throw new TypeError("computeRiskComponents: with DTrain as features, modelSup must be features of the same images");
  }
  checkLabels(...named(outline(DTrain), outline(DTest)), input);
  const train = await featuresOf(modelSsl, DTrain, input);
  const test = await featuresOf(modelSsl, DTest, input);
  const sup = modelSup === null ? null : isFeatures(modelSup) ? modelSup : await featuresOf(modelSup, DTrain, input);
  const splits = checkLabels(...named(train, test), input);
  const sets: Named<FeatureSet>[] = [
    { name: "train", set: train },
    { name: "test", set: test },
  ];
  if (sup !== null) {
    const supervised = { name: "train of modelSup", set: sup };
    checkClasses({ name: "train", set: train }, supervised);
    checkPair(supervised, supervised);
    sets.push(supervised);
  }
  for (const part of sets) await checkFinite(part, input);
  return { train, test, sup, splits };
}

function checkLabels(train: Named, test: Named, { nSub, seed, repeats }: RiskInput): SplitIndices[] {
  const size = subsetSize(nSub, train.set.n, test.set.n);
  checkPair(train, test);
  return Array.from({ length: repeats }, (_, r) => {
    const { n, labels } = train.set;
    const rows = nSub instanceof Int32Array ? splitAt(nSub, n) : splitIndices(labels, size, seed + r);
    const part = (name: string, index: Int32Array): Named => ({
      name,
      set: { n: index.length, classes: train.set.classes, labels: index.map((row) => labels[row]!) },
    });
    checkPart(part("the subset", rows.subset), train, "Choose a larger nSub, or leave out classes of one row.");
    checkPart(part("the rest of train", rows.complement), train, "Choose a smaller nSub.");
    return rows;
  });
}

/** @throws HubError `DATA` when it does not leave rows to fit on. */
function subsetSize(asked: RiskInput["nSub"], nTrain: number, nTest: number): number {
  if (asked instanceof Int32Array) return asked.length;
  const sizes = { minimal: MINIMAL, paper: nTest, default: Math.min(MINIMAL, nTest) };
  const size = typeof asked === "number" ? asked : sizes[asked ?? "default"];
  if (size === undefined) throw new TypeError(`nSub must be a number, "minimal" or "paper", not "${asked}"`);
  if (Number.isInteger(size) && size >= 1 && size < nTrain) return size;
  const fitting = Math.max(1, Math.min(nTest, Math.trunc(nTrain / 5)));
  const found = `nSub ${asked ?? "by default"} is ${size}, but must be a whole number from 1 to ${nTrain - 1} for ${nTrain} training rows`;
  throw dataFault(`${found}. Choose nSub: ${fitting}, for example.`, { n_sub: size, n_train: nTrain });
}
