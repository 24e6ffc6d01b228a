import { loadHistory } from "../history.ts";
import { bestPerYear, bestShareOfYear, bestTable, meanParts, radarScaled, rankChanges } from "../numbers/models.ts";
import { BUDGETS, type Budget, COMPONENTS, groupBy, num, type Row, type Study, studyOf } from "../study.ts";
import { above, lines, partsOf, scatter, slopes, stackedArea } from "./charts.ts";
import { BUDGET_TITLES, type Chapter, COLUMN_TITLES, type Datum, datum, type Figure, type FigureMaker, isOwn, OUTCOME_TITLES, PAPERS, PARTS, paperOf, whoseOf, YOURS } from "./figure.ts"; // biome-ignore format: one line
import { pairPlot } from "./pair-plot.ts";
import { radarGrid } from "./radar.ts";

const AXES = ["agg_risk", "approx", "usability", "probe_gen", "enc_gen"];
/** As the corners of a radar name them. */
const AXIS_NAMES = ["error", "approx.", "usability", "probe gen.", "encoder gen."];

const radar: FigureMaker = ({ complete }, numbers) => {
  const scaled = radarScaled(complete);
  const mean = numbers["radar.scaled.mean_of_rounded"] as Record<string, number>;
  const order = numbers["radar.order"] as string[];
  const panel = (title: string, values: Record<string, number>, own = false) => ({ title, own, radii: AXES.map((axis) => 1 - values[axis]!) }); // biome-ignore format: one line
  const chosen = scaled.filter(({ row }) => order.includes(row.name) || isOwn(row));
  const rows = (list: typeof scaled): Datum[] =>
    list.map(({ row, scaled: values }) => ({ model: row.name, whose: whoseOf(row), ...values }));
  const how =
    "Each axis runs from the worst of all encoders (centre) to the best (rim), so a larger polygon is a better encoder. From the top, counter-clockwise: error, approximation, usability, probe and encoder generalization.";
  return [
    {
      id: "radar",
      paper: "Main radar figure",
      title: "Risk profiles",
      how: `${how} The first panel is the mean encoder.`,
      needs: [...COMPONENTS, BUDGETS.full],
      rows: [{ model: "mean", whose: PAPERS, ...mean }, ...rows(chosen)],
      spec: radarGrid(
        [panel("mean", mean), ...chosen.map((p) => panel(p.row.name, p.scaled, isOwn(p.row)))],
        AXIS_NAMES,
      ),
    },
    {
      id: "radar_all",
      paper: "Appendix, all radars",
      title: `Risk profiles of all ${paperOf(scaled.map(({ row }) => row)).length} encoders`,
      how: `${how} Best first.`,
      needs: [...COMPONENTS, BUDGETS.full],
      rows: rows(scaled),
      spec: radarGrid(
        scaled.map((p) => panel(p.row.name, p.scaled, isOwn(p.row))),
        AXES.map(() => ""),
        { columns: 14, cell: 108, fontSize: 6.5 },
      ),
    },
  ];
};

/** Where components are missing, the training error stands for two of them: drawn as 0 the stack would end too low. */
function yearParts(year: string, row: Row): Datum[] {
  const parts = Object.fromEntries(COMPONENTS.map((part) => [part, num(row, part)]));
  const known = partsOf(year, parts, { model: row.name });
  if (parts.approx !== null) return known;
  const raw = loadHistory().rows[row.name]?.[0];
  const value = raw ?? num(row, BUDGETS.full)! - num(row, "enc_gen")! - num(row, "probe_gen")!;
  return [...known, { at: year, component: "Approximation + usability", order: 4, value, model: row.name }];
}

/** A diamond of each of the reader's own models at its error, where it has a place on the x axis. */
const ownPoints = (all: readonly Row[], column: string, extra: (row: Row) => Datum | null = () => ({})): Datum[] =>
  all.filter(isOwn).flatMap((row) => {
    const [at, value, more] = [num(row, column), num(row, BUDGETS.full), extra(row)];
    return at === null || value === null || more === null ? [] : [{ at: String(at), value, model: row.name, whose: YOURS, ...more }]; // biome-ignore format: one line
  });

