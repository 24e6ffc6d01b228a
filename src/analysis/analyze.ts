import type { Job } from "../core/events.ts";
import { CHECK_CHAPTERS } from "./figures/checks.ts";
import type { Chapter, Figure } from "./figures/figure.ts";
import { HYPER_PARAMETER_CHAPTERS } from "./figures/hyper-parameters.ts";
import { MODEL_CHAPTERS } from "./figures/models.ts";
import { tellOfRuns } from "./figures/own-marks.ts";
import { SCALING_CHAPTERS } from "./figures/scaling.ts";
import { computeNumbers } from "./numbers/all.ts";
import type { Numbers } from "./numbers/numbers.ts";
import { makeStudy, type Row } from "./study.ts";

export interface AnalysisOptions extends Job {
  /** Rows whose measurements belong to another model: "keep" them, flagged (default), or "drop" them. */
  errata?: "keep" | "drop";
  /** The reader's own models, as `readRuns` gives them: drawn beside the paper's, and left out of the numbers. */
  runs?: readonly Row[];
  /** Figures to make, by id; default all. Only the quantities that they need are computed. */
  only?: readonly string[];
}

export interface Analysis {
  /** In the order of the paper: main text, then appendices. */
  figures: Figure[];
  /** Quantities by their keys, of the paper's rows alone: every one, or with `only` those that the figures need. */
  numbers: Numbers;
}

/** Figures of the main text in the paper's order; the others follow. */
const MAIN = [
  "overview",
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

/** All figures, by what is made together. */
export const CHAPTERS: readonly Chapter[] = [
  ...MODEL_CHAPTERS,
  ...SCALING_CHAPTERS,
  ...HYPER_PARAMETER_CHAPTERS,
  ...CHECK_CHAPTERS,
];

/**
 * Recomputes the figures and tables of the paper from its results table. Errors are in percent.
 * @throws TypeError for an id that no figure has, before any work.
 */
export function analyze(options: AnalysisOptions = {}): Analysis {
  const { only, runs, signal } = options;
  checkIds(only ?? []);
  const errata = options.errata === "drop" ? "drop" : "flag";
  const paper = makeStudy({ errata });
  const chapters = CHAPTERS.filter(({ ids }) => only === undefined || ids.some((id) => only.includes(id)));
  const needs = only === undefined ? undefined : [...new Set(chapters.flatMap((chapter) => chapter.needs))];
  signal?.throwIfAborted();
  const numbers = computeNumbers(paper, needs);
  const study = runs === undefined ? paper : makeStudy({ errata, runs });
  const all = chapters.flatMap(({ make }) => {
    signal?.throwIfAborted();
    return make(study, numbers).map((figure) => tellOfRuns(figure, study.all));
  });
  const rank = (figure: Figure) => (MAIN.includes(figure.id) ? MAIN.indexOf(figure.id) : MAIN.length);
  const figures = all.filter(({ id }) => only?.includes(id) ?? true).sort((a, b) => rank(a) - rank(b));
  return { numbers, figures };
}

function checkIds(only: readonly string[]): void {
  const known = CHAPTERS.flatMap(({ ids }) => ids);
  const unknown = only.filter((id) => !known.includes(id));
  if (unknown.length > 0)
    throw new TypeError(`There is no figure ${unknown.join(", ")}. Choose from ${known.join(", ")}.`);
}
