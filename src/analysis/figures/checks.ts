import { loadMetadata } from "../../tables/metadata.ts";
import { loadHistory } from "../history.ts";
import { logOf, STATISTICS } from "../numbers/correlations.ts";
import { officialDifferences } from "../numbers/groups.ts";
import { density } from "../statistics/density.ts";
import { BUDGETS, type Budget, COMPONENTS, num, type Row } from "../study.ts";
import { bars, densities, partsOf, scatter, stackedArea, strip } from "./charts.ts";
import { BUDGET_TITLES, type Chapter, COLUMN_TITLES, type Datum, datum, type FigureMaker, isOwn, OUTCOME_TITLES, PAPERS, paperOf, spreadOf, whoseOf } from "./figure.ts"; // biome-ignore format: one line
import { pairPlot } from "./pair-plot.ts";

const overview: FigureMaker = ({ all }, numbers) => {
  const paper = paperOf(all);
  const count = (what: string, value: unknown): Datum => ({ what, value: value as number });
  const mean = numbers["means.components_and_metrics"] as Record<string, number>;
  const std = numbers["std_to_explain.all_rows"] as Record<string, number>;
  return [
    {
      id: "overview",
      paper: "Sec. 4",
      title: "What was measured",
      how: "Counts of the results table, and means and standard deviations of components and errors over all encoders that have them, in percent.",
      noRuns: "it describes the paper's table",
      rows: [
        count("models", numbers["counts.models"]),
        count("objectives", numbers["counts.objectives"]),
        count("architectures", numbers["counts.architectures"]),
        count("models with all four components", numbers["counts.complete_components"]),
        count("first year", Math.min(...paper.flatMap((row) => num(row, "year") ?? []))),
        count("last year", Math.max(...paper.flatMap((row) => num(row, "year") ?? []))),
        ...Object.entries(mean).map(([column, value]): Datum => ({ what: `mean ${column}`, value, std: std[column === BUDGETS.full ? "agg_risk" : column] ?? null })), // biome-ignore format: one line
      ],
    },
  ];
};

const modes: FigureMaker = ({ all }, numbers) => {
  const order = ["transform", "generative", "contrastive", "siamese", "hierarchical", "clustering"];
  const rows = order.flatMap((mode) => {
    const found = numbers[`mode_usability.${mode}`] as { mean: number; sem: number; count: number } | undefined;
    return found === undefined ? [] : [{ mode, model: mode, whose: PAPERS, value: found.mean, low: found.mean - 1.96 * found.sem, high: found.mean + 1.96 * found.sem, n: found.count }]; // biome-ignore format: one line
  });
  const areas = (column: string, title: string): Datum[] =>
    Object.entries(numbers)
      .filter(([key]) => key.startsWith(`area.${column}.`))
      .flatMap(([key, value]) => partsOf(key.split(".").at(-1)!, value as Record<string, number>, { of: title }))
      .sort((a, b) => Number(a.at) - Number(b.at));
  const [augmentations, views] = [areas("n_augmentations", "augmentations"), areas("nviews", "views")];
  const own = all.filter(isOwn);
  const ownUsability = own.flatMap((row): Datum[] => {
    const value = num(row, "usability");
    return value === null || !order.includes(String(row.ssl_mode)) ? [] : [{ mode: String(row.ssl_mode), model: row.name, whose: whoseOf(row), value }]; // biome-ignore format: one line
  });
  const ownAt = (column: string) => own.flatMap((row): Datum[] => {
    const [at, value] = [num(row, column), num(row, BUDGETS.full)];
    return at === null || value === null ? [] : [{ at: String(at), model: row.name, whose: whoseOf(row), value }];
  }); // biome-ignore format: a small function
  const area = (id: string, column: string, title: string, stacked: Datum[], axis: string) => {
    const rows = [...stacked, ...ownAt(column)];
    return {
      id,
      paper: "Appendix, augmentations and views",
      title,
      how: "Mean components of the encoders with that number; later encoders have more of it, so year is a confounder (see the figure of both by year).",
      note: "Drawn as bars: the numbers are no equal steps, which an area would draw as such.",
      needs: [column, BUDGETS.full],
      rows,
      spec: stackedArea(rows, axis, { bars: true }),
    };
  };
  const confounded = (["n_augmentations", "nviews"] as const).flatMap((column) => all.flatMap((row): Datum[] => {
    const [year, value] = [num(row, "year"), num(row, column)];
    return year === null || value === null ? [] : [{ model: row.name, whose: whoseOf(row), what: column === "nviews" ? "number of views" : "augmentations", year, value }]; // biome-ignore format: one line
  })); // biome-ignore format: nested small functions
  const tau = (column: string) => (numbers[`confound.${column}_year`] as { kendall: number }).kendall.toFixed(2);
  return [
    {
      id: "fig12_usability_mode",
      paper: "Fig. 12",
      title: "Usability by kind of objective",
      how: "Mean usability error of the encoders of each kind; the rule is the mean's 95 % interval.",
      note: "Published intervals are bootstrapped; these are the mean plus and minus 1.96 standard errors.",
      needs: ["ssl_mode", "usability"],
      rows: [...rows, ...ownUsability],
      spec: bars([...rows, ...ownUsability], { category: "mode", value: { field: "value", title: "Usability error (%)" }, sort: order }), // biome-ignore format: one line
    },
    area("area_augmentations", "n_augmentations", "Components by number of augmentations, ImageNet-1K encoders", augmentations, "Augmentations"), // biome-ignore format: one line
    area("area_views", "nviews", "Components by number of views", views, "Views"),
    {
      id: "confounded",
      paper: "Appendix, augmentations and views",
      title: "Augmentations and views by year",
      how: `A point is an encoder: later ones have more of both (Kendall's tau with the year ${tau("n_augmentations")} and ${tau("nviews")}), so neither figure above shows an effect of its own.`,
      needs: ["year", "n_augmentations", "nviews"],
      rows: confounded,
      spec: scatter(confounded, { x: { field: "year", title: "Year", domain: [2014.5, 2022.5] }, y: { field: "value", title: "Number" }, facet: "what", columns: 2, independent: ["y"], width: 280, height: 220 }), // biome-ignore format: one line
    },
  ];
};

