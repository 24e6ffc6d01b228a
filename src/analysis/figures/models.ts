import { loadHistory } from "../history.ts";
import { bestPerYear, bestShareOfYear, bestTable, meanParts, radarScaled, rankChanges } from "../numbers/models.ts";
import { BUDGETS, type Budget, COMPONENTS, groupBy, num, type Row } from "../study.ts";
import { lines, pairPlot, partsOf, radarGrid, scatter, stackedArea } from "./charts.ts";
import { BUDGET_TITLES, type Chapter, type Datum, datum, type Figure, type FigureMaker, isOwn } from "./figure.ts";

const AXES = ["agg_risk", "approx", "usability", "probe_gen", "enc_gen"];
const SHOWN = 5;

const radar: FigureMaker = ({ complete }, numbers) => {
  const scaled = radarScaled(complete);
  const mean = numbers["radar.scaled.mean_of_rounded"] as Record<string, number>;
  const order = numbers["radar.order"] as string[];
  const panel = (title: string, values: Record<string, number>, own = false) => ({ title, own, radii: AXES.map((axis) => 1 - values[axis]!) }); // biome-ignore format: one line
  const chosen = scaled.filter(({ row }) => order.includes(row.name) || isOwn(row));
  const rows = (list: typeof scaled): Datum[] =>
    list.map(({ row, scaled: values }) => ({ model: row.name, ...values }));
  const how =
    "Each axis runs from the worst of all encoders (centre) to the best (rim), so a larger polygon is a better encoder. From the top, counter-clockwise: error, approximation, usability, probe and encoder generalization.";
  return [
    {
      id: "radar",
      paper: "Main radar figure",
      title: "Risk profiles",
      how: `${how} The first panel is the mean encoder.`,
      rows: [{ model: "mean", ...mean }, ...rows(chosen)],
      spec: radarGrid(
        [panel("mean", mean), ...chosen.slice(0, SHOWN + 6).map((p) => panel(p.row.name, p.scaled, isOwn(p.row)))],
        AXES,
      ),
    },
    {
      id: "radar_all",
      paper: "Appendix, all radars",
      title: `Risk profiles of all ${scaled.length} encoders`,
      how: `${how} Best first.`,
      rows: rows(scaled),
      spec: radarGrid(
        scaled.map((p) => panel(p.row.name, p.scaled, isOwn(p.row))),
        AXES.map(() => ""),
        { columns: 14, cell: 100, fontSize: 7 },
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

const trend: FigureMaker = ({ all, in1k }) => {
  const paper = all.filter((row) => !isOwn(row));
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
  const how =
    "The height of the stack is the error of the year's best encoder, its bands are what the error is made of.";
  return [
    {
      id: "fig4_trend",
      paper: "Fig. 4",
      title: "What the best ImageNet-1K encoder of each year gets wrong",
      how,
      note: "As published, components that are missing are drawn as 0, so the stack of 2021 ends 0.85 too low; here the training error stands for both of them. The point of 2018 is a row whose checkpoint is not DeepCluster's (its error is 17.6 below the published one): it is kept, and left out with --errata drop.",
      rows: [...best.map((row) => ({ ...row, version: "corrected" })), ...asPublished],
      spec: stackedArea([...best.map((row) => ({ ...row, version: "corrected" })), ...asPublished], "Year", { facet: "version" }), // biome-ignore format: one line
    },
    {
      id: "trend_mean",
      paper: "Appendix, trends",
      title: "Mean risk of each year's encoders",
      how: "The bands are the mean components over all encoders of a year; components that are missing are left out of their mean.",
      rows: mean,
      spec: stackedArea(mean, "Year"),
    },
    ...(
      [
        ["trend_mode", "Best encoder of each year by kind of objective", all, "ssl_mode", () => true],
        ["trend_family", "Best ImageNet-1K encoder of each year by architecture", in1k, "family", (name: string) => name !== "convnext"], // biome-ignore format: one line
      ] as const
    ).map(([id, title, rows, column, keep]): Figure => {
      const data = grouped(rows, column, keep);
      return {
        id,
        paper: "Appendix, trends",
        title,
        how,
        rows: data,
        spec: stackedArea(data, "Year", { facet: "group" }),
      };
    }),
  ];
};

const tradeoff: FigureMaker = ({ all, in1k, complete }) => {
  const columns = ["usability", "probe_gen", BUDGETS.full, "year"];
  const drawable = in1k.filter((row) => num(row, "usability") !== null);
  const share = (q: number): Datum[] =>
    bestShareOfYear(in1k, q)
      .filter(({ year }) => Number(year) >= 2019)
      .flatMap(({ year, rows }) => rows.filter((row) => num(row, "usability") !== null).map((row) => ({ ...datum(row, [...COMPONENTS, BUDGETS.full]), year }))); // biome-ignore format: one line
  const points = drawable.map((row) => datum(row, columns));
  const own = all.filter((row) => isOwn(row) && num(row, "usability") !== null).map((row) => datum(row, columns));
  const x = { field: "usability", title: "Usability (%)" };
  const y = { field: "probe_gen", title: "Probe generalization (%)" };
  const best = share(0.19);
  const best15 = share(0.15).filter((row) => row.approx !== 0);
  return [
    {
      id: "tradeoff_all",
      paper: "Trade-off figure",
      title: "Usability against probe generalization, ImageNet-1K encoders",
      how: "Down and left is better on both; encoders that are usable tend to need more labels.",
      rows: [...points, ...own],
      spec: scatter([...points, ...own], { x, y }),
    },
    {
      id: "fig6_tradeoff_year",
      paper: "Fig. 6",
      title: "The trade-off among the best of each year",
      how: "Encoders within the best 19 % of their year, by year: progress went along the trade-off. Encoders without a measured usability are not drawn.",
      rows: best,
      spec: scatter(best, {
        x: { field: "probe_gen", title: "Probe generalization (%)", domain: [8, 27] },
        y: { field: "usability", title: "Usability (%)", domain: [-1, 6] },
        colour: { field: "year", title: "Year" },
      }),
    },
    {
      id: "pairs_all",
      paper: "Appendix, trade-offs",
      title: "All pairs of components",
      how: "Each small plot shows two components of all encoders in percent; a slope would mean that they move together.",
      rows: complete.map((row) => datum(row, COMPONENTS)),
      spec: pairPlot(complete.map((row) => datum(row, COMPONENTS)), COMPONENTS), // biome-ignore format: one line
    },
    {
      id: "pairs_best",
      paper: "Appendix, trade-offs",
      title: "Pairs of components among the best 15 % of each year",
      how: "As before, for ImageNet-1K encoders since 2019 whose error is within the best 15 % of their year, coloured by year.",
      rows: best15,
      spec: pairPlot(best15, COMPONENTS, "year"),
    },
  ];
};

const budgets: FigureMaker = (study, numbers) => {
  const names = Object.keys(BUDGETS) as Budget[];
  const titles = names.map((budget) => BUDGET_TITLES[budget]);
  const best = names.flatMap((budget) => {
    const mean = numbers[`best20.${budget}`] as Record<string, number>;
    return [
      { budget: BUDGET_TITLES[budget], component: "Usability", value: mean.usability! },
      { budget: BUDGET_TITLES[budget], component: "Probe generalization", value: mean.probe_gen! },
    ];
  });
  const moved = rankChanges(study.metrics);
  const top = [...moved].sort((a, b) => Math.abs(b.delta) - Math.abs(a.delta)).slice(0, 10);
  const slopes = top.flatMap(({ name, full, shot3 }) => [
    { model: name, budget: BUDGET_TITLES.full, rank: full + 1 },
    { model: name, budget: BUDGET_TITLES.shot3, rank: shot3 + 1 },
  ]);
  const table = Object.entries(bestTable(study)).flatMap(([kind, models]) => {
    const distinct = Object.entries(models);
    return distinct.map(([model, [full, pct1, shot3]]) => ({ kind, model, full, pct1, shot3 }));
  });
  const five = names.flatMap(
    (budget) =>
    Object.entries(numbers[`best5.${budget}`] as Record<string, number>).map(([model, error], i) => ({ budget: BUDGET_TITLES[budget], rank: i + 1, model, error })), // biome-ignore format: one line
  );
  const tau = numbers["rank.kendall_full_vs_3shot"] as { tau: number; p: number };
  return [
    {
      id: "ranks",
      paper: "Sec. 5.2",
      title: "Models whose rank changes most with few labels",
      how: `A line joins a model's rank with all labels to its rank with 3 a class; 1 is best. Kendall's tau of the two rankings is ${tau.tau.toFixed(2)}, the mean change ${(numbers["rank.mean_abs_change"] as number).toFixed(1)} ranks.`,
      rows: moved.map((row) => ({ ...row, full: row.full + 1, shot3: row.shot3 + 1 })),
      spec: lines(slopes, { x: { field: "budget", title: "Labels", ordinal: true, sort: [BUDGET_TITLES.full, BUDGET_TITLES.shot3] }, y: { field: "rank", title: "Rank" }, series: "model" }), // biome-ignore format: one line
    },
    {
      id: "best5",
      paper: "Sec. 5.2",
      title: "Five best models of each budget",
      how: "No model is among the five best at every budget.",
      rows: five,
    },
    {
      id: "fig5_evaluation",
      paper: "Fig. 5",
      title: "What the best encoders are good at, by number of labels",
      how: "Mean components of the best 20 % at each budget: with fewer labels the best are those that generalize from few, not those that are most usable.",
      rows: best,
      spec: lines(best, { x: { field: "budget", title: "Labels", ordinal: true, sort: titles }, y: { field: "value", title: "Error (%)" }, series: "component", facet: "component" }), // biome-ignore format: one line
    },
    {
      id: "table2_best",
      paper: "Table 2",
      title: "Best models by architecture and labels",
      how: "Accuracy in percent with all labels, 1 % and 3 a class; in each kind the best of each column.",
      rows: table,
    },
  ];
};

export const MODEL_CHAPTERS: readonly Chapter[] = [
  { ids: ["radar", "radar_all"], needs: ["radars"], make: radar },
  { ids: ["fig4_trend", "trend_mean", "trend_mode", "trend_family"], needs: [], make: trend },
  { ids: ["tradeoff_all", "fig6_tradeoff_year", "pairs_all", "pairs_best"], needs: [], make: tradeoff },
  { ids: ["ranks", "best5", "fig5_evaluation", "table2_best"], needs: ["rankings", "correlations"], make: budgets },
];
