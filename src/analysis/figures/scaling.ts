import { LAWS, predictOurs2, scalingPoints } from "../numbers/scaling.ts";
import { scatter } from "./charts.ts";
import { BUDGET_TITLES, type Chapter, type Datum, type FigureMaker, isOwn } from "./figure.ts";

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

/** What the law is scored on; the others are in numbers.json. */
const LEFT_OUT = ["2022", "contrastive", "vit", "random"];

const scaling: FigureMaker = (study, numbers) => {
  const params = numbers["scaling.ours2.params"] as { alpha: number; B: number };
  const predicted: Datum[] = scalingPoints(study).map((point) => ({
    model: point.row.name,
    whose: isOwn(point.row) ? "yours" : "paper",
    budget: BUDGET_TITLES[point.budget],
    predicted: predictOurs2(params, point),
    actual: point.value,
  }));
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
      rows: table,
    },
    {
      id: "scaling_appendix",
      paper: "Appendix, scaling laws",
      title: "All laws fitted on all points",
      how: "Errors of each law on the points it was fitted on, in percent.",
      rows: (["ours2", "ours2_csv_only", "ours2_components", "ours1", "std3"] as const).map((name) => ({
        law: TITLES[name],
        ...(numbers[`scaling.${name}.params`] as Record<string, number>),
        ...(numbers[`scaling.${name}.fit`] as Record<string, number>),
      })),
    },
  ];
};

export const SCALING_CHAPTERS: readonly Chapter[] = [
  { ids: ["scaling_law", "scaling_table", "scaling_appendix"], needs: ["scaling"], make: scaling },
];
