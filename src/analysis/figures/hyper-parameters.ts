import { ADDITIVE_TERMS, effectOn, projectionOf } from "../numbers/additive.ts";
import { TREATMENTS } from "../numbers/controlled-effects.ts";
import { PAIR_STUDIES, pairGroups } from "../numbers/controlled-pairs.ts";
import { cellOf, columnOf } from "../numbers/design.ts";
import type { Numbers } from "../numbers/numbers.ts";
import type { Coefficient } from "../statistics/least-squares.ts";
import { num, OUTCOMES, type Outcome, type Row, type Study } from "../study.ts";
import { bars, intervals, lines, scatter, strip } from "./charts.ts";
import { type Chapter, type Datum, type Figure, type FigureMaker, isOwn, OUTCOME_TITLES, paperOf, spreadOf, whoseOf } from "./figure.ts"; // biome-ignore format: one line

/** Columns in the words of the paper. */
const NAMES: Record<string, string> = {
  z_dim: "z_dim",
  nviews: "number of views",
  epochs: "epochs",
  batch_size: "batch size",
  n_parameters: "parameters",
  patch_size: "patch size",
  n_augmentations: "augmentations",
  ssl_mode: "kind of objective",
  projection: "projection head",
  projection2_arch: "projection head",
  projection_nparameters_hidden: "parameters of the head",
  family: "architecture",
  pretraining_data: "pretraining data",
  optimizer: "optimizer",
  learning_rate: "learning rate",
  weight_decay: "weight decay",
  n_classes: "clusters",
  is_ema: "EMA teacher",
  is_stopgrad: "stop-gradient",
  train_rank: "effective rank",
};

/** Effects of the paper's own figures: id, place, term, outcomes. */
const STRIPS: [id: string, paper: string, term: string, outcomes: Outcome[]][] = [
  ["fig7_dim", "Fig. 7", "np.log(z_dim)", ["usability", "probe_gen", "agg_risk", "shot3"]],
  ["fig9a_nviews", "Fig. 9a", "np.log(nviews)", ["usability", "probe_gen", "agg_risk", "shot3"]],
  ["fig10a_family", "Fig. 10a", "family", ["approx", "usability", "probe_gen", "enc_gen", "agg_risk", "shot3"]],
  ["fig10b_size", "Fig. 10b", "np.log(n_parameters)", ["approx", "usability", "probe_gen", "agg_risk", "shot3"]],
  ["fig11a_projection", "Fig. 11a", "projection", ["usability", "probe_gen", "agg_risk", "shot3"]],
  ["fig13_objective", "Fig. 13, 14", "ssl_mode", ["usability", "probe_gen", "agg_risk", "shot3"]],
];

const REPLACED =
  "The published figure shows SHAP values of boosted trees whose files were not released and which cannot be recomputed. Shown instead: the effects of one additive linear model, exactly additive and with the same sign (negative is a lower error).";

/** Effects of the published encoders, and of the reader's own by the same coefficients. */
function stripRows(all: readonly Row[], numbers: Numbers, term: string, outcomes: readonly Outcome[]): Datum[] {
  const paper = paperOf(all);
  const byName = new Map(paper.map((row) => [row.name, row]));
  return outcomes.flatMap((outcome) => {
    const point = (row: Row, effect: number, i: number): Datum => {
      const value = term === "projection" ? projectionOf(row) : (num(row, columnOf(term)) ?? String(cellOf(row, term)));
      return { model: row.name, whose: whoseOf(row), outcome: OUTCOME_TITLES[outcome]!, effect, value, spread: spreadOf(i) }; // biome-ignore format: one line
    };
    const effects = Object.entries(numbers[`ours.effect.${outcome}.${term}`] as Record<string, number>);
    const coefficients = numbers[`ours.coefficients.${outcome}`] as Record<string, number>;
    const own = all.filter(isOwn).flatMap((row, i, { length }) => {
      const effect = effectOn(row, term, outcome, paper, coefficients);
      // Names of several stand one below the other.
      return effect === null
        ? []
        : [{ ...point(row, effect, 0), spread: length === 1 ? 0 : (1.6 * i) / (length - 1) - 0.8 }];
    });
    return [...effects.map(([model, effect], i) => point(byName.get(model)!, effect, i)), ...own];
  });
}

