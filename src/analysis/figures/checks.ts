import { loadMetadata } from "../../tables/metadata.ts";
import { loadHistory } from "../history.ts";
import { logOf, STATISTICS } from "../numbers/correlations.ts";
import { officialDifferences } from "../numbers/groups.ts";
import { density } from "../statistics/density.ts";
import { BUDGETS, type Budget, COMPONENTS, num, type Row } from "../study.ts";
import { bars, densities, pairPlot, partsOf, scatter, stackedArea } from "./charts.ts";
import { BUDGET_TITLES, type Chapter, type Datum, datum, type FigureMaker, isOwn } from "./figure.ts";

const modes: FigureMaker = (_, numbers) => {
  const order = ["transform", "generative", "contrastive", "siamese", "hierarchical", "clustering"];
  const rows = order.flatMap((mode) => {
    const found = numbers[`mode_usability.${mode}`] as { mean: number; sem: number; count: number } | undefined;
    return found === undefined ? [] : [{ mode, value: found.mean, low: found.mean - 1.96 * found.sem, high: found.mean + 1.96 * found.sem, n: found.count }]; // biome-ignore format: one line
  });
  const areas = (column: string, title: string): Datum[] =>
    Object.entries(numbers)
      .filter(([key]) => key.startsWith(`area.${column}.`))
      .flatMap(([key, value]) => partsOf(key.split(".").at(-1)!, value as Record<string, number>, { of: title }))
      .sort((a, b) => Number(a.at) - Number(b.at));
  const [augmentations, views] = [areas("n_augmentations", "augmentations"), areas("nviews", "views")];
  const area = (id: string, title: string, rows: Datum[], axis: string) => ({
    id,
    paper: "Appendix, augmentations and views",
    title,
    how: "Mean components of the encoders with that number; later encoders have more of it, so year is a confounder (numbers.json, confound.*).",
    rows,
    spec: stackedArea(rows, axis, { bars: true }),
  });
  return [
    {
      id: "fig12_usability_mode",
      paper: "Fig. 12",
      title: "Usability by kind of objective",
      how: "Mean usability error of the encoders of each kind; the rule is the mean's 95 % interval.",
      note: "Published intervals are bootstrapped; these are the mean plus and minus 1.96 standard errors.",
      rows,
      spec: bars(rows, { category: "mode", value: { field: "value", title: "Usability error (%)" }, sort: order }),
    },
    area("area_augmentations", "Components by number of augmentations, ImageNet-1K encoders", augmentations, "Augmentations"), // biome-ignore format: one line
    area("area_views", "Components by number of views", views, "Views"),
  ];
};

const validity: FigureMaker = ({ all }) => {
  const budgets = Object.entries(BUDGETS) as [Budget, string][];
  const errors = budgets.flatMap(([budget, column]) =>
    all.flatMap((row) => {
      const error = num(row, column);
      return error === null ? [] : [{ model: row.name, budget: BUDGET_TITLES[budget], error }];
    }),
  );
  const official = (["full", "pct1", "shot5"] as const).flatMap(
    (budget) =>
    officialDifferences(all, budget).map(({ name, difference }, i) => ({ model: name, whose: "paper", outcome: BUDGET_TITLES[budget], effect: difference, budget: BUDGET_TITLES[budget], difference, row: i })), // biome-ignore format: one line
  );
  const columns = ["objective", "architecture", "epochs", ...COMPONENTS, ...Object.values(BUDGETS)];
  const table = [...all]
    .sort((a, b) => compare(a, b, ["objective", "architecture", "epochs"]))
    .map((row) => datum(row, columns));
  return [
    {
      id: "table_all",
      paper: "Appendix, all results",
      title: "All encoders",
      how: "Components and errors in percent, by objective, architecture and epochs.",
      note: "As published, the column of 30 labels a class repeats that of 5 a class; here it holds its own.",
      rows: table,
    },
    {
      id: "official",
      paper: "Appendix, comparison with published accuracies",
      title: "Error measured less error published",
      how: "A point is an encoder; right of zero our error is higher than the one its authors published. Points far from zero are listed in numbers.json under official.over3.",
      rows: official,
      spec: scatter(official, { x: { field: "difference", title: "Difference (%)" }, y: { field: "row", title: "Encoder", bare: true }, colour: { field: "budget", title: "Labels" } }), // biome-ignore format: one line
    },
    {
      id: "density",
      paper: "Appendix, errors by number of labels",
      title: "Distribution of the errors",
      how: "Density of the encoders' errors at each number of labels; with more labels the error of every encoder falls.",
      note: "As published, every row enters four times, which makes the densities too narrow; corrected, each enters once.",
      rows: errors,
      spec: densities(densityRows(errors), { title: "Error (%)", by: "budget", facet: "version" }),
    },
  ];
};