const trend: FigureMaker = (study) => {
  const paper = paperOf(study.all);
  const in1k = paperOf(study.in1k);
  const best = bestPerYear(in1k).flatMap(({ year, row }) => yearParts(year, row));
  const asPublished = bestPerYear(in1k).flatMap(
    ({ year, row }) =>
    partsOf(`${year}`, Object.fromEntries(COMPONENTS.map((part) => [part, num(row, part) ?? 0])), { model: row.name, version: "as published" }), // biome-ignore format: one line
  );
  const mean = groupBy(paper, "year").flatMap(([year, rows]) => partsOf(year, meanParts(rows)));
  const grouped = (rows: readonly Row[], column: string, keep: (name: string) => boolean) =>
    groupBy(rows, column)
      .filter(([name]) => keep(name))
      .flatMap(([name, group]) => bestPerYear(group).flatMap(({ year, row }) => yearParts(year, row).map((part) => ({ ...part, group: name })))); // biome-ignore format: one line
  const versions = [...best.map((row) => ({ ...row, version: "corrected" })), ...asPublished];
  const own = [...new Set(versions.map(({ version }) => version))].flatMap((version) => ownPoints(study.all, "year", () => ({ version }))); // biome-ignore format: one line
  const ownMean = ownPoints(study.all, "year");
  const needs = ["year", BUDGETS.full];
  const how =
    "The height of the stack is the error of the year's best encoder, its bands are what the error is made of.";
  return [
    {
      id: "fig4_trend",
      paper: "Fig. 4",
      title: "What the best ImageNet-1K encoder of each year gets wrong",
      how,
      note: "As published, components that are missing are drawn as 0, so the stack of 2021 ends 0.85 too low; here the training error stands for both of them. The point of 2018 is a row whose checkpoint is not DeepCluster's (its error is 17.6 below the published one): it is kept, and left out with --errata drop.",
      needs,
      rows: [...versions, ...own],
      spec: stackedArea([...versions, ...own], "Year", { facet: "version" }),
    },
    {
      id: "trend_mean",
      paper: "Appendix, trends",
      title: "Mean risk of each year's encoders",
      how: "The bands are the mean components over all encoders of a year; components that are missing are left out of their mean.",
      needs,
      rows: [...mean, ...ownMean],
      spec: stackedArea([...mean, ...ownMean], "Year"),
    },
    ...(
      [
        ["trend_mode", "Best encoder of each year by kind of objective", paper, "ssl_mode", () => true],
        ["trend_family", "Best ImageNet-1K encoder of each year by architecture", in1k, "family", (name: string) => name !== "convnext"], // biome-ignore format: one line
      ] as const
    ).map(([id, title, rows, column, keep]): Figure => {
      const panels = grouped(rows, column, keep);
      const places = new Set(panels.map(({ group }) => group));
      const data: Datum[] = [...panels, ...ownPoints(study.all, "year", (row) => (places.has(String(row[column])) ? { group: String(row[column]) } : null))]; // biome-ignore format: one line
      return {
        id,
        paper: "Appendix, trends",
        title,
        how,
        needs: ["year", column, BUDGETS.full],
        rows: data,
        spec: stackedArea(data, "Year", { facet: "group" }),
      };
    }),
  ];
};

