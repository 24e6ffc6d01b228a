import { rng } from "../../core/rng.ts";
import type { RiskComponents } from "../types.ts";
import { componentsOf, type Risks, unionComponentsOf } from "./components.ts";

/** Which rows each probe got wrong (1) and right (0). */
export interface Outcomes {
  sup: Uint8Array | null;
  train: Uint8Array;
  /** For each repeat: rows of train, and what the probe of the others did on them. */
  subsets: { rows: Int32Array; wrong: Uint8Array }[];
  test: Uint8Array;
  union: Uint8Array | null;
}

export type Interval = [low: number, high: number];
type Names = keyof Risks | Exclude<keyof RiskComponents, "agg_risk">;

/** Percentile intervals, in percent; null where there is no such risk. */
export interface BootstrapIntervals extends Record<Names | "agg_risk", Interval | null> {
  /** Of the components along the alternative path. */
  alternative: Record<"probe_gen" | "enc_gen", Interval> | null;
  samples: number;
  level: number;
}

/**
 * Bootstrap over the rows that the errors are taken on: train rows and test rows are drawn with replacement, and every error
 * is taken again on what was drawn; errors on the same training rows move together. The probes are not fitted again, so this is
 * the chance in the evaluation data alone; `repeats` shows that of the subset.
 * @param o.level share of the samples within the interval, 0.95 for 95 %.
 */
export async function bootstrapIntervals(
  outcomes: Outcomes,
  o: { samples: number; level: number; seed: number; signal?: AbortSignal },
): Promise<BootstrapIntervals> {
  const draw = rng(o.seed, "bootstrap");
  const drawn: Record<string, number[]> = {};
  const keep = (values: object, prefix = "") => {
    for (const [name, value] of Object.entries(values)) {
      if (value === null) continue;
      drawn[prefix + name] ??= [];
      drawn[prefix + name]!.push(value);
    }
  };
  for (let sample = 0; sample < o.samples; sample++) {
    o.signal?.throwIfAborted();
    const risks = resampled(outcomes, (n) => {
      const times = new Uint32Array(n);
      for (let i = 0; i < n; i++) times[draw.integer(n)]!++;
      return times;
    });
    keep(risks);
    keep(componentsOf(risks));
    if (risks.union_test !== null) keep(unionComponentsOf(risks), "alternative.");
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  const interval = (name: string): Interval | null => (drawn[name] === undefined ? null : middle(drawn[name], o.level));
  const names = ["sup_train_train", "train_train", "cs", "train_test", "union_test"] as const;
  const components = ["approx", "usability", "probe_gen", "enc_gen", "agg_risk"] as const;
  const all = Object.fromEntries([...names, ...components].map((name) => [name, interval(name)]));
  const [probe_gen, enc_gen] = [interval("alternative.probe_gen"), interval("alternative.enc_gen")];
  return {
    ...(all as Record<Names | "agg_risk", Interval | null>),
    alternative: probe_gen === null ? null : { probe_gen, enc_gen: enc_gen! },
    samples: o.samples,
    level: o.level,
  };
}

function resampled({ sup, train, subsets, test, union }: Outcomes, draw: (n: number) => Uint32Array): Risks {
  const trainTimes = draw(train.length);
  const testTimes = draw(test.length);
  const cs = subsets.map(({ rows, wrong }) => share(wrong, (i) => trainTimes[rows[i]!]!));
  return {
    train_train: share(train, (i) => trainTimes[i]!),
    cs: mean(cs),
    train_test: share(test, (i) => testTimes[i]!),
    union_test: union && share(union, (i) => testTimes[i]!),
    sup_train_train: sup && share(sup, timesOf(sup.length === train.length ? trainTimes : draw(sup.length))),
  };
}

const timesOf = (times: Uint32Array) => (i: number) => times[i]!;

/** Percent wrong when row i counts `times(i)` times; of all rows once when none was drawn. */
function share(wrong: Uint8Array, times: (i: number) => number): number {
  let [errors, rows] = [0, 0];
  for (let i = 0; i < wrong.length; i++) {
    rows += times(i);
    errors += times(i) * wrong[i]!;
  }
  return rows > 0 ? (100 * errors) / rows : share(wrong, () => 1);
}

/** Ends of the middle `level` of the values, between neighbours by linear interpolation. */
function middle(values: readonly number[], level: number): Interval {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const low = Math.floor(place);
    const next = sorted[Math.min(low + 1, sorted.length - 1)]!;
    return sorted[low]! + (place - low) * (next - sorted[low]!);
  };
  return [at((1 - level) / 2), at((1 + level) / 2)];
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Standard error of the mean; null for a single value. */
export function standardError(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1) / values.length);
}
