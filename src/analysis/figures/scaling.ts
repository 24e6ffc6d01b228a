import type { Numbers } from "../numbers/numbers.ts";
import { LAWS, predictWith, scalingPoints } from "../numbers/scaling.ts";
import { COMPONENTS } from "../study.ts";
import { scatter } from "./charts.ts";
import { BUDGET_TITLES, type Chapter, type Datum, type FigureMaker, whoseOf } from "./figure.ts";

const TITLES: Record<keyof typeof LAWS, string> = {
  ours2: "Risk decomposition (2 parameters)",
  ours2_csv_only: "Risk decomposition, from the table alone",
  ours2_components: "Risk decomposition, components apart",
  ours1: "Risk decomposition (1 parameter)",
  std3: "Irr + C/n^alpha",
  std5: "Irr + C/n^alpha + K/p^beta",
  family: "the same by family",
  arch: "the same by architecture",
  obj: "the same by objective",
};

const DRAWN_LAWS: (keyof typeof LAWS)[] = ["ours2", "ours2_components", "ours1", "std3"];

/** Every fit that leaves points out. */
function splits(numbers: Numbers): Datum[] {
  type Cell = { r2?: number; rmse?: number; train_rmse: number };
  const row = (law: string, leftOut: string, cell: Cell): Datum => ({ law: TITLES[law as keyof typeof TITLES], left_out: leftOut, r2: cell.r2 ?? null, rmse: cell.rmse ?? null, train_rmse: cell.train_rmse }); // biome-ignore format: one line
  return Object.entries(numbers).flatMap(([key, value]): Datum[] => {
    const [, kind, name, mask] = key.split(".");
    if (kind === "extrapolate") return [row(name!, mask!, value as Cell)];
    if (kind === "appendix_random") return [row(name!, "random (appendix)", value as Cell)];
    if (kind !== "components") return [];
    const both = value as { global_optimum?: Cell; local_optimum_started_at_B_100?: Cell };
    if (both.global_optimum === undefined) return [row("ours2_components", name!, value as Cell)];
    return [row("ours2_components", `${name}, best minimum`, both.global_optimum), row("ours2_components", `${name}, as published`, both.local_optimum_started_at_B_100!)]; // biome-ignore format: one line
  });
}

/** What the law is scored on; the others are in numbers.json. */
const LEFT_OUT = ["2022", "contrastive", "vit", "random"];

const scaling: FigureMaker = (study, numbers) => {
  const params = numbers["scaling.ours2.params"] as { alpha: number; B: number };
  const predicted: Datum[] = scalingPoints(study).map((point) => ({
    model: point.row.name,
    whose: whoseOf(point.row),
    budget: BUDGET_TITLES[point.budget],
    predicted: predictWith("ours2", params, point),
    actual: point.value,
  }));
  const everyLaw = DRAWN_LAWS.flatMap(
    (name) =>
    scalingPoints(study)
      .filter(({ p }) => Number.isFinite(p))
      .map((point): Datum => ({ law: TITLES[name], model: point.row.name, whose: whoseOf(point.row), budget: BUDGET_TITLES[point.budget], predicted: predictWith(name, numbers[`scaling.${name}.params`] as Record<string, number>, point), actual: point.value })), // biome-ignore format: one line
  );
  const plain = (["ours2", "ours1", "std5"] as const).map((name): Datum => {
    const r2 = (mask: string) => (numbers[`scaling.extrapolate.${name}.${mask}`] as { r2: number }).r2;
    const scored = Object.fromEntries(LEFT_OUT.map((mask) => [mask, r2(mask)]));
    return { law: TITLES[name], parameters: LAWS[name].parameters([]).length, ...scored };
  });
  const grouped = (["family", "arch", "obj"] as const).map((name): Datum => {
    const found = numbers[`scaling.encoder_dependent.${name}`] as Record<string, number>;
    const scored = Object.fromEntries(LEFT_OUT.map((mask) => [mask, found[mask] ?? null]));
    return { law: TITLES[name], parameters: found.n_param!, ...scored };
  });
  const table = [...plain, ...grouped];
  const { r2 } = numbers["scaling.ours2.fit"] as { r2: number };
  const { alpha, B } = params;
  return [
    {
      id: "scaling_law",
      paper: "Scaling-law figure",
      title: "Few-label errors predicted from the risk components",
      how: `A point on the dashed line is predicted exactly. Two parameters (alpha ${alpha.toFixed(3)}, B ${B.toFixed(3)}) fitted on ${numbers["scaling.rows"]} errors explain ${(100 * r2).toFixed(1)} % of their variance.`,
      needs: COMPONENTS,
      note: "Predictions are clipped to 0..100 as published, which gives the loss two hollows for some splits; the better one is kept.",
      rows: predicted,
      spec: scatter(predicted, {
        x: { field: "predicted", title: "Predicted error (%)" },
        y: { field: "actual", title: "Error (%)" },
        colour: { field: "budget", title: "Labels" },
        diagonal: true,
      }),
    },
    {
      id: "scaling_table",
      paper: "Scaling-law table",
      title: "How well laws extrapolate (R2 on what was left out)",
      how: "Each law is fitted without the rows of 2022, of contrastive objectives, of ViTs, or without a random 60 %, and scored on them; 1 is perfect, below 0 is worse than the mean. A law by group says nothing on a group it has not seen.",
      noRuns: "its laws are fitted and scored on the paper's encoders",
      rows: table,
    },
    {
      id: "scaling_laws",
      paper: "Appendix, scaling laws",
      title: "Predictions of four laws",
      how: "As above, a panel a law, each fitted on all points: what the components know and the number of labels alone does not.",
      needs: [...COMPONENTS, "z_dim"],
      rows: everyLaw,
      spec: scatter(everyLaw, { x: { field: "predicted", title: "Predicted error (%)" }, y: { field: "actual", title: "Error (%)" }, colour: { field: "budget", title: "Labels" }, diagonal: true, facet: "law", columns: 2, width: 300, height: 230 }), // biome-ignore format: one line
    },
    {
      id: "scaling_appendix",
      paper: "Appendix, scaling laws",
      title: "All laws fitted on all points",
      how: "Parameters and errors of each law on the points it was fitted on, in percent.",
      noRuns: "its laws are fitted on the paper's encoders",
      rows: DRAWN_LAWS.concat("ours2_csv_only").map((name) => ({
        law: TITLES[name],
        ...(numbers[`scaling.${name}.params`] as Record<string, number>),
        ...(numbers[`scaling.${name}.fit`] as Record<string, number>),
      })),
    },
    {
      id: "scaling_splits",
      paper: "Appendix, scaling laws",
      title: "Every split: what was left out, and how well it is predicted",
      how: "R2 and root mean squared error in percent on the points that were left out, and the error on the points of the fit.",
      note: "Clipping gives the law of components two minima where samples (5 and 30 a class) are left out: the published one is the worse of the two, and both are listed.",
      noRuns: "its laws are fitted on the paper's encoders",
      rows: splits(numbers),
    },
  ];
};

export const SCALING_CHAPTERS: readonly Chapter[] = [
  {
    ids: ["scaling_law", "scaling_table", "scaling_laws", "scaling_appendix", "scaling_splits"],
    needs: ["scaling"],
    make: scaling,
  },
];
