import { ADDITIVE_TERMS } from "../numbers/additive.ts";
import { TREATMENTS } from "../numbers/controlled-effects.ts";
import { PAIR_STUDIES, pairGroups } from "../numbers/controlled-pairs.ts";
import { cellOf, columnOf, headOf } from "../numbers/design.ts";
import type { Numbers } from "../numbers/numbers.ts";
import type { Coefficient } from "../statistics/least-squares.ts";
import { num, OUTCOMES, type Outcome, type Row, type Study } from "../study.ts";
import { bars, lines, scatter, strip } from "./charts.ts";
import { type Chapter, type Datum, type Figure, type FigureMaker, isOwn, OUTCOME_TITLES } from "./figure.ts";

const NAMES: Record<string, string> = {
  "np.log(z_dim)": "z_dim",
  "np.log(nviews)": "number of views",
  "np.log(epochs)": "epochs",
  "np.log(batch_size)": "batch size",
  "np.log(n_parameters)": "parameters",
  "np.log(patch_size)": "patch size",
  n_augmentations: "augmentations",
  ssl_mode: "kind of objective",
  projection: "projection head",
  family: "architecture family",
  pretraining_data: "pretraining data",
  optimizer: "optimizer",
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

/** Spreads points of a strip apart, the same in every run. */
const spread = (i: number): number => 2 * ((i * 0.6180339887498949) % 1) - 1;

function stripRows(all: readonly Row[], numbers: Numbers, term: string, outcomes: readonly Outcome[]): Datum[] {
  const byName = new Map(all.map((row) => [row.name, row]));
  return outcomes.flatMap((outcome) =>
    Object.entries(numbers[`ours.effect.${outcome}.${term}`] as Record<string, number>).map(([model, effect], i) => {
      const row = byName.get(model)!;
      const head = headOf(row) === "Na" ? "identity" : headOf(row);
      const value = term === "projection" ? head : (num(row, columnOf(term)) ?? String(cellOf(row, term)));
      return { model, whose: isOwn(row) ? "yours" : "paper", outcome: OUTCOME_TITLES[outcome]!, effect, value, spread: spread(i) }; // biome-ignore format: one line
    }),
  );
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
      title: `Effect of ${NAMES[term]} on the error`,
      how: "A point is an encoder; left of zero the value lowered its error, right it raised it.",
      note: REPLACED,
      rows,
      spec: strip(rows, { title: NAMES[term]!, numeric, log: numeric }),
    };
  });
}

