import type { Job } from "../../core/events.ts";
import { withLease } from "../../core/lease.ts";
import { rng } from "../../core/rng.ts";
import { readKept, taskKey, writeKept } from "../kept.ts";
import { presentClasses } from "../present-classes.ts";
import { fitAndEvaluate } from "../probe.ts";
import { dataSplit } from "../split.ts";
import type { FeatureSet, FitOptions, Probe } from "../types.ts";
import { checkFinite, checkPair } from "../validate.ts";
import { suggest } from "./parzen.ts";
import { checkParameters, checkSpace, drawUniform, type Parameters } from "./space.ts";
import { keptTrials, type Trial } from "./trials.ts";
import { TUNABLE, type Tunable } from "./tunable.ts";

export interface TuneOptions {
  /** What is tuned: a probe with a name, or one of your own with its search space. Default "sgd". */
  probe?: keyof typeof TUNABLE | Tunable;
  /** Fits of the search, recipes included. Default 30, as the paper. */
  trials?: number;
  /** "tpe" (default): a tree-structured Parzen estimator, as the paper; "random": each hyper-parameter by itself. */
  sampler?: "tpe" | "random";
  /** Trials before "tpe" learns from them, recipes included. Default 20, as the paper. */
  startup?: number;
  /**
   * Rows that are fitted and validated on. "held-out" (default): four fifths of the rows, and the last fifth. "paper": rows
   * of a fifth of the classes; half of them are fitted on, and validated is on the same half for a training error, on the
   * test rows for the error on them, else on the other half. So the paper's numbers were made, with test rows in the search.
   */
  protocol?: "held-out" | "paper";
  /** Folder that keeps the trials: a search that was killed goes on where it was. By default nothing is kept. */
  dir?: string;
}

/** What a search found. */
export interface Tuning {
  /** That of the least validation error; the first of equals. */
  best: Trial;
  /** In the order of the search. */
  trials: Trial[];
  /** With the hyper-parameters of `best`. */
  probe: Probe;
}

/** Share of the rows that "held-out" validates on, and shares of "paper". */
const HELD_OUT = 0.2;
const PAPER = { classes: 0.2, rows: 0.5 };

/**
 * Searches the hyper-parameters of a probe: its recipes first, then draws. The same seed gives the same trials to the bit
 * on the same engine, killed in between or not.
 * @param options.validation rows to validate on in place of a part of `train`, all of which is then fitted on.
 * @param options.seed of every draw and fit. Default 123.
 * @throws HubError `DATA` when the rows do not suffice, a feature is not finite, or `dir` holds trials that cannot be used;
 *   TypeError for a search space or a number that makes no sense.
 */
export async function tuneProbe(
  train: FeatureSet,
  options: TuneOptions & { validation?: FeatureSet; seed?: number } & Job = {},
): Promise<Tuning> {
  const { validation, seed = 123, signal, onProgress, ...rest } = options;
  const given = { train, ...(validation && { validation }) };
  for (const [name, set] of Object.entries(given)) await checkFinite({ name, set }, { signal });
  const sets = validation === undefined ? searchSets(train, rest.protocol, { seed }) : { fit: train, validation };
  return search(sets, rest, { seed, signal, onProgress });
}

/**
 * A probe that is tuned on the rows it is fitted on, at each fit anew, and then fitted on all of them with what was best. Within
 * `computeRiskComponents` each risk has its own search, as in the paper.
 * @throws TypeError as {@link tuneProbe}.
 */
export function tuned(options: TuneOptions = {}): Probe {
  const { tunable } = checked(options);
  return {
    name: `tuned ${tunable.name}`,
    perRisk: options.protocol === "paper",
    async fit(train, job) {
      const { best, probe, trials } = await search(searchSets(train, options.protocol, job), options, job);
      const fitted = await probe.fit(train, job);
      const { parameters, error } = best;
      // No copy of it: a probe of the caller's may be an object of a class.
      return {
        predict: (set, later) => fitted.predict(set, later),
        ...(fitted.probabilities && { probabilities: (set, later) => fitted.probabilities!(set, later) }),
        report: { ...fitted.report, tuning: { parameters, error, trials: trials.length } },
        dispose: () => fitted.dispose(),
      };
    },
  };
}

interface SearchSets {
  fit: FeatureSet;
  validation: FeatureSet;
}

function searchSets(
  train: FeatureSet,
  protocol: TuneOptions["protocol"] = "held-out",
  { seed, evaluated = { on: "held" } }: Pick<FitOptions, "seed" | "evaluated">,
): SearchSets {
  if (protocol !== "paper") {
    const { subset, complement } = dataSplit(train, share(train.n, HELD_OUT), seed);
    return { fit: complement, validation: subset };
  }
  const { present } = presentClasses(train.labels);
  const order = rng(seed, "tuned classes").permutation(present.length);
  const kept = new Set(Array.from(order.subarray(0, share(present.length, PAPER.classes, 2)), (c) => present[c]!));
  const few = ofClasses(train, kept);
  const { subset: fit, complement } = dataSplit(few, share(few.n, PAPER.rows), seed);
  if (evaluated.on === "test") return { fit, validation: ofClasses(evaluated.test, kept) };
  return { fit, validation: evaluated.on === "train" ? fit : complement };
}