/** Densities of the errors of each budget, with every row four times as published and once. */
function densityRows(errors: readonly { budget: string; error: number }[]): Datum[] {
  const places = Array.from({ length: 101 }, (_, at) => at);
  const versions = [["as published", 4], ["corrected", 1]] as const; // biome-ignore format: one line
  return versions.flatMap(([version, copies]) =>
    Object.values(BUDGET_TITLES).flatMap((budget) => {
      const x = errors.filter((row) => row.budget === budget).map(({ error }) => error);
      return density(x, places, copies).map((value, at): Datum => ({ version, budget, at, density: value }));
    }),
  );
}

function compare(a: Row, b: Row, columns: readonly string[]): number {
  for (const column of columns) {
    const [x, y] = [a[column], b[column]];
    if (x !== y) return (typeof x === "number" && typeof y === "number" ? x < y : String(x) < String(y)) ? -1 : 1;
  }
  return 0;
}

const history: FigureMaker = (_, numbers) => {
  const zDim = new Map(Object.entries(loadMetadata()).map(([name, model]) => [name.toLowerCase(), model.representation.z_dim])); // biome-ignore format: one line
  const random = Object.entries(loadHistory().random_init).map(([model, [usability, probe_gen, enc_gen, agg_risk]]): Datum => ({ model, whose: "paper", usability, probe_gen, enc_gen, agg_risk, z_dim: zDim.get(model) ?? null })); // biome-ignore format: one line
  const drawn = random.filter((row) => row.usability !== null);
  const alternatives = Object.keys(loadHistory().alternative).flatMap((model): Datum[] => {
    const found = numbers[`altdec.${model}`] as Record<
      "default" | "alternative",
      { enc_gen: number; probe_gen: number }
    >;
    return (["default", "alternative"] as const).map((version) => ({
      model,
      whose: "paper",
      version,
      ...found[version],
    }));
  });
  const shown = alternatives.filter((row) => row.model !== "rotnet_rn50_in1k");
  return [
    {
      id: "random_init",
      paper: "Appendix, random initialisation",
      title: "Encoders that were never trained",
      how: "Nearly all of their error is usability: the features separate nothing.",
      note: "From the history of the paper's repository; the results table has no rows of them. Two whose usability was not measured are not drawn.",
      rows: random,
      spec: scatter(drawn, { x: { field: "usability", title: "Usability (%)" }, y: { field: "probe_gen", title: "Probe generalization (%)" }, size: { field: "z_dim", title: "z_dim" }, labels: true }), // biome-ignore format: one line
    },
    {
      id: "alternative",
      paper: "Appendix, alternative decomposition",
      title: "Default and alternative decomposition",
      how: "Each encoder twice: the alternative, which fits the probe on the union of training and test, gives a smaller encoder generalization and a larger probe generalization, in much the same order.",
      rows: alternatives,
      spec: scatter(shown, { x: { field: "probe_gen", title: "Probe generalization (%)" }, y: { field: "enc_gen", title: "Encoder generalization (%)" }, colour: { field: "version", title: "Decomposition" }, labels: true }), // biome-ignore format: one line
    },
  ];
};