const validity: FigureMaker = ({ all }) => {
  const budgets = Object.entries(BUDGETS) as [Budget, string][];
  const errors = budgets.flatMap(([budget, column]) =>
    all.flatMap((row) => {
      const error = num(row, column);
      return error === null ? [] : [{ model: row.name, whose: whoseOf(row), budget: BUDGET_TITLES[budget], error }];
    }),
  );
  const columns = ["objective", "architecture", "epochs", ...COMPONENTS, ...Object.values(BUDGETS)];
  const table = [...all]
    .sort((a, b) => compare(a, b, ["objective", "architecture", "epochs"]))
    .map((row) => datum(row, columns));
  const curves = densityRows(errors.filter(({ whose }) => whose === PAPERS));
  const own = errors.filter(({ whose }) => whose !== PAPERS);
  const marks = DENSITY_VERSIONS.flatMap(([version]) => own.map(({ model, whose, budget, error }): Datum => ({ version, model, whose, budget, at: error, density: 0 }))); // biome-ignore format: one line
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
      id: "density",
      paper: "Appendix, errors by number of labels",
      title: "Distribution of the errors",
      how: "Density of the encoders' errors at each number of labels; with more labels the error of every encoder falls.",
      note: "As published, every row enters four times, which makes the densities too narrow; corrected, each enters once.",
      needs: [BUDGETS.full],
      rows: errors,
      spec: densities([...curves, ...marks], { title: "Error (%)", by: "budget", facet: "version" }),
    },
  ];
};

/** Points further than this from the published error are listed, and those further than that named in the figure. */
const [FAR, NAMED] = [3, 5];