const tradeoff: FigureMaker = ({ all, in1k, complete }) => {
  const columns = ["usability", "probe_gen", BUDGETS.full, "year"];
  const paper = paperOf(in1k);
  const has = (row: Row, needed: readonly string[]) => needed.every((column) => num(row, column) !== null);
  const drawable = (rows: readonly Row[]) => rows.filter((row) => has(row, ["usability", "probe_gen"]));
  const share = (q: number): Datum[] =>
    bestShareOfYear(paper, q)
      .filter(({ year }) => Number(year) >= 2019)
      .flatMap(({ year, rows }) =>
        drawable(rows).map((row) => ({ ...datum(row, [...COMPONENTS, BUDGETS.full]), year })),
      );
  const ownRows = drawable(all.filter(isOwn));
  const own = ownRows.map((row) => datum(row, columns));
  const ownComplete = ownRows
    .filter((row) => has(row, COMPONENTS))
    .map((row) => datum(row, [...COMPONENTS, BUDGETS.full]));
  const points = [...drawable(paper).map((row) => datum(row, columns)), ...own];
  const best = [...share(0.19), ...own];
  const best15 = [...share(0.15).filter((row) => row.approx !== 0), ...ownComplete];
  const within = (field: string, [low, high]: [number, number]): [number, number] => {
    const mine = own.map((row) => row[field] as number);
    return [Math.min(low, ...mine), Math.max(high, ...mine)];
  };
  const pairs = COMPONENTS.map((field) => ({ field, title: COLUMN_TITLES[field]! }));
  return [
    {
      id: "tradeoff_all",
      paper: "Trade-off figure",
      title: "Usability against probe generalization, ImageNet-1K encoders",
      how: "Down and left is better on both; encoders that are usable tend to need more labels.",
      needs: ["usability", "probe_gen"],
      rows: points,
      spec: scatter(points, { x: { field: "usability", title: "Usability (%)" }, y: { field: "probe_gen", title: "Probe generalization (%)" } }), // biome-ignore format: one line
    },
    {
      id: "fig6_tradeoff_year",
      paper: "Fig. 6",
      title: "The trade-off among the best of each year",
      how: "Encoders within the best 19 % of their year, by year: progress went along the trade-off. Encoders without a measured usability are not drawn.",
      needs: ["usability", "probe_gen"],
      rows: best,
      spec: scatter(best, {
        x: { field: "probe_gen", title: "Probe generalization (%)", domain: within("probe_gen", [8, 27]) },
        y: { field: "usability", title: "Usability (%)", domain: within("usability", [-1, 6]) },
        colour: { field: "year", title: "Year" },
      }),
    },
    {
      id: "pairs_all",
      paper: "Appendix, trade-offs",
      title: "Components against each other, all encoders",
      how: "Each small plot is two components over all encoders, on the diagonal stands each one's density; correlations are in numbers.json under tradeoff.pair.*.",
      needs: COMPONENTS,
      rows: complete.map((row) => datum(row, COMPONENTS)),
      spec: pairPlot(complete.map((row) => datum(row, COMPONENTS)), pairs), // biome-ignore format: one line
    },
    {
      id: "pairs_best",
      paper: "Appendix, trade-offs",
      title: "Components against each other, the best 15 % of each year",
      how: "As above for the best encoders of each year since 2019, by year; the densities are those of all years together.",
      needs: COMPONENTS,
      rows: best15,
      spec: pairPlot(best15, pairs, { field: "year", title: "Year" }),
    },
  ];
};

/** Rank of a model of the reader's own among the paper's: one more than there are better ones. */
const rankAmong = (paper: readonly Row[], row: Row, column: string): number | null => {
  const error = num(row, column);
  return error === null
    ? null
    : 1 + paper.filter((other) => (num(other, column) ?? Number.POSITIVE_INFINITY) < error).length;
};

const ranks: FigureMaker = ({ metrics, all }, numbers) => {
  const paper = paperOf(metrics);
  const moved: Datum[] = rankChanges(paper).map(({ name, full, shot3, delta }) => ({ model: name, whose: PAPERS, full: full + 1, shot3: shot3 + 1, delta })); // biome-ignore format: one line
  const own = all.filter(isOwn).flatMap((row): Datum[] => {
    const [full, shot3] = [rankAmong(paper, row, BUDGETS.full), rankAmong(paper, row, BUDGETS.shot3)];
    return full === null || shot3 === null ? [] : [{ model: row.name, whose: YOURS, full, shot3, delta: full - shot3 }];
  });
  const top = [...moved].sort((a, b) => Math.abs(b.delta as number) - Math.abs(a.delta as number)).slice(0, 10);
  const places = [BUDGET_TITLES.full, BUDGET_TITLES.shot3];
  const drawn = [...top, ...own].flatMap(({ model, whose, full, shot3, delta }) => {
    const moves = (delta as number) > 0 ? "rises" : "falls";
    return places.map((at, i): Datum => ({ model: model!, whose: whose!, moves, at, rank: [full!, shot3!][i]! }));
  });
  const tau = numbers["rank.kendall_full_vs_3shot"] as { tau: number; p: number };
  return [
    {
      id: "ranks",
      paper: "Sec. 5.2",
      title: "Models whose rank changes most with few labels",
      how: `A line joins a model's rank with all labels to its rank with 3 a class; 1 is best. Kendall's tau of the two rankings is ${tau.tau.toFixed(2)}, the mean change ${(numbers["rank.mean_abs_change"] as number).toFixed(1)} ranks.`,
      needs: [BUDGETS.full, BUDGETS.shot3],
      rows: [...moved, ...own],
      spec: slopes(drawn, places),
    },
  ];
};

