import type { Job } from "../core/events.ts";
import type { Encoder } from "../encoder/encoder.ts";
import type { Dataset } from "./dataset.ts";
import { joinFeatures } from "./features.ts";
import type { FeaturizeOptions } from "./featurize.ts";
import { type ProbeOptions, resolveProbe } from "./probe.ts";
import { clipped, componentsOf, onGrid, type Risks, unionComponentsOf } from "./risk/components.ts";
import { type RiskData, riskData } from "./risk/data.ts";
import { addConfusions, type ClassRisk, type Confusions, classRisks, confusionOf } from "./risk/per-class.ts";
import { type BootstrapIntervals, bootstrapIntervals, mean, standardError } from "./risk/spread.ts";
import type { Evaluated, FeatureSet, FitOptions, Probe, ProbeReport, RiskComponents } from "./types.ts";

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
  /** Subsets that are drawn, with seeds `seed`, `seed + 1`, ...; `cs` is their mean. Each costs a fit. Default 1. */
  repeats?: number;
  /** Whether to fit the probe on train and test together as well, for the alternative decomposition. Default false. */
  union?: boolean;
  /** Samples of the bootstrap over evaluation rows; 1000 is usual. Default 0: none. */
  bootstrap?: number;
  /** Share of the bootstrap samples within the intervals. Default 0.95. */
  level?: number;
  /** Whether to report the components of each class and the confusions. Default false. */
  perClass?: boolean;
  /** "upstream": components below zero become zero, as in the paper's table. `risks` are left. Default "none". */
  clip?: "none" | "upstream";
}

/** Components of the risk and all that they were made of, in percent. */
export interface RiskReport extends RiskComponents {
  /** Errors of the probes, before any difference was taken. */
  risks: Risks;
  /** Components along the alternative path; null without `union`. */
  alternative: RiskComponents | null;
  /** Over the repeats; null of a single one. Those of `probe_gen` and `enc_gen` are that of `cs`. */
  standard_errors: { cs: number; probe_gen: number; enc_gen: number } | null;
  /** `cs` of each repeat. */
  cs_repeats: number[];
  intervals: BootstrapIntervals | null;
  per_class?: ClassRisk[];
  confusions?: Confusions;
  n_train: number;
  n_test: number;
  n_sub: number;
  seed: number;
  clip: "none" | "upstream";
  probe: string;
  /** What each fit did; `complement` is that of the first repeat. */
  reports: {
    train: ProbeReport;
    complement: ProbeReport;
    supervised: ProbeReport | null;
    union: ProbeReport | null;
  };
}

/**
 * Decomposes the risk of an encoder into approximation, usability, probe generalisation and encoder generalisation
 * (Dubois, Hashimoto and Liang, "Evaluating Self-Supervised Learning via Risk Decomposition", ICML 2023):
 *
 *     approx    = sup_train_train                  the architecture cannot fit the task
 *     usability = train_train - sup_train_train    features of self-supervision instead of labels
 *     probe_gen = cs - train_train                 the probe sees finite data
 *     enc_gen   = train_test - cs                  the encoder has not seen the test images
 *
 * They sum to `agg_risk = train_test` to the bit: risks are rounded to multiples of 2^-40 percent, whose sums are exact. A part
 * can be negative: enc_gen is when the encoder was pre-trained on other data than DTrain, for then it has seen neither
 * part, and `cs` comes from a probe with fewer rows than `train_test`; and a difference of two errors carries the noise of both.
 *
 * With `union`, `alternative` holds the paper's other path: `enc_gen = union_test - train_train` and
 * `probe_gen = train_test - union_test`.
 *
 * @param modelSsl the encoder; null when DTrain and DTest are features of it.
 * @param DTrain the encoder's training data, or features of it, which are used as they are.
 * @param DTest data of the same classes that neither encoder nor probe has seen, or features of it.
 * @throws HubError `DATA` before an image is read: `nSub` too large or too small for all classes, a class missing, class
 *   lists that differ, one class only; and before any fit: numbers that are not finite. TypeError for a wrong option.
 */
export async function computeRiskComponents(
  modelSsl: Encoder | null,
  DTrain: Dataset | FeatureSet,
  DTest: Dataset | FeatureSet,
  options: RiskOptions = {},
): Promise<RiskReport> {
  checkOptions(options);
  const { seed = 123, repeats = 1, modelSup = null, nSub, clip = "none", signal, onProgress } = options;
  const probe = resolveProbe(options.probe);
  const data = await riskData({ ...options, modelSsl, modelSup, DTrain, DTest, nSub, seed, repeats });
  const fits = await fitAll(probe, data, options.union ?? false, { seed, signal, onProgress });

  const csRepeats = fits.subsets.map(({ wrong }) => percent(wrong));
  const risks: Risks = {
    sup_train_train: fits.sup && onGrid(percent(fits.sup.wrong)),
    train_train: onGrid(percent(fits.train.wrong)),
    cs: onGrid(mean(csRepeats)),
    train_test: onGrid(percent(fits.test.wrong)),
    union_test: fits.union && onGrid(percent(fits.union.wrong)),
  };
  const shown = clip === "upstream" ? clipped : (components: RiskComponents) => components;
  const error = standardError(csRepeats);
  return {
    ...shown(componentsOf(risks)),
    risks,
    alternative: risks.union_test === null ? null : shown(unionComponentsOf(risks)),
    standard_errors: error === null ? null : { cs: error, probe_gen: error, enc_gen: error },
    cs_repeats: csRepeats,
    intervals: await intervalsOf(fits, data, options),
    ...(options.perClass && perClass(data, fits)),
    n_train: data.train.n,
    n_test: data.test.n,
    n_sub: data.splits[0]!.subset.length,
    seed,
    clip,
    probe: probe.name,
    reports: {
      train: fits.train.report,
      complement: fits.subsets[0]!.report,
      supervised: fits.sup?.report ?? null,
      union: fits.union?.report ?? null,
    },
  };
}