/** The figures of the paper, then one for each other term. */
const ALL_STRIPS: typeof STRIPS = [
  ...STRIPS,
  ...ADDITIVE_TERMS.filter((term) => !STRIPS.some(([, , drawn]) => drawn === term)).map(
    (term): (typeof STRIPS)[number] => [
      `hparam_${columnOf(term)}`,
      "Appendix, hyper-parameters",
      term,
      ["usability", "probe_gen", "agg_risk", "shot3"],
    ],
  ),
];

function strips(study: Study, numbers: Numbers): Figure[] {
  return ALL_STRIPS.map(([id, paper, term, outcomes]): Figure => {
    const rows = stripRows(study.all, numbers, term, outcomes);
    const numeric = typeof rows[0]?.value === "number";
    return {
      id,
      paper,
      title: `Effect of ${NAMES[columnOf(term)]} on the error`,
      how: "A point is an encoder; left of zero the value lowered its error, right it raised it.",
      note: REPLACED,
      needs: term === "projection" ? ["projection2_arch"] : [columnOf(term)],
      rows,
      spec: strip(rows, {
        x: { field: "effect", title: "Effect on the error (%); left is better" },
        row: "outcome",
        colour: { title: NAMES[columnOf(term)]!, numeric, log: numeric },
      }),
    };
  });
}

const importance: FigureMaker = (_, numbers) => {
  const rows = (Object.keys(OUTCOMES) as Outcome[]).flatMap((outcome) => {
    const { terms } = numbers[`ours.importance.${outcome}`] as { terms: Record<string, Record<string, number>> };
    return Object.entries(terms).map(([term, value]) => ({
      outcome: OUTCOME_TITLES[outcome]!,
      term: NAMES[columnOf(term)]!,
      ...value,
    }));
  });
  return [
    {
      id: "importance",
      paper: "Appendix, importance of hyper-parameters",
      title: "How much each hyper-parameter moves the error",
      how: "Mean absolute effect in percent of error, one panel an outcome.",
      note: `${REPLACED} Cross-validated errors of the published trees, as printed, are in numbers.json under xgb.cv_rmse.`,
      noRuns: "it measures the model that is fitted on the paper's encoders",
      rows,
      spec: bars(rows, { category: "term", value: { field: "mean_abs_effect", title: "Mean |effect| (%)" }, facet: "outcome" }), // biome-ignore format: one line
    },
  ];
};

/** Drawn pair studies: id, place, study, x axis, outcomes, logarithmic. */
const PAIRS: [id: string, paper: string, study: string, x: string, outcomes: Outcome[], log: boolean][] = [
  ["fig8_dim_tradeoff", "Fig. 8", "z_layer", "z_dim", ["usability", "probe_gen"], true],
  ["fig9b_nviews", "Fig. 9b", "nviews", "nviews", ["usability", "probe_gen"], false],
  ["fig11b_projection", "Fig. 11b", "projection", "projection2_arch", ["usability", "probe_gen"], false],
  ["controlled_z_dim", "Appendix, dimension", "z_dim", "z_dim", ["usability", "probe_gen"], true],
  ["controlled_data", "Appendix, data", "pretraining_data", "pretraining_data", ["usability", "probe_gen"], false],
  ["controlled_epochs", "Appendix, epochs", "epochs", "epochs", ["usability", "probe_gen", "agg_risk", "shot3"], true],
  ["controlled_mode", "Appendix, kind of objective", "ssl_mode", "ssl_mode", ["usability", "probe_gen"], false],
  ["controlled_batch", "Ours", "batch_size (ours)", "batch_size", ["usability", "probe_gen"], true],
];

/** Order of the values of a category on the x axis. */
const ORDERS: Record<string, readonly string[]> = {
  projection2_arch: ["identity", "linear", "mlp"],
  ssl_mode: ["transform", "generative", "contrastive", "siamese", "hierarchical", "clustering"],
};

