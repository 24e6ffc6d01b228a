import type { RiskComponents } from "../types.ts";
import { componentsOf, onGrid, type Risks } from "./components.ts";

/** Counts `[k][k]`: row the class, column the prediction. */
export type Confusion = number[][];

/** The confusion behind each risk; that of `cs` is summed over the repeats. */
export type Confusions = { [R in keyof Risks]: Confusion | null };

/** Components of one class in percent; null where there are no rows to tell. They sum to its `agg_risk` to the bit. */
export type ClassRisk = { [C in keyof RiskComponents]: number | null } & {
  class: string;
  n_train: number;
  n_test: number;
  /** Classes that its test images are taken for, most frequent first, with their share of the class in percent; three at most. */
  taken_for: { class: string; percent: number }[];
};

export function confusionOf(labels: Int32Array, predictions: Int32Array, k: number): Confusion {
  const counts = Array.from({ length: k }, () => new Array<number>(k).fill(0));
  for (let i = 0; i < labels.length; i++) counts[labels[i]!]![predictions[i]!]!++;
  return counts;
}

export function addConfusions(all: readonly Confusion[]): Confusion {
  return all.reduce((sum, one) => sum.map((row, c) => row.map((count, p) => count + one[c]![p]!)));
}

/** Components of each class, from the same differences as those of all. */
export function classRisks(classes: readonly string[], confusions: Confusions): ClassRisk[] {
  return classes.map((name, c) => {
    const risk = (confusion: Confusion | null) => (confusion === null ? null : wrongShare(confusion[c]!, c));
    const { sup_train_train, train_train, cs, train_test } = confusions;
    const risks = {
      sup_train_train: risk(sup_train_train),
      train_train: risk(train_train) ?? Number.NaN,
      cs: risk(cs) ?? Number.NaN,
      train_test: risk(train_test) ?? Number.NaN,
      union_test: null,
    };
    const components = Object.entries(componentsOf(risks)).map(
      ([field, value]) => [field, value === null || Number.isNaN(value) ? null : value] as const,
    );
    return {
      class: name,
      n_train: total(train_train![c]!),
      n_test: total(train_test![c]!),
      ...(Object.fromEntries(components) as { [C in keyof RiskComponents]: number | null }),
      taken_for: takenFor(train_test![c]!, c, classes),
    };
  });
}

function takenFor(row: readonly number[], own: number, classes: readonly string[]): ClassRisk["taken_for"] {
  return row
    .map((count, p) => ({ count, class: classes[p]!, p }))
    .filter(({ count, p }) => count > 0 && p !== own)
    .sort((a, b) => b.count - a.count || a.p - b.p)
    .slice(0, 3)
    .map(({ count, class: other }) => ({ class: other, percent: (100 * count) / total(row) }));
}

function wrongShare(row: readonly number[], own: number): number | null {
  const rows = total(row);
  return rows === 0 ? null : onGrid((100 * (rows - row[own]!)) / rows);
}

const total = (row: readonly number[]) => row.reduce((sum, count) => sum + count, 0);
