import type { Cell } from "../../src/tables/fields.ts";

/** How a column is called, and to which group it belongs. */
export interface ColumnInfo {
  label: string;
  group: string;
  /** Unit of its numbers, where they have one. */
  unit?: string;
}

export const GROUPS = ["Results", "Model", "Pretraining", "About", "Statistics of the representation"] as const;

const [RESULTS, MODEL, PRETRAINING, ABOUT, STATISTICS] = GROUPS;

const PERCENT = "%";

/** Columns by name. What is not here is shown by its own name. */
const COLUMNS: Record<string, readonly [group: string, label: string, unit?: string]> = {
  whose: [RESULTS, "Measured by"],
  train_test: [RESULTS, "Error, all labels", PERCENT],
  approx: [RESULTS, "Approximation", PERCENT],
  usability: [RESULTS, "Usability", PERCENT],
  probe_gen: [RESULTS, "Probe generalization", PERCENT],
  enc_gen: [RESULTS, "Encoder generalization", PERCENT],
  "train-nperclass-30_test": [RESULTS, "Error, 30 a class", PERCENT],
  "train-balsbst-ntrain0.01_test": [RESULTS, "Error, 1% of labels", PERCENT],
  "train-nperclass-5_test": [RESULTS, "Error, 5 a class", PERCENT],
  "train-nperclass-3_test": [RESULTS, "Error, 3 a class", PERCENT],
  top1acc_in1k_official: [RESULTS, "Authors' accuracy", PERCENT],
  "top1acc_in1k-1%_official": [RESULTS, "Authors' accuracy, 1%", PERCENT],
  "top1acc_in1k-c5_official": [RESULTS, "Authors' accuracy, 5 a class", PERCENT],
  top1acc_cifar10_linear: [RESULTS, "CIFAR-10 accuracy", PERCENT],
  objective: [MODEL, "Objective"],
  ssl_mode: [MODEL, "Kind of objective"],
  version: [MODEL, "Version"],
  architecture: [MODEL, "Architecture"],
  architecture_exact: [MODEL, "Encoder"],
  family: [MODEL, "Family"],
  patch_size: [MODEL, "Patch size", "pixels"],
  n_parameters: [MODEL, "Parameters"],
  z_dim: [MODEL, "Features"],
  z_layer: [MODEL, "Read at"],
  img_size: [MODEL, "Input side", "pixels"],
  n_negatives: [MODEL, "Negatives"],
  n_classes: [MODEL, "Classes or prototypes"],
  is_stopgrad: [MODEL, "Stop-gradient"],
  is_ema: [MODEL, "Moving average"],
  other: [MODEL, "Variant"],
  pred_dim: [MODEL, "Head: output"],
  projection_hid_width: [MODEL, "Head: hidden width"],
  projection_hid_depth: [MODEL, "Head: hidden layers"],
  projection1_arch: [MODEL, "Head 1"],
  projection2_arch: [MODEL, "Head 2"],
  projection_same: [MODEL, "Heads share weights"],
  projection_nparameters: [MODEL, "Head: parameters"],
  projection_nparameters_hidden: [MODEL, "Head: parameters beyond the first layer"],
  pretraining_data: [PRETRAINING, "Pretraining data"],
  finetuning_data: [PRETRAINING, "Fine-tuning data"],
  epochs: [PRETRAINING, "Epochs"],
  batch_size: [PRETRAINING, "Batch size"],
  optimizer: [PRETRAINING, "Optimizer"],
  learning_rate: [PRETRAINING, "Learning rate, per 256"],
  weight_decay: [PRETRAINING, "Weight decay"],
  scheduler: [PRETRAINING, "Schedule"],
  views: [PRETRAINING, "Views"],
  nviews: [PRETRAINING, "Number of views"],
  is_aug_invariant: [PRETRAINING, "Invariant to augmentations"],
  augmentations: [PRETRAINING, "Augmentations"],
  n_augmentations: [PRETRAINING, "Number of augmentations"],
  is_aug_anygeometric: [PRETRAINING, "Augmented: any geometric"],
  is_aug_anycolor: [PRETRAINING, "Augmented: any colour"],
  n_pus: [PRETRAINING, "Processors"],
  pu_type: [PRETRAINING, "Kind of processor"],
  time_hours: [PRETRAINING, "Time", "hours"],
  license: [ABOUT, "Licence"],
  commercial: [ABOUT, "Commercial use"],
  year: [ABOUT, "Year"],
  month: [ABOUT, "Month"],
  date_published: [ABOUT, "Published"],
  where: [ABOUT, "Source"],
  is_official: [ABOUT, "Authors' weights"],
  is_industry: [ABOUT, "From industry"],
  is_our_extract: [ABOUT, "Read elsewhere than officially"],
  notes: [ABOUT, "Notes"],
  errata: [ABOUT, "Errata"],
  measures_another: [ABOUT, "Row measures another model"],
};

