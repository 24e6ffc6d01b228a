import { extrapolate, fitLaw, LAWS, MASKS, randomMask, scalingPoints } from "../numbers/scaling.ts";
import { scatter } from "./charts.ts";
import { BUDGET_TITLES, type Datum, type FigureMaker, isOwn } from "./figure.ts";

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

export const scalingFigures: FigureMaker = (study, numbers) => {
  const points = scalingPoints(study);
  const paper = points.filter((point) => !isOwn(point.row));
  const law = fitLaw(LAWS.ours2, paper);
  const predicted: Datum[] = points.map((point) => ({
    model: point.row.name,
    whose: isOwn(point.row) ? "yours" : "paper",
    budget: BUDGET_TITLES[point.budget],
    predicted: law.predict(point),
    actual: point.value,
  }));
  const masks = { "2022": MASKS["2022"]!, contrastive: MASKS.contrastive!, vit: MASKS.vit!, random: randomMask() };
  const table = (["ours2", "ours1", "std5", "family", "arch", "obj"] as const).map((name): Datum => {
    const scored = Object.entries(masks).map(([mask, left]) => [
      mask,
      extrapolate(LAWS[name], paper, left).scores?.r2 ?? null,
    ]);
    return { law: TITLES[name], parameters: LAWS[name].parameters(paper).length, ...Object.fromEntries(scored) };
  });
  const { r2 } = numbers["scaling.ours2.fit"] as { r2: number };
  const [alpha, b] = law.parameters as [number, number];
  return [
    {
      id: "scaling_law",
      paper: "Scaling-law figure",
      title: "Few-label errors predicted from the risk components",
      how: `A point on the dashed line is predicted exactly. Two parameters (alpha ${alpha.toFixed(3)}, B ${b.toFixed(3)}) fitted on ${paper.length} errors explain ${(100 * r2).toFixed(1)} % of their variance.`,
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