const official: FigureMaker = ({ all }) => {
  const whose = new Map(all.map((row) => [row.name, whoseOf(row)]));
  const rows = (["full", "pct1", "shot5"] as const).flatMap(
    (budget) =>
    officialDifferences(all, budget).map(({ name, difference }, i): Datum => ({ model: name, whose: whose.get(name)!, budget: BUDGET_TITLES[budget], value: BUDGET_TITLES[budget], difference, spread: spreadOf(i), label: Math.abs(difference) > NAMED ? name : null, side: difference > 0 === Math.abs(difference) < 10 ? "right" : "left" })), // biome-ignore format: one line
  );
  // Names of points that lie together stand one below the other.
  const named = rows.filter(({ label }) => label !== null);
  for (const [i, row] of named.entries()) row.spread = 1.1 - (2.2 * i) / Math.max(1, named.length - 1);
  const far = rows.filter(({ difference }) => Math.abs(difference as number) > FAR);
  return [
    {
      id: "official",
      paper: "Appendix, comparison with published accuracies",
      title: "Error measured less error published",
      how: `A point is an encoder; right of zero our error is higher than the one its authors published. Encoders more than ${NAMED} away are named.`,
      needs: ["top1acc_in1k_official", BUDGETS.full],
      rows: rows.map(({ label: _, spread: __, value: ___, side: ____, ...row }) => row),
      spec: strip(rows, { x: { field: "difference", title: "Difference (%)" }, row: "budget", colour: { title: "Labels", numeric: false }, labels: "label", step: 130 }), // biome-ignore format: one line
    },
    {
      id: "official_far",
      other: `within ${FAR} of the published error`,
      paper: "Appendix, comparison with published accuracies",
      title: `Encoders more than ${FAR} from the published error`,
      how: "Difference in percent at each number of labels, largest first. Some are other checkpoints than their names say: see the errata of ssl-hub info.",
      needs: ["top1acc_in1k_official", BUDGETS.full],
      rows: far.map(({ model, whose, budget, difference }): Datum => ({ model: model!, whose: whose!, budget: budget!, difference: difference! })).sort((a, b) => Math.abs(b.difference as number) - Math.abs(a.difference as number)), // biome-ignore format: one line
    },
  ];
};

/** How often each row counts. */
const DENSITY_VERSIONS = [["as published", 4], ["corrected", 1]] as const; // biome-ignore format: one line