const controlled: FigureMaker = ({ all }, numbers) =>
  PAIRS.map(([id, paper, study, x, outcomes, log]): Figure => {
    const published = pairGroups(paperOf(all), PAIR_STUDIES[study]!); // biome-ignore format: one line
    const { groups } = pairGroups(all, PAIR_STUDIES[study]!);
    const named = groups.map((group) => (group.rows.every(isOwn) ? group.rows : paperOf(group.rows)));
    const titles = titlesOf(named, published.labels);
    const rows = outcomes.flatMap((outcome) => groups.flatMap((group, g) => group.rows.flatMap((row): Datum[] => {
      const value = num(row, OUTCOMES[outcome]);
      return value === null ? [] : [{ group: titles[g]!, label: group.label, model: row.name, whose: whoseOf(row), [x]: num(row, x) ?? String(row[x]), z_dim: num(row, "z_dim"), outcome: OUTCOME_TITLES[outcome]!, value }]; // biome-ignore format: one line
    }))); // biome-ignore format: nested small functions
    const name = NAMES[x]!;
    const numeric = typeof rows[0]?.[x] === "number";
    const times = Math.max(...published.groups.map(({ multiplicity }) => multiplicity));
    const how = `Lines join models that differ in ${name} alone (same ${published.labels.slice(0, 4).join(", ")} ...), through their mean where several agree in it too; a falling line means that more of it lowers the error. ${fitted(numbers, study)}`;
    const drawn = id === "fig8_dim_tradeoff" ? tradeoffOf(rows) : undefined;
    return {
      id,
      paper,
      title: `Models that differ in ${name} alone`,
      how: drawn === undefined ? how : `The same ViT read at other layers, joined: from small to large z_dim usability falls and probe generalization rises. ${fitted(numbers, study)}`, // biome-ignore format: one line
      ...(times > 1 ? { note: `As published, rows enter ${times} times because several keys differ at once, which shrinks the p-values. ${fitted(numbers, study, "ols_upstream_duplicated_rows", "As published")}` } : {}), // biome-ignore format: one line
      other: "no encoder of the paper differs from it in that alone",
      needs: [x, ...outcomes.map((outcome) => OUTCOMES[outcome])],
      rows: drawn ?? rows,
      spec:
        drawn === undefined
          ? lines(rows, { x: { field: x, title: name, log, ordinal: !numeric, sort: ORDERS[x]! }, y: { field: "value", title: "Error (%)" }, series: "group", facet: "outcome" }) // biome-ignore format: one line
          : scatter(drawn, { x: { field: "usability", title: "Usability (%)" }, y: { field: "probe_gen", title: "Probe generalization (%)" }, colour: { field: "group", title: "Encoder" }, joined: "group", size: { field: "z_dim", title: "z_dim" } }), // biome-ignore format: one line
    };
  });

/** What the names of each group's models share; where that does not tell the groups apart, what they agree in. */
function titlesOf(groups: readonly (readonly Row[])[], keys: readonly string[]): string[] {
  const shared = groups.map((rows) => {
    const words = rows.map(({ name }) => name.split("_"));
    return words[0]!.filter((word) => words.every((other) => other.includes(word))).join("_");
  });
  if (shared.every((title, i) => title.includes("_") && shared.indexOf(title) === i)) return shared;
  const word: Record<string, string> = { nviews: "views", epochs: "epochs", z_dim: "dims" };
  const said = (row: Row, key: string) => (word[key] === undefined ? String(row[key]) : `${row[key]} ${word[key]}`);
  return groups.map(([row]) => keys.slice(0, 4).map((key) => said(row!, key)).join(", ")); // biome-ignore format: one line
}

function tradeoffOf(rows: readonly Datum[]): Datum[] {
  const models = [...new Set(rows.map((row) => String(row.model)))];
  const value = (model: string, outcome: string) => rows.find((row) => row.model === model && row.outcome === OUTCOME_TITLES[outcome])?.value ?? null; // biome-ignore format: one line
  return models.map((model) => {
    const { group, z_dim, whose } = rows.find((row) => row.model === model)!;
    return { model, whose: whose!, group: group!, z_dim: z_dim ?? null, usability: value(model, "usability"), probe_gen: value(model, "probe_gen") }; // biome-ignore format: one line
  });
}

