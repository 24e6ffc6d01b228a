import { join } from "node:path";
import type { Job } from "../../core/events.ts";
import { withLease } from "../../core/lease.ts";
import { type Rng, rng } from "../../core/rng.ts";
import { presentClasses } from "../present-classes.ts";
import { dataSplit } from "../split.ts";
import type { FeatureSet, FitOptions, Probe } from "../types.ts";
import { checkPair } from "../validate.ts";
import { suggest } from "./parzen.ts";
import { checkParameters, checkSpace, drawUniform, type Parameters } from "./space.ts";
import { readTrials, searchKey, type Trial, writeTrials } from "./trials.ts";
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

const DEFAULTS = { trials: 30, sampler: "tpe", startup: 20, protocol: "held-out" } as const;
/** Share of the rows that "held-out" validates on, and shares of "paper". */
const HELD_OUT = 0.2;
const PAPER = { classes: 0.2, rows: 0.5 };

/**
 * Searches the hyper-parameters of a probe: its recipes first, then draws. The same seed gives the same trials to the bit
 * on the same engine, killed in between or not.
 * @param options.validation rows to validate on in place of a part of `train`, all of which is then fitted on.
 * @param options.seed of every draw and fit. Default 123.
 * @throws HubError `DATA` when the rows do not suffice, or `dir` holds trials that cannot be used; TypeError for a search
 *   space or a number that makes no sense.
 */
export async function tuneProbe(
  train: FeatureSet,
  options: TuneOptions & { validation?: FeatureSet; seed?: number } & Job = {},
): Promise<Tuning> {
  const { validation, seed = 123, ...rest } = options;
  const sets = validation === undefined ? searchSets(train, rest.protocol, { seed }) : { fit: train, validation };
  return search(sets, rest, { seed, ...rest });
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
      return { ...fitted, report: { ...fitted.report, tuning: { parameters, error, trials: trials.length } } };
    },
  };
}

interface SearchSets {
  fit: FeatureSet;
  validation: FeatureSet;
}

function searchSets(
  train: FeatureSet,
  protocol: TuneOptions["protocol"] = DEFAULTS.protocol,
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

async function search(sets: SearchSets, options: TuneOptions, { seed, ...job }: FitOptions): Promise<Tuning> {
  const { tunable, trials: total, sampler, startup } = checked(options);
  const { space, recipes = {}, name, make } = tunable;
  checkPair({ name: "the rows to fit on", set: sets.fit }, { name: "the rows to validate on", set: sets.validation });
  const first: Next[] = Object.entries(recipes).map(([recipe, parameters]) => ({ recipe, parameters }));
  const draw = (done: readonly Trial[]): Next => {
    const source: Rng = rng(seed, `trial ${done.length}`);
    const learns = sampler === "tpe" && done.length >= Math.max(1, startup);
    return { recipe: null, parameters: learns ? suggest(space, done, source) : drawUniform(space, source) };
  };
  const tell = (done: number) => job.onProgress?.({ stage: "fit", name: `tune ${name}`, done, total, unit: "steps" });
  const makeTrials = async (done: Trial[], keep: (done: readonly Trial[]) => Promise<void>) => {
    for (tell(done.length); done.length < total; tell(done.length)) {
      const next = first[done.length] ?? draw(done);
      const error = await validate(make(next.parameters), sets, { seed, signal: job.signal });
      done.push({ trial: done.length, ...next, error });
      await keep(done);
    }
    return done;
  };
  const trials =
    options.dir === undefined
      ? await makeTrials([], async () => {})
      : await kept(
          options.dir,
          await searchKey([sets.fit, sets.validation], { name, space, recipes, sampler, startup, seed }),
          {
            total,
            makeTrials,
            job,
          },
        );
  const best = trials.reduce((a, b) => (b.error < a.error ? b : a));
  return { best, trials, probe: make(best.parameters) };
}

/** Trials that are kept in a file. Of several processes with one search one works. */
async function kept(
  dir: string,
  key: string,
  o: {
    total: number;
    makeTrials: (done: Trial[], keep: (done: readonly Trial[]) => Promise<void>) => Promise<Trial[]>;
    job: Job;
  },
): Promise<Trial[]> {
  const path = join(dir, `tune-${key}.json`);
  const found = async () => {
    const trials = await readTrials(path, key);
    return trials.length >= o.total ? trials.slice(0, o.total) : undefined;
  };
  return (
    (await found()) ??
    withLease(path, { lockDir: dir, name: `tune ${key}`, ...o.job }, found, async () =>
      o.makeTrials(await readTrials(path, key), (done) => writeTrials(path, key, done)),
    )
  );
}

async function validate(probe: Probe, { fit, validation }: SearchSets, job: FitOptions): Promise<number> {
  job.signal?.throwIfAborted();
  const fitted = await probe.fit(fit, job);
  try {
    const predictions = await fitted.predict(validation, { signal: job.signal });
    const wrong = validation.labels.reduce((sum, label, i) => sum + Number(predictions[i] !== label), 0);
    return (100 * wrong) / validation.n;
  } finally {
    fitted.dispose();
  }
}

function checked(options: TuneOptions) {
  const { probe = "sgd", ...rest } = options;
  const { trials, sampler, startup, protocol } = { ...DEFAULTS, ...defined(rest) };
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

const defined = <T extends object>(options: T) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