const share = (n: number, part: number, least = 1) => Math.max(least, Math.round(part * n));

const ofClasses = (set: FeatureSet, kept: ReadonlySet<number>) =>
  set.subset(Int32Array.from(set.labels.keys()).filter((row) => kept.has(set.labels[row]!)));

/** One point of the search: a recipe's, or a draw that depends on the trials before it alone. */
interface Next {
  recipe: string | null;
  parameters: Parameters;
}

async function search(sets: SearchSets, options: TuneOptions, job: FitOptions): Promise<Tuning> {
  const { tunable, trials: total, sampler, startup } = checked(options);
  const { space, recipes = {}, name, make } = tunable;
  const { seed, signal, onProgress } = job;
  checkPair({ name: "the rows to fit on", set: sets.fit }, { name: "the rows to validate on", set: sets.validation });
  const first: Next[] = Object.entries(recipes).map(([recipe, parameters]) => ({ recipe, parameters }));
  const draw = (done: readonly Trial[]): Next => {
    const source = rng(seed, `trial ${done.length}`);
    const learns = sampler === "tpe" && done.length >= Math.max(1, startup);
    return { recipe: null, parameters: learns ? suggest(space, done, source) : drawUniform(space, source) };
  };
  const tell = (done: number) => onProgress?.({ stage: "fit", name: `tune ${name}`, done, total, unit: "steps" });
  const goOn: GoOn = async (done, keep) => {
    for (tell(done.length); done.length < total; tell(done.length)) {
      signal?.throwIfAborted();
      const next = first[done.length] ?? draw(done);
      const { error } = await fitAndEvaluate(make(next.parameters), sets.fit, sets.validation, { seed, signal });
      done.push({ trial: done.length, ...next, error });
      await keep?.(done);
    }
    return done;
  };
  const about = { name, space, recipes, sampler, startup, seed };
  const trials =
    options.dir === undefined ? await goOn([]) : await kept(sets, about, { dir: options.dir, total, goOn, job });
  const best = trials.reduce((a, b) => (b.error < a.error ? b : a));
  return { best, trials, probe: make(best.parameters) };
}

/** Adds what lacks to the trials that are done, each told to `keep`. */
type GoOn = (done: Trial[], keep?: (done: readonly Trial[]) => Promise<void>) => Promise<Trial[]>;

/** Trials that are kept in a file. Of several processes with one search one works. */
async function kept(
  { fit, validation }: SearchSets,
  about: object,
  { dir, total, goOn, job }: { dir: string; total: number; goOn: GoOn; job: Job },
): Promise<Trial[]> {
  const key = await taskKey([fit, validation], about);
  const file = keptTrials(dir, key);
  const found = async () => {
    const trials = (await readKept(file)) ?? [];
    return trials.length >= total ? trials.slice(0, total) : undefined;
  };
  const { signal, onProgress } = job;
  return withLease(file.path, { lockDir: dir, name: `tune ${key}`, signal, onProgress }, found, async () =>
    goOn((await readKept(file)) ?? [], (trials) => writeKept(file, { trials })),
  );
}

function checked(options: TuneOptions) {
  const { probe = "sgd", trials = 30, sampler = "tpe", startup = 20, protocol = "held-out" } = options;
  const wrong = (found: string) => new TypeError(`tuneProbe: ${found}`);
  if (typeof probe === "string" && !Object.hasOwn(TUNABLE, probe))
    throw wrong(`there is nothing to tune "${probe}" by; choose ${Object.keys(TUNABLE).join(", ")}, or give a Tunable`);
  const tunable: Tunable = typeof probe === "string" ? TUNABLE[probe] : probe;
  if (!Number.isInteger(trials) || trials < 1) throw wrong(`trials must be a whole number >= 1, not ${trials}`);
  if (!Number.isInteger(startup) || startup < 0) throw wrong(`startup must be a whole number, not ${startup}`);
  if (sampler !== "tpe" && sampler !== "random") throw wrong(`sampler must be "tpe" or "random", not "${sampler}"`);
  if (protocol !== "held-out" && protocol !== "paper")
    throw wrong(`protocol must be "held-out" or "paper", not "${protocol}"`);
  checkSpace(tunable.space);
  for (const [name, parameters] of Object.entries(tunable.recipes ?? {}))
    checkParameters(tunable.space, parameters, name);
  return { tunable, trials, sampler, startup };
}