/** A sentence with the slopes of a study. */
function fitted(
  numbers: Readonly<Record<string, unknown>>,
  study: string,
  kind = "ols",
  lead = "Least squares",
): string {
  const parts = (["usability", "probe_gen"] as const).flatMap((outcome) => {
    const fit = numbers[`controlled.${study}.${kind}.${outcome}`] as { n: number; terms: Record<string, Coefficient> } | undefined; // biome-ignore format: one line
    return Object.entries(fit?.terms ?? {}).flatMap(([term, c]) =>
      c.estimable === false
        ? []
        : [
            `${wordsOf(term)} on ${OUTCOME_TITLES[outcome]!.toLowerCase()} ${c.coef.toFixed(2)} (p = ${c.p.toExponential(1)}, n = ${fit!.n})`,
          ],
    );
  });
  return parts.length === 0 ? "" : `${lead}: ${parts.join("; ")}.`;
}

/** Levels that the coefficients of a category are against: the first in alphabetical order among the rows of the fit. */
const BASES: Record<string, string> = {
  ssl_mode: "clustering",
  projection2_arch: "identity",
  family: "resnet",
  pretraining_data: "ImageNet-1K",
  optimizer: "adam",
};

/** A term of a formula in words: `np.log(epochs)` is `log epochs`, `family[T.vit]` is `vit, not resnet`. */
function wordsOf(term: string): string {
  const [, column, level] = /^(.*)\[T\.(.*)\]$/.exec(term) ?? [];
  if (column !== undefined) return level === "True" ? NAMES[column]! : `${level}, not ${BASES[column]}`;
  const name = NAMES[columnOf(term)] ?? columnOf(term);
  return term === columnOf(term) ? name : `log ${name}`;
}

const linear: FigureMaker = (_, numbers) => {
  const rows = (Object.keys(OUTCOMES) as Outcome[]).flatMap((outcome) =>
    Object.keys(TREATMENTS).flatMap((treatment) => {
      const { terms, n } = numbers[`gla.${treatment}.${outcome}`] as { n: number; terms: Record<string, Coefficient> };
      return Object.entries(terms).map(([term, c]): Datum => {
        const base = { treatment, effect_of: wordsOf(term), outcome: OUTCOME_TITLES[outcome]!, term, n };
        return c.estimable === false
          ? { ...base, coef: null, se: null, p: null, estimable: false }
          : { ...base, coef: c.coef, se: c.se, p: c.p, low: c.lo, high: c.hi, told: c.p < 0.05 ? "yes" : "no", estimable: true }; // biome-ignore format: one line
      });
    }),
  );
  return [
    {
      id: "controlled_effects",
      paper: "Appendix, controlled linear model",
      title: "Effect of a hyper-parameter with the others held fixed",
      how: "Coefficient and 95 % interval of a linear model with the paper's controls, one a treatment: percent of error for one more unit of the term (logarithms are natural, a category counts against the one that is named last). Left of 0 lowers the error. Each panel has its own scale.",
      note: "ssl_mode generative and projection head Na are the same nine rows: their effects have no unique value, are not drawn and are marked in the table as not estimable, where pseudo-inverses print numbers around 1000.",
      noRuns: "its coefficients are fitted on the paper's encoders",
      rows,
      spec: intervals(rows.filter(({ coef }) => coef !== null), { category: "effect_of", value: { field: "coef", title: "Coefficient (%)" }, facet: "outcome", told: { field: "told", title: "p < 0.05" } }), // biome-ignore format: one line
    },
  ];
};

export const HYPER_PARAMETER_CHAPTERS: readonly Chapter[] = [
  { ids: ALL_STRIPS.map(([id]) => id), needs: ["additive"], make: strips },
  { ids: PAIRS.map(([id]) => id), needs: ["controlledPairs"], make: controlled },
  { ids: ["importance"], needs: ["additive"], make: importance },
  { ids: ["controlled_effects"], needs: ["controlledEffects"], make: linear },
];