const importance: FigureMaker = (_, numbers) => {
  const rows = (Object.keys(OUTCOMES) as Outcome[]).flatMap((outcome) => {
    const { terms } = numbers[`ours.importance.${outcome}`] as { terms: Record<string, Record<string, number>> };
    return Object.entries(terms).map(([term, value]) => ({
      outcome: OUTCOME_TITLES[outcome]!,
      term: NAMES[term]!,
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

const controlled: FigureMaker = ({ all }, numbers) =>
  PAIRS.map(([id, paper, study, x, outcomes, log]): Figure => {
    const { groups, labels } = pairGroups(all, PAIR_STUDIES[study]!);
    const rows = groups.flatMap((group) =>
      group.rows.flatMap((row) =>
        outcomes.flatMap((outcome) => {
          const value = num(row, OUTCOMES[outcome]);
          return value === null ? [] : [{ group: shortLabel(group.rows), label: group.label, model: row.name, [x]: num(row, x) ?? String(row[x]), z_dim: num(row, "z_dim"), outcome: OUTCOME_TITLES[outcome]!, value }]; // biome-ignore format: one line
        }),
      ),
    );
    const numeric = typeof rows[0]?.[x] === "number";
    const repeated = groups.some(({ multiplicity }) => multiplicity > 1);
    const how = `Lines join models that differ in ${x.replaceAll("_", " ")} alone (same ${labels.slice(0, 4).join(", ")} ...); a falling line means that more of it lowers the error. ${fitted(numbers, study)}`;
    const drawn = id === "fig8_dim_tradeoff" ? tradeoffOf(rows) : undefined;
    return {
      id,
      paper,
      title: `Models that differ in ${x.replaceAll("_", " ")} alone`,
      how: drawn === undefined ? how : `The same ViT read at other layers: from small to large z_dim usability falls and probe generalization rises. ${fitted(numbers, study)}`, // biome-ignore format: one line
      ...(repeated ? { note: `As published, rows enter ${Math.max(...groups.map((g) => g.multiplicity))} times because several keys differ at once, which shrinks the p-values. ${fitted(numbers, study, "ols_upstream_duplicated_rows", "As published")}` } : {}), // biome-ignore format: one line
      rows: drawn ?? rows,
      spec:
        drawn === undefined
          ? lines(rows, { x: { field: x, title: x.replaceAll("_", " "), log, ordinal: !numeric }, y: { field: "value", title: "Error (%)" }, series: "group", facet: "outcome" }) // biome-ignore format: one line
          : scatter(drawn, { x: { field: "usability", title: "Usability (%)" }, y: { field: "probe_gen", title: "Probe generalization (%)" }, colour: { field: "group", title: "Encoder" }, size: { field: "z_dim", title: "z_dim" } }), // biome-ignore format: one line
    };
  });

/** What the names of a group's models share. */
function shortLabel(rows: readonly Row[]): string {
  const words = rows.map(({ name }) => name.split("_"));
  const shared = words[0]!.filter((word) => words.every((other) => other.includes(word)));
  return shared.length > 0 && shared.join("_") !== words[0]![0]
    ? `${shared.join("_")} (${rows[0]!.name})`
    : rows[0]!.name;
}

function tradeoffOf(rows: readonly Datum[]): Datum[] {
  const models = [...new Set(rows.map((row) => String(row.model)))];
  const value = (model: string, outcome: string) => rows.find((row) => row.model === model && row.outcome === OUTCOME_TITLES[outcome])?.value ?? null; // biome-ignore format: one line
  return models.map((model) => {
    const { group, z_dim } = rows.find((row) => row.model === model)!;
    return { model, whose: "paper", group: String(group).split(" ")[0]!, z_dim: z_dim ?? null, usability: value(model, "usability"), probe_gen: value(model, "probe_gen") }; // biome-ignore format: one line
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
        : [`${term} on ${outcome} ${c.coef.toFixed(2)} (p = ${c.p.toExponential(1)}, n = ${fit!.n})`],
    );
  });
  return parts.length === 0 ? "" : `${lead}: ${parts.join("; ")}.`;
}

const linear: FigureMaker = (_, numbers) => {
  const rows = Object.keys(TREATMENTS).flatMap((name) =>
    (Object.keys(OUTCOMES) as Outcome[]).flatMap((outcome) => {
      const { terms, n } = numbers[`gla.${name}.${outcome}`] as { n: number; terms: Record<string, Coefficient> };
      return Object.entries(terms).map(([term, c]): Datum => {
        const base = { treatment: name, outcome: OUTCOME_TITLES[outcome]!, term, n };
        return c.estimable === false
          ? { ...base, coef: null, se: null, p: null, estimable: false }
          : { ...base, coef: c.coef, se: c.se, p: c.p, low: c.lo, high: c.hi, estimable: true };
      });
    }),
  );
  const chosen = rows.filter((row) => row.coef !== null && ["family[T.vit]", "np.log(n_parameters)", "np.log(z_dim)", "np.log(nviews)", "np.log(epochs)", "projection2_arch[T.mlp]"].includes(String(row.term))); // biome-ignore format: one line
  return [
    {
      id: "controlled_effects",
      paper: "Appendix, controlled linear model",
      title: "Effect of a hyper-parameter with the others held fixed",
      how: "Coefficient and 95 % interval of a linear model with the paper's controls, in percent of error a unit of the term (logarithms are natural). The table holds all treatments.",
      note: "ssl_mode generative and projection head Na are the same nine rows: their effects have no unique value and are marked as not estimable, where pseudo-inverses print numbers around 1000.",
      rows,
      spec: bars(chosen.map((row) => ({ ...row, value: row.coef ?? null })), { category: "term", value: { field: "value", title: "Coefficient (%)" }, facet: "outcome" }), // biome-ignore format: one line
    },
  ];
};

export const HYPER_PARAMETER_CHAPTERS: readonly Chapter[] = [
  { ids: ALL_STRIPS.map(([id]) => id), needs: ["additive"], make: strips },
  { ids: PAIRS.map(([id]) => id), needs: ["controlledPairs"], make: controlled },
  { ids: ["importance"], needs: ["additive"], make: importance },
  { ids: ["controlled_effects"], needs: ["controlledEffects"], make: linear },
];
