import { nearest } from "../core/nearest.ts";
import type { Cell } from "./fields.ts";
import { type ListFilter, matchNames } from "./filter.ts";
import { isNonCommercial, metadataOf } from "./metadata.ts";
import { loadResults, measuresAnother, type ResultRow } from "./results.ts";

/** What is asked of an encoder; all conditions must hold. */
export interface RecommendQuestion {
  /** Labelled images a class that the probe will have; "1%" (12.8 a class, as in the paper), or "full" (default). */
  shots?: number | "1%" | "full";
  /** Most parameters of the encoder. */
  maxParams?: number;
  /** Most features. */
  maxDim?: number;
  /** `resnet`, `vit`, `convnext`. */
  family?: string;
  /** Size class: `resnet50`, `vitb`, ... */
  architecture?: string;
  /** Pre-training objective: `simclr`, `dino`, ... */
  objective?: string;
  /** Whether the weights must be free for commercial use. Default false. */
  commercial?: boolean;
  /** Conditions on any other column, as `hub.list` takes them. */
  filter?: ListFilter;
  /** Answers, best first. Default 5. */
  limit?: number;
}

export interface RecommendedModel {
  name: string;
  /** Percent of ImageNet-1k test images that the probe gets wrong in the setting asked for. */
  error: number;
  /** Points above the best of the answers. */
  behind: number;
  /** Components of the risk with all labels, percent; null where the paper has none. */
  approx: number | null;
  usability: number | null;
  probe_gen: number | null;
  enc_gen: number | null;
  n_parameters: number | null;
  z_dim: number;
  family: string | null;
  objective: string | null;
  license: string | null;
  /** The evidence in a sentence. */
  reason: string;
  /** What to know before it is used: licence, errata. */
  caveats: string[];
}

export interface Recommendation {
  /** The column of the results table that decides, and what was measured. */
  column: string;
  setting: string;
  /** Models whose results were compared. */
  considered: number;
  /** Models that were not, by reason; each is counted once. */
  left_out: { reason: string; count: number }[];
  models: RecommendedModel[];
  notes: string[];
}

/** Settings that the paper measured: images a class, on 1000 classes. */
const SETTINGS = [
  { shots: 3, column: "train-nperclass-3_test", title: "3 images a class" },
  { shots: 5, column: "train-nperclass-5_test", title: "5 images a class" },
  { shots: 12.811, column: "train-balsbst-ntrain0.01_test", title: "1 % of the labels (12.8 images a class)" },
  { shots: 30, column: "train-nperclass-30_test", title: "30 images a class" },
  { shots: 1281.167, column: "train_test", title: "all labels (1281 images a class)" },
] as const;

const COMPONENTS = {
  merged: "what is not generalization (approximation and usability)",
  approx: "approximation",
  usability: "usability",
  probe_gen: "probe generalization",
  enc_gen: "encoder generalization",
} as const;

/**
 * The encoders with the smallest error in the paper's results for a number of labels, with the evidence.
 * @param names models that can be loaded.
 * @throws TypeError for a condition that no model could have, such as an unknown family.
 */
export function recommend(names: readonly string[], question: RecommendQuestion = {}): Recommendation {
  const { shots = "full", limit = 5 } = question;
  if (!Number.isInteger(limit) || limit < 1) throw new TypeError(`limit must be a whole number >= 1, not ${limit}`);
  const setting = settingOf(shots);
  const { rows, left_out } = narrow(names, question, setting.column);
  rows.sort((a, b) => errorOf(a, setting.column) - errorOf(b, setting.column));
  const best = rows[0] === undefined ? 0 : errorOf(rows[0], setting.column);
  const models = rows.slice(0, limit).map((row, rank) => answer(row, { setting, best, rank, of: rows.length }));
  return {
    column: setting.column,
    setting: setting.title,
    considered: rows.length,
    left_out,
    models,
    notes: notesOf(shots, setting, models),
  };
}

type Setting = (typeof SETTINGS)[number];

function settingOf(shots: number | string): Setting {
  if (shots === "full") return SETTINGS[4];
  if (shots === "1%") return SETTINGS[2];
  if (typeof shots !== "number" || !(shots > 0)) {
    throw new TypeError(`shots is a number of images a class, "1%" or "full", not ${String(shots)}`);
  }
  const away = ({ shots: measured }: Setting) => Math.abs(Math.log(shots / measured));
  return SETTINGS.reduce((nearestOne, one) => (away(one) < away(nearestOne) ? one : nearestOne));
}

const errorOf = (row: ResultRow, column: string) => row[column] as number;

