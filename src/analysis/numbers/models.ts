import { roundHalfEven } from "../../core/rounding.ts";
import { mean, quantile } from "../statistics/describe.ts";
import { BUDGETS, best, COMPONENTS, groupBy, num, type Row, type Study, values } from "../study.ts";
import type { Numbers } from "./numbers.ts";

const AGG = BUDGETS.full;
const AXES = ["agg_risk", ...COMPONENTS] as const;

/** The five models whose radars the paper shows. */
const SHOWN = [
  "clip_vitl14_px336",
  "swav_rn50w4",
  "dissl_resnet50_d4096_e100_m2",
  "msn_vitl16_ep600",
  "vicregl_convnexts_alpha075",
];

const axis = (row: Row, name: string): number => num(row, name === "agg_risk" ? AGG : name)!;

/**
 * Components of complete rows, scaled to 0..1 between the best and worst of the paper's and rounded to two decimals; a
 * reader's own row may lie outside.
 */
export function radarScaled(complete: readonly Row[]): { row: Row; scaled: Record<string, number> }[] {
  const ends = radarEnds(complete.filter((row) => row.own !== true));
  const scale = (row: Row, name: string) => {
    const [low, high] = [ends.min[name]!, ends.max[name]!];
    return roundHalfEven(((axis(row, name) - low) / (high - low)) * 100) / 100;
  };
  return byRisk(complete).map((row) => ({
    row,
    scaled: Object.fromEntries(AXES.map((name) => [name, scale(row, name)])),
  }));
}

function radarEnds(complete: readonly Row[]) {
  const end = (q: number) =>
    Object.fromEntries(AXES.map((name) => [name, quantile(complete.map((row) => axis(row, name)), q)])); // biome-ignore format: one line
  return { min: end(0), max: end(1) };
}

const byRisk = (rows: readonly Row[]): Row[] => [...rows].sort((a, b) => num(a, AGG)! - num(b, AGG)!);

export function radars({ complete }: Study): Numbers {
  const scaled = radarScaled(complete);
  const shown = scaled.filter(({ row }) => SHOWN.includes(row.name));
  const ends = radarEnds(complete);
  return {
    "radar.min": ends.min,
    "radar.max": ends.max,
    "radar.order": shown.map(({ row }) => row.name),
    "radar.scaled.mean_of_rounded": Object.fromEntries(
      AXES.map((name) => [name, mean(scaled.map((panel) => panel.scaled[name]!))]),
    ),
    ...Object.fromEntries(shown.map((panel) => [`radar.scaled.${panel.row.name}`, panel.scaled])),
    "radar.appendix_panels": scaled.length,
    "radar.appendix_first3": scaled.slice(0, 3).map(({ row }) => row.name),
    "radar.accuracy_table": Object.fromEntries(
      shown.map(({ row }) => [
        row.name,
        Object.fromEntries(Object.values(BUDGETS).map((column) => [column, 100 - num(row, column)!])),
      ]),
    ),
  };
}

/** The row of smallest error of each year with its components. */
export function bestPerYear(rows: readonly Row[]): { year: string; row: Row }[] {
  return groupBy(rows, "year").map(([year, group]) => ({ year, row: best(group, AGG)! }));
}

const parts = (row: Row) => Object.fromEntries(COMPONENTS.map((column) => [column, num(row, column)]));
const partsAndRisk = (row: Row) => ({ ...parts(row), agg_risk: num(row, AGG) });

export const meanParts = (rows: readonly Row[]) =>
  Object.fromEntries(COMPONENTS.map((column) => [column, mean(values(rows, column))]));

export function trends({ all, in1k }: Study): Numbers {
  const perYear = (rows: readonly Row[]) =>
    Object.fromEntries(bestPerYear(rows).map(({ year, row }) => [year, { model: row.name, ...partsAndRisk(row) }]));
  const yearly = bestPerYear(in1k);
  return {
    "trend.min.models": Object.fromEntries(yearly.map(({ year, row }) => [year, row.name])),
    ...Object.fromEntries(yearly.map(({ year, row }) => [`trend.min.${year}`, partsAndRisk(row)])),
    ...Object.fromEntries(groupBy(all, "year").map(([year, rows]) => [`trend.mean_all.${year}`, meanParts(rows)])),
    ...Object.fromEntries(groupBy(all, "ssl_mode").map(([mode, rows]) => [`trend.mode.${mode}`, perYear(rows)])),
    ...Object.fromEntries(
      groupBy(in1k, "family")
        .filter(([family]) => family !== "convnext")
        .map(([family, rows]) => [`trend.family.${family}`, perYear(rows)]),
    ),
  };
}

/** IN1K rows whose error is within the best share `q` of their year. */
export function bestShareOfYear(in1k: readonly Row[], q: number): { year: string; threshold: number; rows: Row[] }[] {
  return groupBy(in1k, "year").map(([year, rows]) => {
    const threshold = quantile(values(rows, AGG), q);
    return { year, threshold, rows: rows.filter((row) => num(row, AGG)! <= threshold) };
  });
}