const SETS: Record<string, string> = {
  train: "training",
  test: "test",
  trainaug: "training, common augmentations",
  testaug: "test, common augmentations",
  trainrealaug: "training, own augmentations",
  testrealaug: "test, own augmentations",
};

const STATISTIC_NAMES: Record<string, string> = {
  rank: "Rank",
  rank_Z: "Rank of features",
  nc1: "Neural collapse NC1",
  nc1norm: "NC1 / sqrt(rank)",
  intra_var: "Variance within",
  inter_var: "Variance between",
  vars: "Variance within / between",
  uniformity: "Uniformity",
  alignment: "Alignment",
};

export function columnInfo(name: string): ColumnInfo {
  const known = COLUMNS[name];
  if (known !== undefined) return { group: known[0], label: known[1], unit: known[2] };
  const [, set = "", statistic = ""] = /^([a-z]+?)_(.+)$/.exec(name) ?? [];
  if (set in SETS && statistic in STATISTIC_NAMES) {
    return { group: STATISTICS, label: `${STATISTIC_NAMES[statistic]} (${SETS[set]})` };
  }
  if (name.startsWith("is_aug_")) return { group: PRETRAINING, label: `Augmented: ${name.slice(7)}` };
  return { group: ABOUT, label: name };
}

const ORDER = new Map(Object.keys(COLUMNS).map((name, i) => [name, i]));

/** The columns of a group in the order above, all others behind. */
export function columnsOf(group: string, names: Iterable<string>): string[] {
  const rank = (name: string) => ORDER.get(name) ?? ORDER.size;
  return [...names]
    .filter((name) => name !== "name" && columnInfo(name).group === group)
    .sort((a, b) => rank(a) - rank(b));
}

/** `Approximation (%)`: the label with its unit, as on an axis. */
export function titleOf(name: string): string {
  const { label, unit } = columnInfo(name);
  return unit === undefined ? label : `${label} (${unit})`;
}

const UNKNOWN = "–";

/** A cell as a reader wants it; a dash where the value is unknown or does not apply. */
export function format(name: string, cell: Cell | undefined): string {
  if (cell === null || cell === undefined || cell === "") return UNKNOWN;
  if (typeof cell === "boolean") return cell ? "yes" : "no";
  if (Array.isArray(cell)) return cell.join(" ");
  if (typeof cell === "string") return name === "where" ? cell.replace(/^https?:\/\//, "") : cell;
  if (columnInfo(name).unit === PERCENT) return cell.toFixed(1);
  if (name === "year" || name === "month" || name === "version") return String(cell);
  if (name.endsWith("parameters")) return parameters(cell);
  if (Number.isInteger(cell)) return cell.toLocaleString("en");
  return String(Number(cell.toPrecision(4)));
}

function parameters(n: number): string {
  if (n < 1e6) return `${(n / 1e3).toFixed(0)} k`;
  return n < 1e9 ? `${(n / 1e6).toFixed(1)} M` : `${(n / 1e9).toFixed(2)} G`;
}

/** The aggregate error by the number of labels a class that the probe saw; ImageNet has about 1281 a class. */
export const SHOTS: readonly { column: string; labels: number; text: string }[] = [
  { column: "train-nperclass-3_test", labels: 3, text: "3 a class" },
  { column: "train-nperclass-5_test", labels: 5, text: "5 a class" },
  { column: "train-balsbst-ntrain0.01_test", labels: 12.8, text: "1% (about 13 a class)" },
  { column: "train-nperclass-30_test", labels: 30, text: "30 a class" },
  { column: "train_test", labels: 1281, text: "all (about 1281 a class)" },
];
