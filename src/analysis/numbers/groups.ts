import { loadHistory } from "../history.ts";
import { correlate } from "../statistics/correlation.ts";
import { describe, mean, std } from "../statistics/describe.ts";
import { studentTwoSided } from "../statistics/distributions.ts";
import { BUDGETS, ERRORS, groupBy, num, type Row, type Study, values } from "../study.ts";
import { meanParts } from "./models.ts";
import type { Numbers } from "./numbers.ts";

const meanErrors = (rows: readonly Row[]) =>
  Object.fromEntries(ERRORS.map((column) => [column, mean(values(rows, column))]));

/** Means by kind of objective, architecture, views and augmentations. */
export function groups({ all, in1k }: Study): Numbers {
  const modes = groupBy(all, "ssl_mode");
  const areas = (rows: readonly Row[], column: string, least: number) =>
    groupBy(rows, column)
      .filter(([, group]) => group.length >= least)
      .map(([value, group]) => [`area.${column}.${value}`, { n: group.length, ...meanParts(group) }]);
  return {
    ...Object.fromEntries(
      modes.map(([mode, rows]) => [`mode_usability.${mode}`, withError(values(rows, "usability"))]),
    ),
    ...Object.fromEntries(modes.map(([mode, rows]) => [`mode_means.${mode}`, meanErrors(rows)])),
    ...Object.fromEntries(groupBy(all, "family").map(([family, rows]) => [`family_means.${family}`, meanErrors(rows)])),
    ...Object.fromEntries(areas(in1k, "n_augmentations", 3)),
    ...Object.fromEntries(areas(all, "nviews", 5)),
    ...augmentations(all, in1k),
  };
}

export function withError(x: readonly number[]): { count: number; mean: number; std: number; sem: number } {
  return { count: x.length, mean: mean(x), std: std(x), sem: std(x) / Math.sqrt(x.length) };
}

function augmentations(all: readonly Row[], in1k: readonly Row[]): Numbers {
  const flags = Object.keys(all[0] ?? {}).filter(
    (column) => column.startsWith("is_aug_") && column !== "is_aug_invariant",
  );
  const counts = flags.map((flag) => [flag, all.filter((row) => num(row, flag) === 1).length]);
  const split = flags.flatMap((flag) => {
    const groups = groupBy(in1k, flag).map(([value, rows]) => [value, mean(values(rows, "usability"))]);
    return groups.length < 2 ? [] : [[`augmentation.mean_usability.${flag}`, Object.fromEntries(groups)]];
  });
  return { "augmentation.counts": Object.fromEntries(counts), ...Object.fromEntries(split) };
}

/** The accuracy that authors publish: budget -> column, in percent. */
const OFFICIAL = {
  full: "top1acc_in1k_official",
  pct1: "top1acc_in1k-1%_official",
  shot5: "top1acc_in1k-c5_official",
} as const;

/** Error here less error published, in percent, of the models whose authors publish one. */
export function officialDifferences(
  all: readonly Row[],
  budget: keyof typeof OFFICIAL,
): { name: string; difference: number }[] {
  return all.flatMap((row) => {
    const [error, accuracy] = [num(row, BUDGETS[budget]), num(row, OFFICIAL[budget])];
    return error === null || accuracy === null ? [] : [{ name: row.name, difference: error - (100 - accuracy) }];
  });
}

export function official({ all }: Study): Numbers {
  const budgets = Object.keys(OFFICIAL) as (keyof typeof OFFICIAL)[];
  const differences = budgets.map((budget) => [budget, officialDifferences(all, budget)] as const);
  const of = (budget: string, name: string) =>
    differences.find(([b]) => b === budget)![1].find((row) => row.name === name)?.difference ?? null;
  const full = differences[0]![1];
  const over3 = all.filter(({ name }) => budgets.some((budget) => Math.abs(of(budget, name) ?? 0) > 3));
  return {
    ...Object.fromEntries(
      differences.flatMap(([budget, rows]) => {
        const x = rows.map(({ difference }) => difference);
        return [
          [`official.describe.${budget}`, describe(x)],
          [`official.ttest.${budget}`, pairedT(x)],
        ];
      }),
    ),
    "official.all_full": Object.fromEntries(full.map(({ name, difference }) => [name, difference])),
    "official.over5": Object.fromEntries(
      full.filter(({ difference }) => Math.abs(difference) > 5).map(({ name, difference }) => [name, difference]),
    ),
    "official.over3": Object.fromEntries(
      over3.map(({ name }) => [name, Object.fromEntries(budgets.map((budget) => [budget, of(budget, name)]))]),
    ),
    "official.mean_abs_full": mean(full.map(({ difference }) => Math.abs(difference))),
    "official.corr": correlate(
      all.map((row) => num(row, BUDGETS.full)),
      all.map((row) => {
        const accuracy = num(row, OFFICIAL.full);
        return accuracy === null ? null : 100 - accuracy;
      }),
    ),
  };
}

function pairedT(x: readonly number[]): { t: number; p: number; df: number } {
  const t = mean(x) / (std(x) / Math.sqrt(x.length));
  return { t, p: studentTwoSided(t, x.length - 1), df: x.length - 1 };
}

/** Default and alternative decomposition (the paper's appendix on the union of training sets), from raw errors. */
export function alternatives(): Numbers {
  const { alternative, random_init, boosted_trees_cv_rmse } = loadHistory();
  const entries = Object.entries(alternative).map(([name, raw]) => [
    `altdec.${name}`,
    {
      default: { enc_gen: raw.train_test - raw.cmpl_sub, probe_gen: raw.cmpl_sub - raw.train_train },
      alternative: { enc_gen: raw.union_test - raw.train_train, probe_gen: raw.train_test - raw.union_test },
      raw,
    },
  ]);
  const trees = Object.entries(boosted_trees_cv_rmse).map(([set, rmse]) => [`xgb.cv_rmse.${set}`, rmse]);
  return { ...Object.fromEntries(entries), "init.points": random_init, ...Object.fromEntries(trees) };
}