/** Densities of the errors of each budget, with every row four times as published and once. */
function densityRows(errors: readonly { budget: string; error: number }[]): Datum[] {
  const places = Array.from({ length: 101 }, (_, at) => at);
  return DENSITY_VERSIONS.flatMap(([version, copies]) =>
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

const history: FigureMaker = ({ all }, numbers) => {
  const zDim = new Map(Object.entries(loadMetadata()).map(([name, model]) => [name.toLowerCase(), model.representation.z_dim])); // biome-ignore format: one line
  const random = Object.entries(loadHistory().random_init).map(([model, [usability, probe_gen, enc_gen, agg_risk]]): Datum => ({ model, whose: PAPERS, usability, probe_gen, enc_gen, agg_risk, z_dim: zDim.get(model) ?? null })); // biome-ignore format: one line
  const drawn = random.filter((row) => row.usability !== null);
  const versions = ["default", "alternative"] as const;
  const alternatives = Object.keys(loadHistory().alternative).flatMap((model): Datum[] => {
    const found = numbers[`altdec.${model}`] as Record<(typeof versions)[number], { enc_gen: number; probe_gen: number }>; // biome-ignore format: one line
    return versions.map((version) => ({ model, whose: PAPERS, version, ...found[version] }));
  });
  const own = all.filter(isOwn).flatMap((row): Datum[] => {
    const values = ["enc_gen", "probe_gen", "alternative_enc_gen", "alternative_probe_gen"].map((column) =>
      num(row, column),
    );
    if (values.includes(null)) return [];
    const base = { model: row.name, whose: whoseOf(row) };
    return [{ ...base, version: "default", enc_gen: values[0]!, probe_gen: values[1]! }, { ...base, version: "alternative", enc_gen: values[2]!, probe_gen: values[3]! }]; // biome-ignore format: one line
  });
  const shown = [...alternatives.filter((row) => row.model !== "rotnet_rn50_in1k"), ...own];
  const labelled = shown.map((row) => ({ ...row, label: row.version === "default" ? row.model! : null }));
  const domains = own.length > 0 ? {} : { x: [3, 29] as [number, number], y: [-0.5, 8] as [number, number] };
  return [
    {
      id: "random_init",
      paper: "Appendix, random initialisation",
      title: "Encoders that were never trained",
      how: "Nearly all of their error is usability: the features separate nothing.",
      note: "From the history of the paper's repository; the results table has no rows of them. Two whose usability was not measured are not drawn.",
      noRuns: "it holds encoders that were never trained",
      rows: random,
      spec: scatter(drawn, { x: { field: "usability", title: "Usability (%)" }, y: { field: "probe_gen", title: "Probe generalization (%)" }, size: { field: "z_dim", title: "z_dim" }, labels: "model", width: 560, height: 380 }), // biome-ignore format: one line
    },
    {
      id: "alternative",
      paper: "Appendix, alternative decomposition",
      title: "Default and alternative decomposition",
      how: "Each encoder twice, joined by a line and named at the default: the alternative, which fits the probe on the union of training and test, gives a smaller encoder generalization and a larger probe generalization, in much the same order.",
      needs: ["enc_gen", "probe_gen", "alternative_enc_gen", "alternative_probe_gen"],
      rows: [...alternatives, ...own],
      spec: scatter(labelled, { x: { field: "probe_gen", title: "Probe generalization (%)", ...(domains.x && { domain: domains.x }) }, y: { field: "enc_gen", title: "Encoder generalization (%)", ...(domains.y && { domain: domains.y }) }, colour: { field: "version", title: "Decomposition" }, joined: "model", labels: "label", width: 560, height: 420 }), // biome-ignore format: one line
    },
  ];
};

const correlations: FigureMaker = ({ all, complete, rn50 }, numbers) => {
  const names = Object.keys(BUDGETS) as Budget[];
  type Found = { n: number; kendall: number; kendall_p: number };
  const rows = names.flatMap((budget) =>
    COMPONENTS.map((part) => {
      const { kendall, kendall_p: p, n } = numbers[`corr.${part}.${budget}`] as Found;
      return { budget: BUDGET_TITLES[budget], component: OUTCOME_TITLES[part]!, kendall, p, n };
    }),
  );
  const panels = (list: readonly Row[], budgets: readonly Budget[], key: string, errorOf: (row: Row, budget: Budget) => number | null) =>
    (["usability", "probe_gen"] as const).flatMap((part) => budgets.flatMap((budget) => {
      const { kendall } = numbers[`${key}.${part}.${budget}`] as Found;
      const panel = `${OUTCOME_TITLES[part]}, ${BUDGET_TITLES[budget]}: tau ${kendall.toFixed(2)}`;
      return list.flatMap((row): Datum[] => {
        const [value, error] = [num(row, part), errorOf(row, budget)];
        return value === null || error === null ? [] : [{ panel, model: row.name, whose: whoseOf(row), component: part, budget: BUDGET_TITLES[budget], value, error }]; // biome-ignore format: one line
      });
    })); // biome-ignore format: nested small functions
  const against = panels(all, names, "corr", (row, budget) => num(row, BUDGETS[budget]));
  const price = panels(complete, names.slice(1), "corr_delta", (row, budget) => {
    const [few, full] = [num(row, BUDGETS[budget]), num(row, BUDGETS.full)];
    return few === null || full === null ? null : few - full;
  });
  const few = rn50.filter((row) => (num(row, "trainrealaug_vars") ?? 1) < 0.5);
  const statistics = few.map((row) => datum(row, [...STATISTICS, "usability", "probe_gen", BUDGETS.full]));
  const dims = all
    .filter((row) => num(row, "usability") !== null && logOf(row, "train_rank") !== null)
    .map((row) => datum(row, ["train_rank", "usability", "z_dim"]));
  return [
    {
      id: "correlations",
      paper: "Appendix, correlations",
      title: "Which component goes with the error, by number of labels",
      how: "Kendall's tau between a component and the error over all encoders, one panel a number of labels: with few labels probe generalization tells more than usability.",
      noRuns: "it counts pairs of the paper's encoders",
      rows,
      spec: bars(rows, { category: "component", value: { field: "kendall", title: "Kendall's tau" }, facet: "budget" }),
    },
    {
      id: "correlation_scatter",
      paper: "Appendix, correlations",
      title: "Usability and probe generalization against the error",
      how: "A point is an encoder, a panel a component and a number of labels, with Kendall's tau above it.",
      needs: ["usability", "probe_gen", BUDGETS.full],
      rows: against,
      spec: scatter(against, { x: { field: "value", title: "Component (%)" }, y: { field: "error", title: "Error (%)" }, facet: "panel", columns: 5, independent: ["x", "y"], width: 150, height: 130 }), // biome-ignore format: one line
    },
    {
      id: "gap",
      paper: "Appendix, correlations",
      title: "Price of few labels",
      how: "Error with few labels less error with all, over usability and over probe generalization: what generalizes badly pays more.",
      needs: ["usability", "probe_gen", BUDGETS.full, BUDGETS.shot3],
      rows: price,
      spec: scatter(price, { x: { field: "value", title: "Component (%)" }, y: { field: "error", title: "Error less error at all (%)" }, facet: "panel", columns: 4, independent: ["x", "y"], width: 170, height: 140 }), // biome-ignore format: one line
    },
    {
      id: "statistics",
      paper: "Appendix, statistics of representations",
      title: "Statistics of ResNet-50 representations and errors",
      how: "Each small plot is two columns over ResNet-50 encoders; the regressions are in numbers.json under statistics.ols.*.",
      needs: ["architecture_exact", ...STATISTICS.slice(0, 4), "trainrealaug_vars", "usability", "probe_gen"],
      rows: statistics,
      spec: pairPlot(
        statistics,
        [...STATISTICS.slice(0, 4), "usability", "probe_gen", "agg_risk"].map((field) => ({ field, title: COLUMN_TITLES[field]! })), // biome-ignore format: one line
      ),
    },
    {
      id: "rank",
      paper: "Appendix, dimension",
      title: "Effective dimension and usability",
      how: "Rank of the training representations (log axis) over usability error: higher ranks are more usable.",
      needs: ["train_rank", "usability"],
      rows: dims,
      spec: scatter(dims, { x: { field: "train_rank", title: "Rank of the representations", log: true }, y: { field: "usability", title: "Usability (%)" } }), // biome-ignore format: one line
    },
  ];
};

/** What cannot be had from the table, and why. */
export const NOT_REPRODUCED: readonly { what: string; why: string }[] = [
  { what: "SHAP values and boosted trees (Fig. 7, 9a, 10, 11a, 13, 14 and the appendix)", why: "The tuned trees were not released, and their sums depend on threads; an additive linear attribution is shown instead, their printed errors are recorded. Its effects are in percent of error, where the appendix divides by the mean of the outcome and cuts at 0.7." }, // biome-ignore format: one line
  { what: "SHAP of single objectives (Fig. 13 by objective, Fig. 14 by clustering objective)", why: "Most of the 28 objectives have a few encoders, which differ in nothing else that could be told apart: a linear model with a term an objective has no unique answer. The kind of objective is shown." }, // biome-ignore format: one line
  { what: "SHAP of learning rate, weight decay, hidden parameters of the head, number of clusters (appendix)", why: "Too many encoders lack them for a term of the additive model; the controlled effects have them, on the rows that have the value." }, // biome-ignore format: one line
  { what: "raw.cmpl_test_minus_train_test", why: "It needs errors of probes fitted without the held-out part, which neither the table nor the history that could be read holds." }, // biome-ignore format: one line
  { what: "scaling.encoder_dependent.enc", why: "One law an encoder has 440 parameters on 291 points: its optimum is not unique, so no number means anything." }, // biome-ignore format: one line
  { what: "Fig. 15", why: "A drawing of the lattice of risks without data." },
];

const yours: FigureMaker = ({ all }) => {
  const rows = all
    .filter(isOwn)
    .map((row) =>
      datum(row, [
        ...COMPONENTS,
        ...Object.values(BUDGETS),
        "objective",
        "ssl_mode",
        "architecture",
        "z_dim",
        "n_parameters",
        "epochs",
        "batch_size",
        "nviews",
        "n_augmentations",
        "year",
        "pretraining_data",
      ]),
    );
  if (rows.length === 0) return [];
  return [{ id: "yours", paper: "Yours", title: "Your own runs", how: "The models that were given with --runs: what is known of them. Fits, p-values and all other quantities are the paper's alone.", rows }]; // biome-ignore format: one line
};

export const CHECK_CHAPTERS: readonly Chapter[] = [
  { ids: ["overview"], needs: ["overview"], make: overview },
  { ids: ["fig12_usability_mode", "area_augmentations", "area_views", "confounded"], needs: ["groups", "correlations"], make: modes }, // biome-ignore format: one line
  { ids: ["table_all", "density"], needs: [], make: validity },
  { ids: ["official", "official_far"], needs: [], make: official },
  { ids: ["random_init", "alternative"], needs: ["alternatives"], make: history },
  { ids: ["correlations", "correlation_scatter", "gap", "statistics", "rank"], needs: ["correlations"], make: correlations }, // biome-ignore format: one line
  { ids: ["yours"], needs: [], make: yours },
];