const correlations: FigureMaker = ({ all, complete, rn50 }, numbers) => {
  const names = Object.keys(BUDGETS) as Budget[];
  const rows = names.flatMap((budget) =>
    COMPONENTS.flatMap((part) => {
      const found = numbers[`corr.${part}.${budget}`] as { n: number; kendall: number; kendall_p: number };
      return [
        { budget: BUDGET_TITLES[budget], component: part, kendall: found.kendall, p: found.kendall_p, n: found.n },
      ];
    }),
  );
  const few = rn50.filter((row) => (num(row, "trainrealaug_vars") ?? 1) < 0.5);
  const statistics = few.map((row) => datum(row, [...STATISTICS, "usability", "probe_gen", BUDGETS.full]));
  const dims = all
    .filter((row) => num(row, "usability") !== null && logOf(row, "train_rank") !== null)
    .map((row) => datum(row, ["train_rank", "usability", "z_dim"]));
  const gaps = complete.flatMap(
    (row) =>
    num(row, BUDGETS.shot3) === null ? [] : [{ ...datum(row, ["usability", "probe_gen"]), gap: num(row, BUDGETS.shot3)! - num(row, BUDGETS.full)! }], // biome-ignore format: one line
  );
  return [
    {
      id: "correlations",
      paper: "Appendix, correlations",
      title: "Which component goes with the error, by number of labels",
      how: "Kendall's tau between a component and the error over all encoders, one panel a number of labels: with few labels probe generalization tells more than usability.",
      rows,
      spec: bars(rows, { category: "component", value: { field: "kendall", title: "Kendall's tau" }, facet: "budget" }),
    },
    {
      id: "gap",
      paper: "Appendix, correlations",
      title: "Price of few labels",
      how: "Error with 3 labels a class less error with all, over probe generalization: what generalizes badly pays more.",
      rows: gaps,
      spec: scatter(gaps, { x: { field: "probe_gen", title: "Probe generalization (%)" }, y: { field: "gap", title: "Error at 3 a class less error at all (%)" } }), // biome-ignore format: one line
    },
    {
      id: "statistics",
      paper: "Appendix, statistics of representations",
      title: "Statistics of ResNet-50 representations and errors",
      how: "Each small plot is two columns over ResNet-50 encoders; the regressions are in numbers.json under statistics.ols.*.",
      rows: statistics,
      spec: pairPlot(statistics, [...STATISTICS.slice(0, 4), "usability", "probe_gen", "agg_risk"]),
    },
    {
      id: "rank",
      paper: "Appendix, dimension",
      title: "Effective dimension and usability",
      how: "Rank of the training representations (log axis) over usability error: higher ranks are more usable.",
      rows: dims,
      spec: scatter(dims, { x: { field: "train_rank", title: "Rank of the representations", log: true }, y: { field: "usability", title: "Usability (%)" } }), // biome-ignore format: one line
    },
  ];
};

/** What cannot be had from the table, and why. */
export const NOT_REPRODUCED: readonly { what: string; why: string }[] = [
  { what: "SHAP values and boosted trees (Fig. 7, 9a, 10, 11a, 13, 14 and the appendix)", why: "The tuned trees were not released, and their sums depend on threads; an additive linear attribution is shown instead, their printed errors are recorded." }, // biome-ignore format: one line
  { what: "raw.cmpl_test_minus_train_test", why: "It needs errors of probes fitted without the held-out part, which neither the table nor the history that could be read holds." }, // biome-ignore format: one line
  { what: "scaling.encoder_dependent.enc", why: "One law an encoder has 440 parameters on 291 points: its optimum is not unique, so no number means anything." }, // biome-ignore format: one line
  { what: "Fig. 15", why: "A drawing of the lattice of risks without data." },
];

const yours: FigureMaker = ({ all }) => {
  const rows = all.filter(isOwn).map((row) => datum(row, [...COMPONENTS, ...Object.values(BUDGETS)]));
  if (rows.length === 0) return [];
  return [{ id: "yours", paper: "Yours", title: "Your own runs", how: "The models that were given with --runs; figures mark them with a red diamond.", rows }]; // biome-ignore format: one line
};

export const CHECK_CHAPTERS: readonly Chapter[] = [
  { ids: ["fig12_usability_mode", "area_augmentations", "area_views"], needs: ["groups"], make: modes },
  { ids: ["table_all", "official", "density"], needs: [], make: validity },
  { ids: ["random_init", "alternative"], needs: ["alternatives"], make: history },
  { ids: ["correlations", "gap", "statistics", "rank"], needs: ["correlations"], make: correlations },
  { ids: ["yours"], needs: [], make: yours },
];
