import { HubError, shortList } from "../core/errors.ts";
import type { Job } from "../core/events.ts";
import { blocksOf } from "./blocks.ts";
import type { FeatureSet } from "./types.ts";

/** What can be known of a set before its features are there; `dim` comes with them. */
export type Outline = Pick<FeatureSet, "n" | "classes" | "labels"> & { dim?: number };

/** A set and what to call it in an error: "train", "test". */
export interface Named<S extends Outline = Outline> {
  name: string;
  set: S;
}

/**
 * Refuses a pair that a probe cannot be fitted and evaluated on: no rows, labels out of range, one class only, other
 * classes or another feature length in `test`, a class of `test` that `train` lacks. Reads no feature.
 * @throws HubError `DATA`.
 */
export function checkPair(train: Named, test: Named): void {
  for (const part of [train, test]) checkLabels(part);
  if (train.set.dim !== undefined && test.set.dim !== undefined && train.set.dim !== test.set.dim) {
    const found = `${train.name} has ${train.set.dim} features in a row, ${test.name} has ${test.set.dim}`;
    throw dataFault(`${found}. Take both from one encoder.`, { dims: [train.set.dim, test.set.dim] });
  }
  checkClasses(train, test);
  const present = occurring(train.set);
  if (present.size < 2) {
    const only = [...present].map((label) => train.set.classes[label]!).join();
    throw dataFault(`${train.name} holds one class only (${only}). A probe needs two or more.`, { class: only });
  }
  refuseMissing(train, occurring(test.set), test.name);
}

/** Refuses sets whose class numbers do not mean the same. @throws HubError `DATA`. */
export function checkClasses(a: Named, b: Named): void {
  if (a.set.classes.length === b.set.classes.length && a.set.classes.every((name, i) => name === b.set.classes[i]))
    return;
  const alone = (one: Named, other: Named) => one.set.classes.filter((name) => !other.set.classes.includes(name));
  const differences = [[a, alone(a, b)] as const, [b, alone(b, a)] as const].flatMap(([{ name }, classes]) =>
    classes.length === 0 ? [] : [`only in ${name}: ${shortList(classes)}`],
  );
  const found = differences.length === 0 ? "their order differs" : differences.join("; ");
  throw dataFault(`the classes of ${a.name} and ${b.name} differ (${found}). Give both the same list of classes.`, {
    [a.name]: a.set.classes,
    [b.name]: b.set.classes,
  });
}

/** Refuses a part that lacks a class of the whole. @throws HubError `DATA`. */
export function checkPart(part: Named, whole: Named, advice: string): void {
  refuseMissing(part, occurring(whole.set), whole.name, advice);
}

/** Refuses the first feature that is not a finite number. Reads all rows, a block at a time. @throws HubError `DATA`. */
export async function checkFinite({ name, set }: Named<FeatureSet>, job: Pick<Job, "signal"> = {}): Promise<void> {
  for await (const { rows, start } of blocksOf(set, job)) {
    const at = rows.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) {
      const row = start + Math.trunc(at / set.dim);
      const found = `feature ${at % set.dim} of row ${row} of ${name} is ${rows[at]}`;
      throw dataFault(`${found}. Features must be finite numbers; featurize the data again.`, { row, set: name });
    }
  }
}

/** `DATA`: these features cannot be used for what was asked. */
export function dataFault(found: string, details: Record<string, unknown>): HubError {
  return new HubError("DATA", `Cannot fit the probe: ${found}`, { details });
}

function checkLabels({ name, set }: Named): void {
  if (set.n < 1) throw dataFault(`${name} has no rows. Give it images.`, { set: name });
  if (set.labels.length !== set.n) {
    throw dataFault(`${name} has ${set.n} rows but ${set.labels.length} labels. Give one label a row.`, { set: name });
  }
  const row = set.labels.findIndex((label) => label < 0 || label >= set.classes.length);
  if (row >= 0) {
    const found = `label ${set.labels[row]} of row ${row} of ${name} is not the number of a class`;
    throw dataFault(`${found} (0..${set.classes.length - 1}). Number the classes from 0.`, { row, set: name });
  }
}

function refuseMissing(part: Named, needed: Set<number>, whole: string, advice?: string): void {
  const there = occurring(part.set);
  const missing = [...needed].filter((label) => !there.has(label)).map((label) => part.set.classes[label]!);
  if (missing.length === 0) return;
  const found = `${part.name} has no row of ${missing.length} classes of ${whole}: ${shortList(missing)}`;
  throw dataFault(`${found}. ${advice ?? `Add some, or leave these classes out of ${whole}.`}`, { missing });
}

function occurring({ labels }: Outline): Set<number> {
  return new Set(labels);
}