/** What a probe did on the rows it was evaluated on. */
interface Outcome {
  predictions: Int32Array;
  wrong: Uint8Array;
  report: ProbeReport;
}

interface Fits {
  sup: Outcome | null;
  train: Outcome;
  test: Outcome;
  subsets: Outcome[];
  union: Outcome | null;
}

type FitJob = { seed: number } & Job;

/** The fits one after the other: train, each complement, supervised, union. */
async function fitAll(
  probe: Probe,
  { train, test, sup, splits }: RiskData,
  union: boolean,
  job: FitJob,
): Promise<Fits> {
  const fitOn = (rows: FeatureSet, sets: FeatureSet[], evaluated: Evaluated) =>
    fitAndEvaluate(probe, rows, sets, { ...job, evaluated });
  const [onTrain, alsoOnTest] = await fitOn(train, probe.perRisk ? [train] : [train, test], { on: "train" });
  const [onTest] = alsoOnTest === undefined ? await fitOn(train, [test], { on: "test", test }) : [alsoOnTest];
  const subsets: Outcome[] = [];
  for (const { subset, complement } of splits) {
    const [held] = await fitOn(train.subset(complement), [train.subset(subset)], { on: "held" });
    subsets.push(held!);
  }
  const [supervised] = sup === null ? [] : await fitOn(sup, [sup], { on: "train" });
  const [joined] = union ? await fitOn(joinFeatures(train, test), [test], { on: "train" }) : [];
  return { train: onTrain!, test: onTest!, subsets, sup: supervised ?? null, union: joined ?? null };
}

async function fitAndEvaluate(
  probe: Probe,
  train: FeatureSet,
  sets: FeatureSet[],
  job: FitOptions,
): Promise<Outcome[]> {
  const fitted = await probe.fit(train, job);
  try {
    const outcomes: Outcome[] = [];
    for (const set of sets) {
      const predictions = await fitted.predict(set, { signal: job.signal, onProgress: job.onProgress });
      const wrong = Uint8Array.from(set.labels, (label, i) => Number(predictions[i] !== label));
      outcomes.push({ predictions, wrong, report: fitted.report });
    }
    return outcomes;
  } finally {
    fitted.dispose();
  }
}

function percent(wrong: Uint8Array): number {
  let errors = 0;
  for (const one of wrong) errors += one;
  return (100 * errors) / wrong.length;
}

function intervalsOf({ sup, train, test, subsets, union }: Fits, { splits }: RiskData, options: RiskOptions) {
  const { bootstrap: samples = 0, level = 0.95, seed = 123, signal } = options;
  if (samples === 0) return null;
  const outcomes = {
    sup: sup?.wrong ?? null,
    train: train.wrong,
    subsets: subsets.map(({ wrong }, r) => ({ rows: splits[r]!.subset, wrong })),
    test: test.wrong,
    union: union?.wrong ?? null,
  };
  return bootstrapIntervals(outcomes, { samples, level, seed, signal });
}

function perClass({ train, test, sup, splits }: RiskData, fits: Fits) {
  const { classes, labels } = train;
  const confusion = (of: Int32Array, { predictions }: Outcome) => confusionOf(of, predictions, classes.length);
  const held = fits.subsets.map((outcome, r) =>
    confusion(
      splits[r]!.subset.map((row) => labels[row]!),
      outcome,
    ),
  );
  const confusions: Confusions = {
    sup_train_train: fits.sup && confusion(sup!.labels, fits.sup),
    train_train: confusion(labels, fits.train),
    cs: addConfusions(held),
    train_test: confusion(test.labels, fits.test),
    union_test: fits.union && confusion(test.labels, fits.union),
  };
  return { per_class: classRisks(classes, confusions), confusions };
}

function checkOptions({ repeats = 1, bootstrap = 0, level = 0.95, clip = "none", nSub }: RiskOptions): void {
  const wrong = (found: string) => new TypeError(`computeRiskComponents: ${found}`);
  if (!Number.isInteger(repeats) || repeats < 1) throw wrong(`repeats must be a whole number >= 1, not ${repeats}`);
  if (repeats > 1 && nSub instanceof Int32Array)
    throw wrong("nSub names the rows, so there is nothing to draw repeatedly");
  if (!Number.isInteger(bootstrap) || bootstrap < 0) throw wrong(`bootstrap must be a whole number, not ${bootstrap}`);
  if (!(level > 0 && level < 1)) throw wrong(`level must be between 0 and 1, not ${level}`);
  if (clip !== "none" && clip !== "upstream") throw wrong(`clip must be "none" or "upstream", not "${String(clip)}"`);
}