const budgets: FigureMaker = (study, numbers) => {
  const names = Object.keys(BUDGETS) as Budget[];
  const titles = names.map((budget) => BUDGET_TITLES[budget]);
  const paper = paperOf(study.all);
  const own = study.all.filter(isOwn);
  const best = (["probe_gen", "usability"] as const).flatMap((part) => names.map((budget): Datum => ({ budget: BUDGET_TITLES[budget], component: OUTCOME_TITLES[part]!, value: (numbers[`best20.${budget}`] as Record<string, number>)[part]! }))); // biome-ignore format: one line
  const five = names.flatMap(
    (budget) =>
    Object.entries(numbers[`best5.${budget}`] as Record<string, number>).map(([model, error], i): Datum => ({ budget: BUDGET_TITLES[budget], rank: i + 1, model, whose: PAPERS, error })), // biome-ignore format: one line
  );
  const ownFive = own.flatMap((row) =>
    names.flatMap((budget): Datum[] => {
      const rank = rankAmong(paper, row, BUDGETS[budget]);
      return rank === null ? [] : [{ budget: BUDGET_TITLES[budget], rank, model: row.name, whose: YOURS, error: num(row, BUDGETS[budget]) }]; // biome-ignore format: one line
    }),
  );
  const complete = names.map((budget) => `${numbers[`best_complete.${budget}`]} (${BUDGET_TITLES[budget]})`);
  const colours = Object.fromEntries(PARTS.map(({ title, colour }) => [title, colour]));
  return [
    {
      id: "best5",
      paper: "Sec. 5.2",
      title: "Five best models of each budget",
      how: `Error in percent. No model is among the five best at every budget. The best of those with all four components: ${complete.join(", ")}.`,
      needs: [BUDGETS.full],
      rows: [...five, ...ownFive],
    },
    {
      id: "fig5_evaluation",
      paper: "Fig. 5",
      title: "What the best encoders are good at, by number of labels",
      how: "Mean components of the best 20 % at each budget: with fewer labels the best are those that generalize from few, not those that are most usable. Both axes span 3 percent, and neither begins at 0.",
      noRuns: "its points are means over the paper's best encoders",
      rows: best,
      spec: above(
        (
          [
            ["probe_gen", [11.5, 14.5]],
            ["usability", [1.9, 4.9]],
          ] as const
        ).map(([part, domain]) => {
          const title = OUTCOME_TITLES[part]!;
          const points = best.filter(({ component }) => component === title);
          return lines(points, { x: { field: "budget", title: "Labels", ordinal: true, sort: titles }, y: { field: "value", title: `${title} (%)`, domain: [...domain] }, series: "component", colours, legend: false }); // biome-ignore format: one line
        }),
      ),
    },
    {
      id: "table2_best",
      paper: "Table 2",
      title: "Best models by architecture and labels",
      how: "Accuracy in percent with all labels, 1 % and 3 a class; in each kind the best of each column.",
      needs: [BUDGETS.full, BUDGETS.pct1, BUDGETS.shot3],
      rows: bestRows(study, own),
    },
  ];
};

const KIND_TITLES: Record<string, string> = {
  rn50: "ResNet-50, ImageNet-1K",
  cnn: "no ViT, ImageNet-1K",
  vits16: "ViT-S/16, ImageNet-1K",
  vit: "any ViT, ImageNet-1K",
  any_official_layer: "any, layer as its authors read it",
};

function bestRows(study: Study, own: readonly Row[]): Datum[] {
  const best = Object.entries(bestTable(studyOf(paperOf(study.all)))).flatMap(
    ([kind, models]) =>
    Object.entries(models).map(([model, [full, pct1, shot3]]): Datum => ({ kind: KIND_TITLES[kind]!, model, whose: PAPERS, full, pct1, shot3 })), // biome-ignore format: one line
  );
  const accuracy = (row: Row, column: string) => {
    const error = num(row, column);
    return error === null ? null : 100 - error;
  };
  const yours = own.map((row): Datum => ({ kind: "yours", model: row.name, whose: YOURS, full: accuracy(row, BUDGETS.full), pct1: accuracy(row, BUDGETS.pct1), shot3: accuracy(row, BUDGETS.shot3) })); // biome-ignore format: one line
  return [...best, ...yours.filter(({ full, pct1, shot3 }) => full !== null || pct1 !== null || shot3 !== null)];
}

export const MODEL_CHAPTERS: readonly Chapter[] = [
  { ids: ["radar", "radar_all"], needs: ["radars"], make: radar },
  { ids: ["fig4_trend", "trend_mean", "trend_mode", "trend_family"], needs: [], make: trend },
  { ids: ["tradeoff_all", "fig6_tradeoff_year", "pairs_all", "pairs_best"], needs: [], make: tradeoff },
  { ids: ["ranks"], needs: ["rankings", "correlations"], make: ranks },
  { ids: ["best5", "fig5_evaluation", "table2_best"], needs: ["rankings"], make: budgets },
];
