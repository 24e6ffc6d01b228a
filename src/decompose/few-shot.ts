import type { Job } from "../core/events.ts";
import { canonicalJson, sha256 } from "../core/hash.ts";
import type { Encoder } from "../encoder/encoder.ts";
import type { FeaturizeOptions } from "./featurize.ts";
import { type Draw, keptDraw } from "./few-shot/kept.ts";
import { drawC, fitFewShot } from "./few-shot/search.ts";
import { checkShots, columnOf, drawFewShot, type FewShotRows, type Shots } from "./few-shot/shots.ts";
import { featuresOf, type Input, needEncoder, outline } from "./inputs.ts";
import { taskKey } from "./kept.ts";
import { evaluate } from "./probe.ts";
import { mean, standardError } from "./risk/spread.ts";
import type { FeatureSet } from "./types.ts";
import { checkFinite, checkPair, type Outline } from "./validate.ts";

export interface FewShotOptions extends Job, Pick<FeaturizeOptions, "dir" | "batchSize" | "threads" | "onError"> {
  /** Numbers of labels. Default 3, 5 and 30 images a class and "1%" of all, the paper's. */
  shots?: readonly Shots[];
  /** Each draws images, validation images and values of C anew. Default 0, 1, 2, 3, 4. */
  seeds?: readonly number[];
  /** Values of C that are tried: how many are drawn, see {@link drawC}, or the values themselves. Default 30. */
  candidates?: number | readonly number[];
  /** Training images to choose C on, balanced by class; fewer where there are not so many. Default: as many as test images. */
  nVal?: number;
  /**
   * Where they come from. "rest" (default): images that are no shots. "all": all training images, as in the paper's program,
   * so that some may be shots.
   */
  validation?: "rest" | "all";
  /** Folder that keeps what each draw gave: a rerun that was killed goes on with the first draw that is not there. */
  drawsDir?: string;
  /** Bytes that a fit may hold before it reads its features again and again, see `streamedLogistic`. Default 3 GiB. */
  memoryLimit?: number;
}

/** Errors with one number of labels. Lists are in the order of the seeds. */
export interface FewShotPoint {
  shots: Shots;
  /** Its name in the results table. */
  column: string;
  /** Labelled images in all. */
  images: number;
  /** Images that C was chosen on. */
  n_val: number;
  /** Mean over the seeds, percent. */
  error: number;
  /** Standard error of that mean; null for a single seed. */
  standard_error: number | null;
  /** Error on test of each seed, percent. */
  draws: number[];
  /** Chosen C of each seed. */
  C: number[];
  /** Error on the validation images at that C, percent. */
  validation: number[];
}

/** Few-shot errors and all that it takes to find them again. */
export interface FewShotReport {
  /** Mean errors in percent under the names of the results table: `train-nperclass-3_test`, ... */
  errors: Record<string, number>;
  points: FewShotPoint[];
  n_train: number;
  n_test: number;
  n_classes: number;
  z_dim: number;
  seeds: number[];
  /** How many values of C were tried for each. */
  candidates: number;
  validation: "rest" | "all";
}

/** What the paper measures: images a class, and a share of all. */
const PAPER_SHOTS: readonly Shots[] = [3, 5, 30, "1%"];

/**
 * Error of the paper's few-shot probe (Dubois, Hashimoto and Liang, "Evaluating Self-Supervised Learning via Risk
 * Decomposition", ICML 2023) by the number of labelled images: see {@link fitFewShot} for the probe. The paper draws once; here
 * each seed draws, and means and standard errors are over the seeds. The same seeds give the same numbers to the bit.
 * @param model the encoder; null when DTrain and DTest are features of it.
 * @param DTrain images that shots and validation images are drawn from, or features of them.
 * @param DTest images of the same classes, or features of them.
 * @throws HubError `DATA` before an image is read: shots below 1, a share that gives a class nothing, a class with too few
 *   images, classes that differ, one class only; and before any fit: numbers that are not finite. TypeError for a wrong
 *   option.
 */
export async function fewShot(
  model: Encoder | null,
  DTrain: Input,
  DTest: Input,
  options: FewShotOptions = {},
): Promise<FewShotReport> {
  const plan = planOf(options);
  needEncoder("fewShot", model, { train: DTrain, test: DTest });
  checkDraws(plan, outline(DTrain), outline(DTest));
  const train = await featuresOf(model, DTrain, options);
  const test = await featuresOf(model, DTest, options);
  // Once more: images that did not decode have no row.
  const draws = checkDraws(plan, train, test);
  for (const [name, set] of Object.entries({ train, test })) await checkFinite({ name, set }, options);
  const points = await fitAll(plan, draws, { train, test }, options);
  return {
    errors: Object.fromEntries(points.map(({ column, error }) => [column, error])),
    points,
    n_train: train.n,
    n_test: test.n,
    n_classes: new Set(train.labels).size,
    z_dim: train.dim,
    seeds: plan.seeds,
    candidates: plan.candidates(plan.seeds[0]!).length,
    validation: plan.validation,
  };
}

