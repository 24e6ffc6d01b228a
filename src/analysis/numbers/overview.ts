import { loadHistory } from "../history.ts";
import { describe, mean, std } from "../statistics/describe.ts";
import { BUDGETS, COMPONENTS, ERRORS, groupBy, num, type Row, type Study, values } from "../study.ts";
import type { Numbers } from "./numbers.ts";

const AGG = BUDGETS.full;

/** What is in the table: counts, distributions, clipping, shares of the risk. */
export function overview({ all, complete, in1k, metrics }: Study): Numbers {
  const per = (f: (column: string) => unknown, columns: readonly string[] = ERRORS) =>
    Object.fromEntries(columns.map((column) => [column, f(column)]));
  const missing = (column: string) => all.filter((row) => num(row, column) === null).length;
  const zeros = (column: string) => values(all, column).filter((value) => value === 0).length;
  const dino = all.find(({ name }) => name === "dino_rn50");
  return {
    "counts.models": all.length,
    "counts.objectives": groupBy(all, "objective").length,
    "counts.architectures": new Set(all.map((row) => `${row.architecture}_${row.patch_size}`)).size,
    "counts.nan_by_column": per(missing),
    "counts.complete_components": complete.length,
    "counts.rows_per_year_in1k": countBy(in1k, "year"),
    "counts.rows_per_year": countBy(all, "year"),
    ...Object.fromEntries(
      ["ssl_mode", "family", "nviews", "epochs", "objective", "optimizer", "pretraining_data"].map((column) => [
        `counts.${column}`,
        countBy(all, column),
      ]),
    ),
    "counts.zero_valued": per(zeros, COMPONENTS),
    ...clipping(complete),
    ...Object.fromEntries(ERRORS.map((column) => [`describe.${column}`, describe(values(all, column))])),
    "std_to_explain.rmse_sd": {
      ...per((column) => std(values(complete, column)), COMPONENTS),
      agg_risk: std(values(complete, AGG)),
    },
    "std_to_explain.all_rows": {
      ...per((column) => std(values(all, column)), COMPONENTS),
      agg_risk: std(values(all, AGG)),
      [BUDGETS.shot3]: std(values(all, BUDGETS.shot3)),
    },
    "means.components_and_metrics": per((column) => mean(values(all, column))),
    ...shares(complete),
    monotone_budget_violations: metrics.filter(outOfOrder).length,
    ...(dino === undefined ? {} : { "row.dino_rn50": per((column) => num(dino, column)) }),
    ...raw(all),
  };
}

export const countBy = (rows: readonly Row[], column: string): Record<string, number> =>
  Object.fromEntries(groupBy(rows, column).map(([value, group]) => [value, group.length]));

const sumOf = (row: Row): number => COMPONENTS.reduce((sum, column) => sum + num(row, column)!, 0);

/** Components that were cut at zero no longer sum to the aggregate risk. */
function clipping(complete: readonly Row[]): Numbers {
  const gaps = complete.map((row) => ({ name: row.name, gap: Math.abs(sumOf(row) - num(row, AGG)!) }));
  const most = gaps.reduce((a, b) => (b.gap > a.gap ? b : a));
  return {
    "clip.rows_sum_mismatch": gaps.filter(({ gap }) => gap > 1e-6).map(({ name }) => name),
    "clip.max_gap": most.gap,
    "clip.max_gap_model": most.name,
  };
}

function shares(complete: readonly Row[]): Numbers {
  const largest: Record<string, number> = {};
  for (const row of complete) {
    const top = COMPONENTS.reduce((a, b) => (num(row, b)! > num(row, a)! ? b : a));
    largest[top] = (largest[top] ?? 0) + 1;
  }
  const total = mean(complete.map(sumOf));
  return {
    "share_of_risk.complete_rows": Object.fromEntries(
      COMPONENTS.map((column) => [column, mean(values(complete, column)) / total]),
    ),
    "share_of_risk.largest_component_counts": largest,
  };
}

/** More labels should never hurt: full < 30 shots < 1 % < 5 shots < 3 shots. */
function outOfOrder(row: Row): boolean {
  const errors = Object.values(BUDGETS).map((column) => num(row, column)!);
  return errors.some((error, i) => i > 0 && error <= errors[i - 1]!);
}

/** Unclipped risks from the history of the paper's repository. */
function raw(all: readonly Row[]): Numbers {
  const history = loadHistory();
  const rows = all.filter(({ name }) => name in history.rows);
  const column = (i: 0 | 1 | 2) => Object.fromEntries(rows.map(({ name }) => [name, history.rows[name]![i]]));
  const unclipped = rows.flatMap(({ name }) => {
    const [train, supervised] = history.rows[name]!;
    return train === null || supervised === null ? [] : [[name, train - supervised] as const];
  });
  const fromTable = rows.map((row) => num(row, AGG)! - num(row, "enc_gen")! - num(row, "probe_gen")!);
  const errors = rows.map((row, i) => ({
    name: row.name,
    error: Math.abs(history.rows[row.name]![0]! - fromTable[i]!),
  }));
  const most = errors.reduce((a, b) => (b.error > a.error ? b : a), { name: "", error: Number.NEGATIVE_INFINITY });
  const encGen = rows.map((row) => num(row, AGG)! - num(row, "probe_gen")! - history.rows[row.name]![0]!);
  return {
    "raw.train_train": column(0),
    "raw.sup_train_train": column(1),
    "raw.sup_train_test": column(2),
    "raw.unclipped_usability": Object.fromEntries(unclipped),
    "raw.unclipped_enc_gen_negative": Object.fromEntries(
      rows.flatMap((row, i) => (encGen[i]! < -1e-9 ? [[row.name, encGen[i]]] : [])),
    ),
    "raw.train_train_from_csv_max_error": most.error,
    "raw.train_train_from_csv_max_error_model": most.name,
  };
}
