import type { Encoder } from "../encoder/encoder.ts";
import type { Dataset } from "./dataset.ts";
import { type FeaturizeOptions, featurizeData } from "./featurize.ts";
import { evaluate, type ProbeOptions, resolveProbe } from "./probe.ts";
import { splitAt, splitIndices } from "./split.ts";
import type { FeatureSet, Probe, ProbeReport, RiskComponents } from "./types.ts";
import { checkClasses, checkFinite, checkPair, checkPart, dataFault, type Named } from "./validate.ts";

export interface RiskOptions extends ProbeOptions, Pick<FeaturizeOptions, "dir" | "batchSize" | "threads" | "onError"> {
  /**
   * Supervised encoder of the same architecture, or its features of the training images. Without one, `approx` is null
   * and `usability` holds both.
   */
  modelSup?: Encoder | FeatureSet | null;
  /**
   * Training rows that are held out of the probe to see how it generalises: a number; "minimal", 10 000, as the paper's
   * short program; "paper", as many as there are test rows. Default: "minimal", or the number of test rows if smaller.
   * They are drawn by class, see `splitIndices`. An Int32Array names the rows themselves.
   */
  nSub?: number | "minimal" | "paper" | Int32Array;
}

/** Components of the risk and all that they were made of, in percent. */
export interface RiskReport extends RiskComponents {
  /** Errors of the probes, before any difference was taken. */
  risks: {
    /** Supervised encoder; probe on train, error on train. */
    sup_train_train: number | null;
    /** Probe on train, error on train. */
    train_train: number;
    /** Probe on the complement of the held-out subset, error on the subset. */
    cs: number;
    /** Probe on train, error on test. */
    train_test: number;
  };
  n_sub: number;
  seed: number;
  probe: string;
  reports: { train: ProbeReport; complement: ProbeReport; supervised: ProbeReport | null };
}

const MINIMAL = 10_000;

/**
 * Decomposes the risk of an encoder into approximation, usability, probe generalisation and encoder generalisation
 * (Dubois, Hashimoto and Liang, "Evaluating Self-Supervised Learning via Risk Decomposition", ICML 2023):
 *
 *     approx    = sup_train_train                  the architecture cannot fit the task
 *     usability = train_train - sup_train_train    features of self-supervision instead of labels
 *     probe_gen = cs - train_train                 the probe sees finite data
 *     enc_gen   = train_test - cs                  the encoder has not seen the test images
 *
 * They sum to `agg_risk = train_test` up to rounding; nothing is clipped. A part can be negative: enc_gen is when the
 * encoder was pre-trained on other data than DTrain, for then it has seen neither part, and `cs` comes from a probe with
 * fewer rows than `train_test`; and a difference of two errors carries the noise of both.
 *
 * @param modelSsl the encoder; null when DTrain and DTest are features of it.
 * @param DTrain the encoder's training data, or features of it, which are used as they are.
 * @param DTest data of the same classes that neither encoder nor probe has seen, or features of it.
 * @throws HubError `DATA` before any fit: `nSub` too large or too small for all classes, a class missing, class lists that
 *   differ, one class only, numbers that are not finite.
 */