/** The options with their defaults, checked. */
interface Plan {
  shots: Shots[];
  seeds: number[];
  candidates(seed: number): readonly number[];
  nVal: number | undefined;
  validation: "rest" | "all";
}

function planOf(options: FewShotOptions): Plan {
  const { shots = PAPER_SHOTS, seeds = [0, 1, 2, 3, 4], candidates = 30, nVal, validation = "rest" } = options;
  const wrong = (found: string) => new TypeError(`fewShot: ${found}`);
  if (shots.length === 0) throw wrong("shots is empty");
  for (const setting of shots) checkShots(setting);
  if (seeds.length === 0 || !seeds.every((seed) => Number.isInteger(seed))) {
    throw wrong(`seeds must be whole numbers, one at least, not [${seeds.join(", ")}]`);
  }
  if (typeof candidates === "number" ? !(Number.isInteger(candidates) && candidates >= 1) : !isListOfC(candidates)) {
    throw wrong(`candidates must be a whole number >= 1, or values of C above 0, not ${String(candidates)}`);
  }
  if (nVal !== undefined && !(Number.isInteger(nVal) && nVal >= 1))
    throw wrong(`nVal must be a whole number >= 1, not ${nVal}`);
  if (validation !== "rest" && validation !== "all") throw wrong(`validation must be "rest" or "all", not "${String(validation)}"`); // biome-ignore format: one line
  return {
    shots: [...new Map(shots.map((setting) => [columnOf(setting), setting])).values()],
    seeds: [...new Set(seeds)],
    candidates: (seed) => (typeof candidates === "number" ? drawC(candidates, seed) : candidates),
    nVal,
    validation,
  };
}

function isListOfC(values: readonly number[]): boolean {
  return values.length > 0 && values.every((C) => C > 0 && C < Infinity);
}

/** The rows of each number of shots and seed. */
function checkDraws({ shots, seeds, nVal, validation }: Plan, train: Outline, test: Outline): FewShotRows[][] {
  checkPair({ name: "train", set: train }, { name: "test", set: test });
  return shots.map((setting) =>
    seeds.map((seed) => drawFewShot(train, { shots: setting, seed, nVal: nVal ?? test.n, validation })),
  );
}

async function fitAll(
  plan: Plan,
  rows: readonly FewShotRows[][],
  sets: { train: FeatureSet; test: FeatureSet },
  options: FewShotOptions,
): Promise<FewShotPoint[]> {
  const { shots, seeds, candidates } = plan;
  const { drawsDir, signal, onProgress } = options;
  const keyOf = drawsDir === undefined ? undefined : await drawKeys(plan, sets);
  const total = shots.length * seeds.length;
  const points: FewShotPoint[] = [];
  for (const [s, setting] of shots.entries()) {
    const draws: Draw[] = [];
    for (const [i, seed] of seeds.entries()) {
      const C = candidates(seed);
      const before = (s * seeds.length + i) * C.length;
      const tell = (done: number) =>
        onProgress?.({ stage: "fit", name: "few-shot", done: before + done, total: total * C.length, unit: "steps" });
      const onFit: Job["onProgress"] = (event) => event.stage === "fit" && tell(event.done);
      const make = () => drawOnce(sets, rows[s]![i]!, C, { ...options, onProgress: onFit });
      if (keyOf === undefined) draws.push(await make());
      else {
        draws.push(await keptDraw(drawsDir!, keyOf(setting, seed), make, { signal, onProgress }));
        tell(C.length);
      }
    }
    const errors = draws.map(({ error }) => error);
    points.push({
      shots: setting,
      column: columnOf(setting),
      images: rows[s]![0]!.shots.length,
      n_val: rows[s]![0]!.validation.length,
      error: mean(errors),
      standard_error: standardError(errors),
      draws: errors,
      C: draws.map(({ C }) => C),
      validation: draws.map(({ validation }) => validation),
    });
  }
  return points;
}

async function drawOnce(
  { train, test }: { train: FeatureSet; test: FeatureSet },
  { shots, validation }: FewShotRows,
  C: readonly number[],
  { memoryLimit, signal, onProgress }: FewShotOptions,
): Promise<Draw> {
  const fit = await fitFewShot(train.subset(shots), train.subset(validation), { C, memoryLimit, signal, onProgress });
  const { error } = await evaluate(fit, test, { signal });
  const least = Math.min(...fit.candidates.map(({ validation_errors }) => validation_errors));
  return { error, C: fit.C, validation: (100 * least) / validation.length };
}

/** For each draw 16 hex digits that stand for all it depends on. */
async function drawKeys({ candidates, nVal, validation }: Plan, { train, test }: Record<"train" | "test", FeatureSet>) {
  const sets = await taskKey([train, test], { nVal: nVal ?? test.n, validation });
  return (shots: Shots, seed: number) =>
    sha256(`${sets}${canonicalJson({ shots, seed, C: candidates(seed) })}`).slice(0, 16);
}
