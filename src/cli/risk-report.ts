import { bar, table } from "./print.ts";

/** A model's row of the report; percent. */
export interface ReportRow {
  model: string;
  approx: number | null;
  usability: number;
  probe_gen: number;
  enc_gen: number;
  agg_risk: number;
}

const PARTS = [
  ["approx", "approximation"],
  ["usability", "usability"],
  ["probe_gen", "probe generalization"],
  ["enc_gen", "encoder generalization"],
] as const;

/** The components as a table, then one bar a component, with a sentence where a reader would wonder. */
export function riskReport(rows: readonly ReportRow[]): string {
  const percent = (value: number | null) => (value === null ? null : value.toFixed(2));
  const numbers = table(rows, [
    { title: "error in %", value: (row) => row.model },
    ...PARTS.map(([field]) => ({
      title: field,
      value: (row: ReportRow) => percent(row[field]),
      align: "right" as const,
    })),
    { title: "agg_risk", value: (row) => percent(row.agg_risk), align: "right" },
  ]);
  const largest = Math.max(...rows.flatMap((row) => PARTS.map(([field]) => Math.abs(row[field] ?? 0))), 1e-9);
  const bars = rows.flatMap((row) => [
    "",
    row.model,
    ...PARTS.flatMap(([field, title]) => {
      const value = row[field];
      if (value === null) return [];
      const name = field === "usability" && row.approx === null ? "approximation + usability" : title;
      return `  ${name.padEnd(26)}${value.toFixed(2).padStart(6)} ${value < 0 ? "(negative)" : bar(value, largest)}`;
    }),
  ]);
  return [numbers, ...bars, ...remarks(rows)].join("\n").trimEnd();
}

function remarks(rows: readonly ReportRow[]): string[] {
  const lines: string[] = [];
  const negative = rows.filter((row) => row.enc_gen < 0).map(({ model }) => model);
  if (negative.length > 0) {
    lines.push(
      "",
      `A negative encoder generalization (${negative.join(", ")}) is no fault: the encoder was not pretrained on these`,
      "training images, so they hold no advantage over the test images, and the difference is noise around zero or a",
      "test set that is easier.",
    );
  }
  if (rows.some((row) => row.approx === null)) {
    lines.push("", "Without a supervised model (--sup) usability holds the approximation error as well.");
  }
  return lines;
}