export async function computeRiskComponents(
  modelSsl: Encoder | null,
  DTrain: Dataset | FeatureSet,
  DTest: Dataset | FeatureSet,
  options: RiskOptions = {},
): Promise<RiskReport> {
  const { seed = 123, modelSup, signal, onProgress } = options;
  const probe = resolveProbe(options.probe);
  subsetSize(options.nSub, rowsOf(DTrain), rowsOf(DTest));
  const train = await toFeatures("train", modelSsl, DTrain, options);
  const test = await toFeatures("test", modelSsl, DTest, options);
  const sup = modelSup == null ? null : await supervisedFeatures(modelSup, DTrain, options);
  // Once more: images that were skipped have no row.
  const nSub = subsetSize(options.nSub, train.set.n, test.set.n);
  checkPair(train, test);
  const rows =
    options.nSub instanceof Int32Array
      ? splitAt(options.nSub, train.set.n)
      : splitIndices(train.set.labels, nSub, seed);
  const subset = train.set.subset(rows.subset);
  const complement = train.set.subset(rows.complement);
  checkPart({ name: "the subset", set: subset }, train, "Choose a larger nSub, or leave out classes of one row.");
  checkPart({ name: "the rest of train", set: complement }, train, "Choose a smaller nSub.");
  if (sup !== null) {
    checkClasses(train, sup);
    checkPair(sup, sup);
  }
  for (const part of [train, test, ...(sup === null ? [] : [sup])]) await checkFinite(part, options);

  const job = { seed, signal, onProgress };
  const full = await fitAndEvaluate(probe, train.set, [train.set, test.set], job);
  const held = await fitAndEvaluate(probe, complement, [subset], job);
  const supervised = sup === null ? null : await fitAndEvaluate(probe, sup.set, [sup.set], job);
  const [train_train, train_test] = full.errors as [number, number];
  const risks = { sup_train_train: supervised?.errors[0] ?? null, train_train, cs: held.errors[0]!, train_test };
  const reports = { train: full.report, complement: held.report, supervised: supervised?.report ?? null };
  return { ...componentsOf(risks), risks, n_sub: nSub, seed, probe: probe.name, reports };
}

/** Components of four errors in percent, unclipped. */
export function componentsOf({ sup_train_train, train_train, cs, train_test }: RiskReport["risks"]): RiskComponents {
  return {
    approx: sup_train_train,
    usability: train_train - (sup_train_train ?? 0),
    probe_gen: cs - train_train,
    enc_gen: train_test - cs,
    agg_risk: train_test,
  };
}

async function fitAndEvaluate(
  probe: Probe,
  train: FeatureSet,
  sets: FeatureSet[],
  job: Parameters<Probe["fit"]>[1],
): Promise<{ errors: number[]; report: ProbeReport }> {
  const fitted = await probe.fit(train, job);
  try {
    const errors: number[] = [];
    for (const set of sets) errors.push((await evaluate(fitted, set, job)).error);
    return { errors, report: fitted.report };
  } finally {
    fitted.dispose();
  }
}

async function toFeatures(
  name: string,
  model: Encoder | null,
  data: Dataset | FeatureSet,
  options: RiskOptions,
): Promise<Named> {
  if (isFeatures(data)) return { name, set: data };
  if (model === null)
    throw new TypeError(`computeRiskComponents: ${name} holds images, so an encoder is needed for it`);
  const { dir, batchSize, threads, onError, signal, onProgress } = options;
  return { name, set: await featurizeData(model, data, { dir, batchSize, threads, onError, signal, onProgress }) };
}

function supervisedFeatures(modelSup: Encoder | FeatureSet, DTrain: Dataset | FeatureSet, options: RiskOptions) {
  const name = "train of modelSup";
  if (isFeatures(modelSup)) return toFeatures(name, null, modelSup, options);
  if (isFeatures(DTrain)) {
    throw new TypeError("computeRiskComponents: with DTrain as features, modelSup must be features of the same images");
  }
  return toFeatures(name, modelSup, DTrain, options);
}

function rowsOf(data: Dataset | FeatureSet): number {
  return isFeatures(data) ? data.n : data.length;
}

function isFeatures(data: object): data is FeatureSet {
  return "rows" in data;
}

/** @throws HubError `DATA` when it does not leave rows to fit on. */
function subsetSize(asked: RiskOptions["nSub"], nTrain: number, nTest: number): number {
  if (asked instanceof Int32Array) return asked.length;
  const sizes = { minimal: MINIMAL, paper: nTest, default: Math.min(MINIMAL, nTest) };
  const size = typeof asked === "number" ? asked : sizes[asked ?? "default"];
  if (size === undefined) throw new TypeError(`nSub must be a number, "minimal" or "paper", not "${asked}"`);
  if (Number.isInteger(size) && size >= 1 && size < nTrain) return size;
  const fitting = Math.max(1, Math.min(nTest, Math.trunc(nTrain / 5)));
  const found = `nSub ${asked ?? "by default"} is ${size}, but must be a whole number from 1 to ${nTrain - 1} for ${nTrain} training rows`;
  throw dataFault(`${found}. Choose nSub: ${fitting}, for example.`, { n_sub: size, n_train: nTrain });
}
