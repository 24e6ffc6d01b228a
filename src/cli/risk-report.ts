import { RISK_COMPONENTS } from "../analysis/index.ts";
import type { ClassRisk, RiskComponents, RiskReport } from "../decompose/index.ts";
import { bar, type Column, table } from "./print.ts";

/** A model's row of the report; percent. */
export type ReportRow = RiskComponents & { model: string } & Partial<
    Pick<RiskReport, "alternative" | "standard_errors" | "intervals" | "per_class" | "clip">
  >;

const ALL = [...RISK_COMPONENTS.map(({ field }) => field), "agg_risk"] as const;
/** Classes that the report shows, the worst first. */
const WORST = 10;

/** The components as a table, then one bar a component, with a sentence where a reader would wonder. */
export function riskReport(rows: readonly ReportRow[]): string {
  const largest = Math.max(
    ...rows.flatMap((row) => RISK_COMPONENTS.map(({ field }) => Math.abs(row[field] ?? 0))),
    1e-9,
  );
  const bars = rows.flatMap((row) => [
    "",
    row.model,
    ...RISK_COMPONENTS.flatMap(({ field, name }) => {
      const value = row[field];
      if (value === null) return [];
      const title = field === "usability" && row.approx === null ? "approximation + usability" : name;
      return `  ${title.padEnd(26)}${value.toFixed(2).padStart(6)} ${value < 0 ? "(negative)" : bar(value, largest)}`;
    }),
  ]);
  return [
    componentTable(rows, "error in %"),
    ...bars,
    ...intervals(rows),
    ...unions(rows),
    ...classes(rows),
    ...remarks(rows),
  ]
    .join("\n")
    .trimEnd();
}

function componentTable(rows: readonly ReportRow[], title: string): string {
  return table(rows, [
    { title, value: (row) => row.model },
    ...ALL.map((field): Column<ReportRow> => ({ title: field, value: (row) => cell(row, field), align: "right" })),
  ]);
}

/** `3.21 ±0.40`: the standard error of what the drawn subsets touch. */
function cell(row: ReportRow, field: (typeof ALL)[number]): string | null {
  const value = row[field];
  const error = field === "probe_gen" || field === "enc_gen" ? row.standard_errors?.[field] : undefined;
  return value === null ? null : value.toFixed(2) + (error === undefined ? "" : ` ±${error.toFixed(2)}`);
}

function intervals(rows: readonly ReportRow[]): string[] {
  const found = rows.filter((row) => row.intervals != null);
  if (found.length === 0) return [];
  const { level, samples } = found[0]!.intervals!;
  const text = (row: ReportRow, field: (typeof ALL)[number]) =>
    row.intervals![field]?.map((end) => end.toFixed(2)).join(" .. ");
  const columns = ALL.map((field): Column<ReportRow> => ({ title: field, value: (row) => text(row, field) }));
  const title = `${Math.round(100 * level)} % intervals`;
  return ["", table(found, [{ title, value: (row) => row.model }, ...columns]), `Bootstrap of ${samples} samples.`];
}

function unions(rows: readonly ReportRow[]): string[] {
  const found = rows.flatMap(({ model, alternative }) => (alternative == null ? [] : [{ ...alternative, model }]));
  return found.length === 0 ? [] : ["", componentTable(found, "union path")];
}

function classes(rows: readonly ReportRow[]): string[] {
  return rows.flatMap(({ model, per_class }) => {
    if (per_class === undefined) return [];
    const worst = [...per_class].sort((a, b) => (b.agg_risk ?? -1) - (a.agg_risk ?? -1)).slice(0, WORST);
    const title = per_class.length > WORST ? `${model}: ${WORST} worst classes` : `${model}: classes`;
    const takenFor = ({ taken_for }: ClassRisk) =>
      taken_for.map(({ class: name, percent }) => `${name} (${percent.toFixed(1)})`).join(", ");
    const columns = ALL.map(
      (field): Column<ClassRisk> => ({ title: field, value: (row) => row[field]?.toFixed(2), align: "right" }),
    );
    return [
      "",
      table(worst, [{ title, value: (row) => row.class }, ...columns, { title: "taken for (%)", value: takenFor }]),
    ];
  });
}

function remarks(rows: readonly ReportRow[]): string[] {
  const lines: string[] = [];
  const negative = rows.filter((row) => row.enc_gen < 0).map(({ model }) => model);
  if (negative.length > 0) {
    lines.push(
      "",
      `A negative encoder generalization (${negative.join(", ")}) is no fault: with few test images it is noise`,
      "around zero, and an encoder that was not pretrained on these training images finds the test images no harder.",
    );
  }
  if (rows.some((row) => row.approx === null)) {
    lines.push("", "Without a supervised model (--sup) usability holds the approximation error as well.");
  }
  if (rows.some((row) => row.clip === "upstream")) {
    lines.push(
      "",
      "Components below zero are shown as zero, as in the paper's table: they need not add up to agg_risk.",
    );
  }
  return lines;
}
