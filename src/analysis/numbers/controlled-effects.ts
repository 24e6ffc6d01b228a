import { type Fit, leastSquares } from "../statistics/least-squares.ts";
import { num, OUTCOMES, type Outcome, type Row, type Study } from "../study.ts";
import { columnOf, columnsOf, designOf, headOf, type Term, usable } from "./design.ts";
import type { Numbers } from "./numbers.ts";

/** What the paper holds fixed when it asks for the effect of one hyper-parameter. */
const CONTROLS: readonly Term[] = [
  "pretraining_data",
  "ssl_mode",
  "np.log(epochs)",
  "np.log(batch_size)",
  "np.log(nviews)",
  "n_augmentations",
  "projection2_arch",
  "np.log(n_parameters)",
  "family",
  "np.log(z_dim)",
  "patch_size",
  "year",
  "is_industry",
  "is_official",
];

interface Treatment {
  term: Term;
  rows?: (row: Row) => boolean;
  /** Controls left out besides the treatment itself. */
  without?: Term[];
}

const present = (column: string) => (row: Row) => num(row, column) !== null;

/** Treatments of the paper, each with the rows it is asked of. */
export const TREATMENTS: Record<string, Treatment> = {
  z_dim: { term: "np.log(z_dim)" },
  n_augmentations: { term: "np.log(n_augmentations)" },
  nviews: { term: "np.log(nviews)" },
  ssl_mode: { term: "ssl_mode" },
  projection2_arch: { term: "projection2_arch", rows: (row) => row.projection2_arch !== "Na" },
  projection_nparameters_hidden: {
    term: "np.log(projection_nparameters_hidden)",
    rows: present("projection_nparameters_hidden"),
  },
  family: { term: "family", rows: (row) => row.family !== "convnext" },
  n_parameters: { term: "np.log(n_parameters)" },
  patch_size: { term: "np.log(patch_size)", rows: (row) => row.family === "vit" },
  pretraining_data: {
    term: "pretraining_data",
    rows: (row) => row.pretraining_data === "ImageNet-1K" || row.pretraining_data === "ImageNet-22K",
  },
  epochs: { term: "np.log(epochs)" },
  optimizer: { term: "optimizer" },
  learning_rate: { term: "np.log(learning_rate)" },
  weight_decay: { term: "np.log(weight_decay)" },
  batch_size: { term: "np.log(batch_size)" },
  n_classes: { term: "np.log(n_classes)", rows: present("n_classes") },
  is_ema: { term: "is_ema" },
  is_stopgrad: { term: "is_stopgrad" },
  train_rank: { term: "np.log(train_rank)", without: ["np.log(z_dim)"] },
};

/** A linear model's fit and the coefficients of the term that was asked for. */
export type Effect = Omit<Fit, "sse" | "solution">;

/** OLS of an outcome on controls and a term; coefficients of the term. */
export function effectOf(rows: readonly Row[], outcome: Outcome, controls: readonly Term[], term: Term): Effect {
  const column = OUTCOMES[outcome];
  const measured = rows.filter((row) => num(row, column) !== null);
  const used = usable(measured, column, [...controls, term]);
  const y = used.map((row) => num(row, column)!);
  const fit = leastSquares(designOf(used, [...controls, term], measured), y);
  const terms = columnsOf(used, term, measured).map(([name]) => [name, fit.terms[name]!]);
  const { n, df_resid, columns, rank, r2, rmse } = fit;
  return { n, df_resid, columns, rank, r2, rmse, terms: Object.fromEntries(terms) };
}

/** The paper's controlled linear model for every treatment and outcome. */
export function controlledEffects({ all }: Study): Numbers {
  const filled = all.map((row): Row => ({ ...row, projection2_arch: headOf(row) }));
  return Object.fromEntries(
    Object.entries(TREATMENTS).flatMap(([name, { term, rows: keep, without = [] }]) => {
      const controls = CONTROLS.filter((control) => columnOf(control) !== columnOf(term) && !without.includes(control));
      const rows = keep === undefined ? filled : filled.filter(keep);
      const setup = {
        term,
        controls,
        rows: rows.length,
        rows_with_nonpositive_treatment: rows.filter(
          (row) => term !== columnOf(term) && (num(row, columnOf(term)) ?? 1) <= 0,
        ).length,
      };
      const outcomes = Object.keys(OUTCOMES) as Outcome[];
      return [
        [`gla.${name}.setup`, setup],
        ...outcomes.map((outcome) => [`gla.${name}.${outcome}`, effectOf(rows, outcome, controls, term)]),
      ];
    }),
  );
}
