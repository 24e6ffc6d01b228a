import { num, OUTCOMES, type Outcome, type Row, type Study } from "../study.ts";
import { type Effect, effectOf } from "./controlled-effects.ts";
import type { Term } from "./design.ts";
import type { Numbers } from "./numbers.ts";

/** Hyper-parameters that two models must share for a third to be compared. */
const CORE = [
  "objective",
  "version",
  "architecture",
  "patch_size",
  "z_dim",
  "z_layer",
  "epochs",
  "batch_size",
  "optimizer",
  "learning_rate",
  "weight_decay",
  "scheduler",
  "pretraining_data",
  "img_size",
  "year",
  "nviews",
  "finetuning_data",
  "projection1_arch",
  "projection2_arch",
  "projection_same",
  "n_augmentations",
  "other",
] as const;

interface PairStudy {
  /** Keys whose effect is asked. */
  varied: readonly string[];
  /** Keys held fixed beside the varied ones; default {@link CORE}. */
  core?: readonly string[];
  term: Term;
  rows?: (row: Row) => boolean;
  /** Keys that do not name the group though they differ. */
  unnamed?: readonly string[];
}

const hasUsability = (row: Row) => num(row, "usability") !== null;

/** The paper's controlled comparisons, and one of ours. */
export const PAIR_STUDIES: Record<string, PairStudy> = {
  nviews: { varied: ["nviews"], term: "np.log(nviews)" },
  projection: {
    varied: ["projection_same", "projection1_arch", "projection2_arch"],
    term: "projection2_arch",
    rows: (row) => row.objective !== "dissl",
  },
  z_layer: {
    varied: ["z_dim", "z_layer", "name"],
    term: "np.log(z_dim)",
    rows: (row) => hasUsability(row) && row.family === "vit" && num(row, "z_dim")! < 4000,
  },
  z_dim: {
    varied: ["z_dim", "z_layer"],
    term: "np.log(z_dim)",
    rows: hasUsability,
    unnamed: ["pretraining_data"],
  },
  pretraining_data: { varied: ["pretraining_data"], term: "pretraining_data" },
  epochs: { varied: ["epochs"], term: "np.log(epochs)" },
  ssl_mode: {
    varied: ["ssl_mode"],
    core: ["ssl_mode", "architecture", "nviews", "epochs", "z_dim"],
    term: "ssl_mode",
  },
  "batch_size (ours)": { varied: ["batch_size"], term: "np.log(batch_size)" },
};

/** Models that differ in nothing but the varied keys. */
export interface PairGroup {
  label: string;
  /** How many varied keys differ: so often the published analysis counts each row. */
  multiplicity: number;
  rows: Row[];
}

const stem = (name: string): string => name.replace(/_(extract|last).*$/, "");
const cell = (row: Row, key: string) => (key === "name" ? stem(row.name) : row[key]);

/** Groups of a study in the order of the table, and the keys that name them. */
export function pairGroups(all: readonly Row[], study: PairStudy): { groups: PairGroup[]; labels: string[] } {
  const keys = (study.core ?? CORE).filter((key) => !study.varied.includes(key));
  const buckets = new Map<string, Row[]>();
  for (const row of study.rows === undefined ? all : all.filter(study.rows)) {
    const key = JSON.stringify(keys.map((name) => cell(row, name) ?? null));
    buckets.set(key, [...(buckets.get(key) ?? []), row]);
  }
  const distinct = (rows: readonly Row[], key: string) =>
    new Set(rows.map((row) => JSON.stringify(cell(row, key) ?? null))).size;
  const groups = [...buckets.values()]
    .map((rows) => ({ rows, multiplicity: study.varied.filter((key) => distinct(rows, key) > 1).length }))
    .filter(({ multiplicity }) => multiplicity > 0);
  const kept = groups.flatMap(({ rows }) => rows);
  const labels = keys.filter((key) => distinct(kept, key) > 1 && !study.unnamed?.includes(key));
  return {
    groups: groups.map((group) => ({ ...group, label: labels.map((key) => spelled(group.rows[0]!, key)).join(" ") })),
    labels,
  };
}

/** As Python prints the cell: the labels join with the paper's. */
function spelled(row: Row, key: string): string {
  const value = cell(row, key);
  if (value === null || value === undefined) return "NA";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "number") return String(value);
  if (key === "n_augmentations") return value.toFixed(1);
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential().replace(/e-(\d)$/, "e-0$1");
  return String(value);
}

/** OLS outcome ~ group + term, once as it should be and once with rows repeated as published. */
function effects(groups: readonly PairGroup[], term: Term, repeated: boolean): Record<Outcome, Effect> {
  const rows = groups.flatMap(({ rows, label, multiplicity }) =>
    Array.from({ length: repeated ? multiplicity : 1 }, () => rows.map((row): Row => ({ ...row, label }))).flat(),
  );
  const outcomes = Object.keys(OUTCOMES) as Outcome[];
  return Object.fromEntries(outcomes.map((outcome) => [outcome, effectOf(rows, outcome, ["label"], term)])) as Record<Outcome, Effect>; // biome-ignore format: one line
}

const shown = (row: Row, varied: readonly string[]) => ({
  model: row.name,
  vary: Object.fromEntries(varied.map((key) => [key, cell(row, key) ?? null])),
  ...Object.fromEntries(Object.entries(OUTCOMES).map(([outcome, column]) => [outcome, num(row, column)])),
});

export function controlledPairs({ all }: Study): Numbers {
  const entries = Object.entries(PAIR_STUDIES).flatMap(([name, study]): [string, unknown][] => {
    const { groups } = pairGroups(all, study);
    const key = `controlled.${name}`;
    const repeats = groups.some(({ multiplicity }) => multiplicity > 1);
    const list = (kind: string, repeated: boolean) =>
      Object.entries(effects(groups, study.term, repeated)).map(([outcome, effect]): [string, unknown] => [`${key}.${kind}.${outcome}`, effect]); // biome-ignore format: one line
    return [
      [`${key}.groups`, groups.map((group) => ({ label: group.label, multiplicity: group.multiplicity, models: group.rows.map((row) => shown(row, study.varied)) }))], // biome-ignore format: one line
      [`${key}.models`, groups.flatMap(({ rows }) => rows.map((row) => row.name)).sort()],
      ...list("ols", false),
      ...(repeats ? list("ols_upstream_duplicated_rows", true) : []),
    ];
  });
  return Object.fromEntries(entries);
}