/** Rows that fulfil the question; each reason counts those that the ones before it left. */
function narrow(names: readonly string[], question: RecommendQuestion, column: string) {
  const { maxParams, maxDim, commercial = false, filter } = question;
  const loadable = new Set(names);
  const matching = filter === undefined ? undefined : new Set(matchNames(names, filter));
  const steps: [reason: string, keep: (row: ResultRow) => boolean][] = [
    ["cannot be loaded", ({ name }) => loadable.has(name)],
    ["measured on another model (errata)", ({ name }) => !measuresAnother(name)],
    ["not measured in this setting", (row) => typeof row[column] === "number"],
  ];
  for (const field of ["family", "architecture", "objective"] as const) {
    const wanted = question[field];
    if (wanted === undefined) continue;
    checkKnown(field, wanted);
    steps.push([`${field} is not ${wanted}`, (row) => same(factOf(row, field), wanted)]);
  }
  const atMost = (field: string, most: number) => (row: ResultRow) => {
    const value = factOf(row, field);
    return typeof value === "number" && value <= most;
  };
  if (maxParams !== undefined) steps.push([`more than ${maxParams} parameters`, atMost("n_parameters", maxParams)]);
  if (maxDim !== undefined) steps.push([`more than ${maxDim} features`, atMost("z_dim", maxDim)]);
  if (commercial) {
    steps.push(["licence unknown or not for commercial use", (row) => isFree(factOf(row, "license") as string | null)]);
  }
  if (matching !== undefined) steps.push(["other conditions", ({ name }) => matching.has(name)]);
  let rows = loadResults();
  const left_out: Recommendation["left_out"] = [];
  for (const [reason, keep] of steps) {
    const kept = rows.filter(keep);
    if (kept.length < rows.length) left_out.push({ reason, count: rows.length - kept.length });
    rows = kept;
  }
  return { rows, left_out };
}

const isFree = (license: string | null) => license !== null && !isNonCommercial(license);

const same = (value: Cell, wanted: string) => String(value).toLowerCase() === wanted.toLowerCase();

/** The corrected metadata where they know, else the results table. */
function factOf(row: ResultRow, field: string): Cell {
  const model = metadataOf(row.name) as unknown as Record<string, Record<string, Cell>> | undefined;
  for (const section of ["ssl", "model", "representation", "meta"]) {
    const value = model?.[section]?.[field];
    if (value !== undefined && value !== null) return value;
  }
  return row[field] ?? null;
}

function checkKnown(field: string, wanted: string): void {
  const known = [...new Set(loadResults().map((row) => factOf(row, field)))]
    .filter((value) => value !== null)
    .map(String);
  if (known.some((value) => same(value, wanted))) return;
  throw new TypeError(`No model has the ${field} ${wanted}. Did you mean ${nearest(wanted, known).join(", ")}?`);
}

function answer(row: ResultRow, o: { setting: Setting; best: number; rank: number; of: number }): RecommendedModel {
  const error = errorOf(row, o.setting.column);
  const component = (name: string) => (typeof row[name] === "number" ? row[name] : null);
  const license = factOf(row, "license") as string | null;
  const components = {
    approx: component("approx"),
    usability: component("usability"),
    probe_gen: component("probe_gen"),
    enc_gen: component("enc_gen"),
  };
  const behind = error - o.best;
  const place = o.rank === 0 ? `the smallest of ${o.of}` : `${behind.toFixed(1)} points above the best`;
  const { approx, usability, ...rest } = components;
  const known = approx === null || usability === null ? { merged: mergedOf(row), ...rest } : components;
  const parts = Object.entries(known).filter((entry): entry is [keyof typeof COMPONENTS, number] => entry[1] !== null);
  const [top] = [...parts].sort((a, b) => b[1] - a[1]);
  const limits =
    top === undefined ? "" : ` With all labels ${COMPONENTS[top[0]]} (${top[1].toFixed(1)}) is its largest part.`;
  return {
    name: row.name,
    error,
    behind,
    ...components,
    n_parameters: factOf(row, "n_parameters") as number | null,
    z_dim: factOf(row, "z_dim") as number,
    family: factOf(row, "family") as string | null,
    objective: factOf(row, "objective") as string | null,
    license,
    reason: `${error.toFixed(1)} % error with ${o.setting.title}, ${place}.${limits}`,
    caveats: caveatsOf(row.name, license),
  };
}

/** Approximation and usability together, where the paper has no supervised model to part them. */
function mergedOf({ train_test, probe_gen, enc_gen }: ResultRow): number | null {
  const parts = [train_test, probe_gen, enc_gen];
  if (!parts.every((value) => typeof value === "number")) return null;
  const [all, probe, encoder] = parts as [number, number, number];
  return Math.max(0, all - probe - encoder);
}

function caveatsOf(name: string, license: string | null): string[] {
  const errata = metadataOf(name)?.meta.errata ?? [];
  const grave = errata.filter(({ affects }) =>
    affects.some((what) => ["weights", "results", "license"].includes(what)),
  );
  return [
    ...(license === null ? ["The weights' licence is not known."] : []),
    ...(isNonCommercial(license) ? [`The weights are under ${license}: not for commercial use.`] : []),
    ...grave.map(({ id, text }) => `${id}: ${text}`),
  ];
}

function notesOf(shots: number | string, setting: Setting, models: readonly RecommendedModel[]): string[] {
  const notes: string[] = [];
  if (typeof shots === "number" && Math.abs(Math.log(shots / setting.shots)) > 0.05) {
    notes.push(`The paper has no result for ${shots} images a class; the nearest that it has is ${setting.title}.`);
  }
  const close = models.filter(({ behind }) => behind > 0 && behind < 0.5).map(({ name }) => name);
  if (close.length > 0)
    notes.push(`Within half a point of the best, which one seed does not tell apart: ${close.join(", ")}.`);
  if (models.length === 0) notes.push("No model fulfils all conditions; see what left them out.");
  else
    notes.push(
      "Measured on ImageNet-1k: other images may order encoders otherwise; ssl-hub compare tries them on yours.",
    );
  return notes;
}
