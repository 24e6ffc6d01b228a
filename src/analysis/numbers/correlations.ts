import { type Correlation, correlate, kendallTau } from "../statistics/correlation.ts";
import { leastSquares } from "../statistics/least-squares.ts";
import { BUDGETS, COMPONENTS, num, type Row, type Study } from "../study.ts";
import { bestShareOfYear, rankChanges } from "./models.ts";
import type { Numbers } from "./numbers.ts";

const between = (rows: readonly Row[], a: string, b: string): Correlation =>
  correlate(
    rows.map((row) => num(row, a)),
    rows.map((row) => num(row, b)),
  );

const pairs = <T>(list: readonly T[]): [T, T][] => list.flatMap((a, i) => list.slice(i + 1).map((b): [T, T] => [a, b]));

export function correlations(study: Study): Numbers {
  const { all, complete, metrics } = study;
  const budgets = Object.entries(BUDGETS);
  const changes = rankChanges(metrics);
  const tau = kendallTau(changes.map(({ full }) => full), changes.map(({ shot3 }) => shot3)); // biome-ignore format: one line
  const gap = (column: string) => complete.map((row) => {
    const error = num(row, column);
    return error === null ? null : error - num(row, BUDGETS.full)!;
  }); // biome-ignore format: a small function
  return {
    "rank.kendall_full_vs_3shot": tau,
    ...Object.fromEntries(pairs(budgets).map(([[a, x], [b, y]]) => [`rank.kendall.${a}.${b}`, between(all, x, y)])),
    ...Object.fromEntries(
      COMPONENTS.flatMap((part) =>
        budgets.map(([budget, column]) => [`corr.${part}.${budget}`, between(all, part, column)]),
      ),
    ),
    ...Object.fromEntries(
      ["usability", "probe_gen"].flatMap((part) =>
        budgets.slice(1).map(([budget, column]) => [
          `corr_delta.${part}.${budget}`,
          correlate(complete.map((row) => num(row, part)), gap(column)), // biome-ignore format: one line
        ]),
      ),
    ),
    ...tradeoffs(study),
    "confound.n_augmentations_year": between(all, "n_augmentations", "year"),
    "confound.nviews_year": between(all, "nviews", "year"),
    z_dim_vs_rank: between(all, "z_dim", "train_rank"),
    rank_vs_usability: correlate(all.map((row) => logOf(row, "train_rank")), all.map((row) => num(row, "usability"))), // biome-ignore format: one line
    ...statistics(study),
  };
}

export function logOf(row: Row, column: string): number | null {
  const value = num(row, column);
  return value === null || value <= 0 ? null : Math.log(value);
}

/** Years from which the paper draws the trade-off. */
const SINCE = 2019;

function tradeoffs({ all, in1k }: Study): Numbers {
  const q19 = bestShareOfYear(in1k, 0.19);
  const q15 = bestShareOfYear(in1k, 0.15)
    .filter(({ year }) => Number(year) >= SINCE)
    .map(({ year, rows }) => ({ year, names: rows.filter((row) => num(row, "approx") !== 0).map(({ name }) => name) }));
  const q20 = bestShareOfYear(in1k, 0.2).find(({ year }) => year === "2020");
  return {
    "tradeoff.threshold_q19": Object.fromEntries(q19.map(({ year, threshold }) => [year, threshold])),
    ...Object.fromEntries(
      q19
        .filter(({ year }) => Number(year) >= SINCE)
        .map(({ year, rows }) => [
          `tradeoff.q19.${year}`,
          Object.fromEntries(rows.map((row) => [row.name, [num(row, "usability"), num(row, "probe_gen")]])),
        ]),
    ),
    "tradeoff.q20.2020": q20?.rows.map(({ name }) => name) ?? [],
    ...Object.fromEntries(q15.map(({ year, names }) => [`tradeoff.q15.${year}`, names])),
    "tradeoff.q15.counts": Object.fromEntries(q15.map(({ year, names }) => [year, names.length])),
    "tradeoff.q15.models": q15.flatMap(({ names }) => names).sort(),
    "tradeoff.corr.in1k": between(in1k, "usability", "probe_gen"),
    "tradeoff.corr.all": between(all, "usability", "probe_gen"),
    ...Object.fromEntries(pairs(COMPONENTS).map(([a, b]) => [`tradeoff.pair.${a}.${b}`, between(all, a, b)])),
  };
}

/** Statistics of representations that the paper relates to the errors of ResNet-50s. */
export const STATISTICS = [
  "train_rank",
  "train_uniformity",
  "trainrealaug_alignment",
  "train_alignment",
  "train_nc1norm",
  "train_vars",
];

function statistics({ rn50 }: Study): Numbers {
  const outcomes = [BUDGETS.full, BUDGETS.shot3, "usability", "probe_gen"];
  const needed = ["train_rank", "train_uniformity", "trainrealaug_alignment", "train_alignment", BUDGETS.full];
  const rows = rn50.filter((row) => needed.every((column) => num(row, column) !== null));
  const regress = (terms: readonly string[]) => {
    const columns = new Map<string, number[]>([["Intercept", rows.map(() => 1)]]);
    for (const term of terms) {
      const name = term === "train_rank" ? "np.log(train_rank)" : term;
      columns.set(
        name,
        rows.map((row) => (term === "train_rank" ? logOf(row, term)! : num(row, term)!)),
      );
    }
    const {
      n,
      r2,
      terms: found,
    } = leastSquares(
      columns,
      rows.map((row) => num(row, BUDGETS.full)!),
    );
    const each = (key: "coef" | "p") =>
      Object.fromEntries(Object.entries(found).map(([name, c]) => [name, c.estimable === false ? null : c[key]]));
    return { n, r2, coef: each("coef"), p: each("p") };
  };
  return {
    "statistics.ols.full": regress(["train_rank", "train_uniformity", "trainrealaug_alignment"]),
    "statistics.ols.no_rank": regress(["train_uniformity", "trainrealaug_alignment"]),
    "statistics.ols.with_class_alignment": regress([
      "train_rank",
      "train_uniformity",
      "trainrealaug_alignment",
      "train_alignment",
    ]),
    ...Object.fromEntries(
      STATISTICS.flatMap((column) =>
        outcomes.map((outcome) => [`statistics.corr.${column}.${outcome}`, between(rn50, column, outcome)]),
      ),
    ),
  };
}