export function rankings({ all, complete, metrics }: Study): Numbers {
  const sorted = (rows: readonly Row[], column: string) =>
    rows.filter((row) => num(row, column) !== null).sort((a, b) => num(a, column)! - num(b, column)!);
  const budgets = Object.entries(BUDGETS);
  const five = budgets.map(([budget, column]) => [budget, column, sorted(all, column).slice(0, 5)] as const);
  const best20 = Math.round(0.2 * all.length);
  return {
    ...Object.fromEntries(
      five.map(([budget, column, rows]) => [
        `best5.${budget}`,
        Object.fromEntries(rows.map((row) => [row.name, num(row, column)])),
      ]),
    ),
    "best5.intersection": five
      .map(([, , rows]) => rows.map(({ name }) => name))
      .reduce((a, b) => a.filter((name) => b.includes(name))),
    ...Object.fromEntries(
      budgets.map(([budget, column]) => [`ranking.${budget}`, sorted(all, column).map(({ name }) => name)]),
    ),
    ...Object.fromEntries(
      budgets.map(([budget, column]) => [`best_complete.${budget}`, best(complete, column)?.name ?? null]),
    ),
    "best20.n": best20,
    ...Object.fromEntries(
      budgets.map(([budget, column]) => [`best20.${budget}`, meanParts(sorted(complete, column).slice(0, best20))]),
    ),
    ...movers(metrics),
  };
}

/** How far models move when there are 3 labels a class instead of all. */
export function rankChanges(metrics: readonly Row[]): { name: string; full: number; shot3: number; delta: number }[] {
  const rank = (column: string) => {
    const order = [...metrics].sort((a, b) => num(a, column)! - num(b, column)!);
    return new Map(order.map((row, i) => [row.name, i]));
  };
  const [full, shot3] = [rank(BUDGETS.full), rank(BUDGETS.shot3)];
  return metrics.map(({ name }) => {
    const [a, b] = [full.get(name)!, shot3.get(name)!];
    return { name, full: a, shot3: b, delta: a - b };
  });
}

function movers(metrics: readonly Row[]): Numbers {
  const changes = rankChanges(metrics);
  const top = [...changes].sort((a, b) => Math.abs(b.delta) - Math.abs(a.delta)).slice(0, 10);
  return {
    "rank.n": changes.length,
    "rank.mean_abs_change": mean(changes.map(({ delta }) => Math.abs(delta))),
    "rank.delta_all": Object.fromEntries(changes.map(({ name, delta }) => [name, delta])),
    "rank.top10_movers": Object.fromEntries(top.map(({ name, delta }) => [name, delta])),
  };
}

/** Best rows of five kinds of encoder at three label budgets; accuracy in percent at full, 1 % and 3 shots. */
export function bestTable({ all, in1k, rn50 }: Study): Record<string, Record<string, [number, number, number]>> {
  const vit = (row: Row) => row.family === "vit";
  const kinds: Record<string, Row[]> = {
    rn50: rn50.filter((row) => row.pretraining_data === "ImageNet-1K"),
    cnn: in1k.filter((row) => !vit(row)),
    vits16: in1k.filter((row) => row.architecture === "vits" && row.patch_size === 16),
    vit: in1k.filter(vit),
    any_official_layer: all.filter((row) => row.is_our_extract === false),
  };
  const columns = [BUDGETS.full, BUDGETS.pct1, BUDGETS.shot3];
  return Object.fromEntries(
    Object.entries(kinds).map(([kind, rows]) => {
      const chosen = columns.flatMap((column) => best(rows, column) ?? []);
      return [
        kind,
        Object.fromEntries(
          chosen.map((row) => [row.name, columns.map((column) => 100 - num(row, column)!) as [number, number, number]]),
        ),
      ];
    }),
  );
}

export function bestModels(study: Study): Numbers {
  const table = bestTable(study);
  const names = new Set(Object.values(table).flatMap((models) => Object.keys(models)));
  const parameters = study.all.filter(({ name }) => names.has(name)).map((row) => [row.name, num(row, "n_parameters")]);
  const family = (stem: string) =>
    Object.fromEntries(
      study.all
        .filter(({ name }) => name.startsWith(stem))
        .map((row) => [
          row.name,
          {
            z_dim: row.z_dim,
            acc: Object.values(BUDGETS).map((column) => {
              const error = num(row, column);
              return error === null ? null : 100 - error;
            }),
          },
        ]),
    );
  return {
    best_table: table,
    "best_table.n_params": Object.fromEntries(parameters),
    "dimension.openclip_vith14": family("openclip_vith14"),
    "dimension.mugs_vits16": family("mugs_vits16"),
  };
}
