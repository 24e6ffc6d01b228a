export { type LabelCurveOptions, type LabelPoint, labelCurve } from "./compare/label-curve.ts";
export {
  type ComparedModel,
  type Component,
  type LabelErrors,
  type LabelVerdict,
  labelVerdicts,
  type Verdicts,
  verdicts,
} from "./compare/verdicts.ts";
export type { Dataset, Sample } from "./dataset.ts";
export { arrays, imageArrays } from "./datasets/arrays.ts";
export { imageFolder } from "./datasets/image-folder.ts";
export { manifest } from "./datasets/manifest.ts";
export { augmentedViews, commonAugmentation, type ViewsOptions } from "./datasets/views.ts";
export { webDataset } from "./datasets/web-dataset.ts";
export { type DigitsSplit, digitsFeatures, opticalDigits } from "./digits.ts";
export { joinFeatures, openFeatures } from "./features.ts";
export { type FeaturizeOptions, featurizeData, type StoredFeatures } from "./featurize.ts";
export { type Candidate, drawC, type FewShotFit, type FewShotFitOptions, fitFewShot } from "./few-shot/search.ts";
export { type DrawOptions, drawFewShot, type FewShotRows, type Shots } from "./few-shot/shots.ts";
export { type FewShotOptions, type FewShotPoint, type FewShotReport, fewShot } from "./few-shot.ts";
export { openDataset } from "./open-dataset.ts";
export { PROBE_NAMES, type ProbeEvaluation, type ProbeName, type ProbeOptions, trainEvalProbe } from "./probe.ts";
export { type KnnOptions, knn } from "./probes/knn.ts";
export {
  type LogisticFit,
  type LogisticOptions,
  logisticPath,
  logisticRegression,
  type PathFit,
} from "./probes/logistic.ts";
export { logistic } from "./probes/logistic-probe.ts";
export { type Neighbours, nearestNeighbours } from "./probes/neighbours.ts";
export { type RidgeFit, ridge, ridgeRegression } from "./probes/ridge.ts";
export { type Schedule, stepSizes } from "./probes/schedules.ts";
export { MINIMAL_PROBE, mlp, SGD_DEFAULTS, type SgdOptions, sgd } from "./probes/sgd.ts";
export { type StreamedOptions, streamedLogistic } from "./probes/streamed-logistic.ts";
export type { Risks } from "./risk/components.ts";
export type { ClassRisk, Confusion, Confusions } from "./risk/per-class.ts";
export type { BootstrapIntervals, Interval } from "./risk/spread.ts";
export { computeRiskComponents, type RiskOptions, type RiskReport } from "./risk.ts";
export { dataSplit, type SplitIndices, splitIndices } from "./split.ts";
export { type StatisticsSets, type StatisticsTable, statisticsColumns, viewsOf } from "./stats/columns.ts";
export {
  featureStatistics,
  type RepresentationStatistics,
  representationStatistics,
  type StatisticsOptions,
} from "./stats/statistics.ts";
export type { Dimension, Parameters, Space } from "./tuning/space.ts";
export type { Trial } from "./tuning/trials.ts";
export { TUNABLE, type Tunable } from "./tuning/tunable.ts";
export { type TuneOptions, type Tuning, tuned, tuneProbe } from "./tuning/tune.ts";
export type { Evaluated, FeatureSet, FitOptions, FittedProbe, Probe, ProbeReport, RiskComponents } from "./types.ts";
