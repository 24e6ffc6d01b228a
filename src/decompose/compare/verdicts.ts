import { standardError } from "../risk/spread.ts";
import type { RiskComponents } from "../types.ts";
import type { LabelPoint } from "./label-curve.ts";

/** A model of a comparison: its components and its errors by the number of labels, on the same data as the others. */
export type ComparedModel = RiskComponents & { model: string; curve: readonly LabelPoint[] };

export interface Verdicts {
  /** What limits each model. */
  models: { model: string; limited_by: Component; points: number; text: string }[];
  labels: LabelVerdict[];
}

/** The model for a number of labels: the best, and those that the draws do not tell from it. */
export interface LabelVerdict {
  /** Images a class, or a share of all, "1%"; null for all of train. */
  shots: number | string | null;
  best: string;
  equals: string[];
  text: string;
}

/** A model's errors by the number of labels, at the same points as the others'. */
export interface LabelErrors {
  model: string;
  curve: readonly CurvePoint[];
}

type CurvePoint = Omit<LabelPoint, "shots" | "standard_error"> & {
  shots: LabelVerdict["shots"];
  /** Null where there is one draw: then nothing is told apart. */
  standard_error: number | null;
};

export type Component = "approx" | "usability" | "probe_gen" | "enc_gen";

/** The components' names, and what the paper found to make each smaller. */
const MEANING: Record<Component, { name: string; remedy: string }> = {
  approx: { name: "approximation", remedy: "its architecture cannot fit the task: a larger one can" },
  usability: {
    name: "usability",
    remedy: "a linear probe cannot read the classes from its features: more dimensions or another objective would help",
  },
  probe_gen: {
    name: "probe generalization",
    remedy: "its probe fits the training images better than new ones: more labels or fewer dimensions would help",
  },
  enc_gen: {
    name: "encoder generalization",
    remedy: "its features are better on images that it was trained on: more pretraining data would help",
  },
};

/** The comparison in words. */
export function verdicts(rows: readonly ComparedModel[]): Verdicts {
  return { models: rows.map(limitOf), labels: labelVerdicts(rows) };
}

/** Which model suits which number of labels. */
export function labelVerdicts(rows: readonly LabelErrors[]): LabelVerdict[] {
  return rows[0]?.curve.map(({ shots }) => suited(rows, shots)) ?? [];
}

function limitOf(row: ComparedModel): Verdicts["models"][number] {
  const parts = (Object.keys(MEANING) as Component[]).filter((part) => row[part] !== null);
  const limited_by = parts.reduce((top, part) => (row[part]! > row[top]! ? part : top));
  const points = row[limited_by]!;
  const { name, remedy } = MEANING[limited_by];
  const both = limited_by === "usability" && row.approx === null;
  const called = both ? "approximation and usability together" : name;
  const text =
    points > 0
      ? `${row.model}: limited by ${called} (${points.toFixed(1)} points; ${row.agg_risk.toFixed(1)} in all): ${remedy}.`
      : `${row.model}: makes no error here, so nothing limits it.`;
  return { model: row.model, limited_by, points, text };
}

function suited(rows: readonly LabelErrors[], shots: LabelVerdict["shots"]): LabelVerdict {
  const at = rows.map(({ model, curve }) => ({ model, point: curve.find((point) => point.shots === shots)! }));
  at.sort((a, b) => a.point.error - b.point.error);
  const [first, ...others] = at as [(typeof at)[number], ...typeof at];
  const equals = others.filter(({ point }) => !tellsApart(first.point, point)).map(({ model }) => model);
  const labels = labelsIn(shots, first.point.images);
  const error = `${first.point.error.toFixed(1)} % error`;
  const next = others[0];
  const text =
    next === undefined
      ? `With ${labels}: ${error}.`
      : equals.length > 0
        ? `With ${labels}: ${first.model} (${error}), not clearly better than ${equals.join(", ")}.`
        : `With ${labels}: ${first.model} (${error}), ${(next.point.error - first.point.error).toFixed(1)} points before ${next.model}.`;
  return { shots, best: first.model, equals, text };
}

function labelsIn(shots: LabelVerdict["shots"], images: number): string {
  if (shots === null) return `all ${images} labels`;
  return typeof shots === "string" ? `${shots} of the labels (${images})` : `${shots} labels a class`;
}

/** Whether two means differ by more than two standard errors of the difference; draw by draw where the draws are the same. */
function tellsApart(a: CurvePoint, b: CurvePoint): boolean {
  const paired = a.draws.length === b.draws.length && a.draws.length > 1;
  const spread = paired
    ? standardError(a.draws.map((error, r) => b.draws[r]! - error))!
    : Math.hypot(a.standard_error ?? Infinity, b.standard_error ?? Infinity);
  return b.error - a.error > 2 * spread;
}
