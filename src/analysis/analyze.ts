import type { Job } from "../core/events.ts";
import { checkFigures } from "./figures/checks.ts";
import type { Figure } from "./figures/figure.ts";
import { hyperParameterFigures } from "./figures/hyper-parameters.ts";
import { modelFigures } from "./figures/models.ts";
import { scalingFigures } from "./figures/scaling.ts";
import { computeNumbers } from "./numbers/all.ts";
import type { Numbers } from "./numbers/numbers.ts";
import { makeStudy, type Row } from "./study.ts";

export interface AnalysisOptions extends Job {
  /** Rows whose measurements belong to another model: "keep" them, flagged (default), or "drop" them. */
  errata?: "keep" | "drop";
  /** The reader's own models, as `readRuns` gives them: drawn beside the paper's, and left out of the numbers. */
  runs?: readonly Row[];
  /** Figures to make, by id; default all. */
  only?: readonly string[];
}

export interface Analysis {
  /** In the order of the paper: main text, then appendices. */
  figures: Figure[];
  /** Every quantity by its key; of the paper's rows alone. */
  numbers: Numbers;
}

/** Figures of the main text in the paper's order; the others follow. */
const MAIN = [
  "radar",
  "fig4_trend",
  "tradeoff_all",
  "fig6_tradeoff_year",
  "ranks",
  "best5",
  "fig5_evaluation",
  "scaling_law",
  "scaling_table",
  "fig7_dim",
  "fig8_dim_tradeoff",
  "fig9a_nviews",
  "fig9b_nviews",
  "fig10a_family",
  "fig10b_size",
  "fig11a_projection",
  "fig11b_projection",
  "fig12_usability_mode",
  "fig13_objective",
  "table2_best",
];

/** Ids of the main text's figures and tables. */
export const FIGURE_IDS: readonly string[] = MAIN;

/**
 * Recomputes the figures and tables of the paper from its results table. Errors are in percent.
 * @throws TypeError for an id that no figure has.
 */
export function analyze(options: AnalysisOptions = {}): Analysis {
  const errata = options.errata === "drop" ? "drop" : "flag";
  const paper = makeStudy({ errata });
  options.signal?.throwIfAborted();
  const numbers = computeNumbers(paper);
  const study = options.runs === undefined ? paper : makeStudy({ errata, runs: options.runs });
  const makers = [modelFigures, scalingFigures, hyperParameterFigures, checkFigures];
  const all = makers.flatMap((make) => {
    options.signal?.throwIfAborted();
    return make(study, numbers);
  });
  const rank = (figure: Figure) => (MAIN.includes(figure.id) ? MAIN.indexOf(figure.id) : MAIN.length);
  const figures = [...all].sort((a, b) => rank(a) - rank(b));
  const unknown = (options.only ?? []).filter((id) => !figures.some((figure) => figure.id === id));
  if (unknown.length > 0) {
    throw new TypeError(
      `There is no figure ${unknown.join(", ")}. Choose from ${figures.map(({ id }) => id).join(", ")}.`,
    );
  }
  return { numbers, figures: figures.filter(({ id }) => options.only?.includes(id) ?? true) };
}
