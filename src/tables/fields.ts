import type { Transform } from "../core/spec.ts";

/**
 * The fields of the metadata, with upstream's names so that tables join with the paper's CSV. This one table gives the
 * TypeScript type, the check of `metadata.yaml` and the columns of the data frames. `docs/metadata.md` explains each.
 */
export const FIELDS = {
  ssl: {
    objective: "text",
    ssl_mode: "text",
    version: "integer",
    n_negatives: "integer",
    n_classes: "integer",
    is_stopgrad: "boolean",
    is_ema: "boolean",
    other: "text",
  },
  model: {
    pred_dim: "integer",
    projection_hid_width: "integer",
    projection_hid_depth: "integer",
    architecture_exact: "text",
    architecture: "text",
    family: "text",
    patch_size: "integer",
    projection1_arch: "text",
    projection2_arch: "text",
    projection_same: "boolean",
    n_parameters: "integer",
    projection_nparameters: "integer",
  },
  representation: {
    z_dim: "integer",
    z_layer: "text",
  },
  optimization: {
    epochs: "integer",
    batch_size: "integer",
    optimizer: "text",
    learning_rate: "number",
    weight_decay: "number",
    scheduler: "text",
  },
  data: {
    pretraining_data: "text",
    finetuning_data: "text",
    img_size: "integer",
    views: "text",
    is_aug_invariant: "boolean",
    augmentations: "list",
  },
  metrics: {
    top1acc_in1k_official: "number",
    "top1acc_in1k-1%_official": "number",
    "top1acc_in1k-c5_official": "number",
    top1acc_cifar10_linear: "number",
  },
  meta: {
    where: "text",
    notes: "text",
    month: "integer",
    year: "integer",
    license: "text",
    is_official: "boolean",
    is_industry: "boolean",
    is_our_extract: "boolean",
  },
  compute: {
    n_pus: "integer",
    pu_type: "text",
    time_hours: "number",
  },
} as const;

export type Section = keyof typeof FIELDS;
export type FieldKind = "text" | "integer" | "number" | "boolean" | "list";
/** A value of a table. Null where it is unknown or does not apply. */
export type Cell = string | number | boolean | string[] | null;

interface ValueOf {
  text: string;
  integer: number;
  number: number;
  boolean: boolean;
  list: string[];
}
type Fields<S extends Section> = {
  -readonly [F in keyof (typeof FIELDS)[S]]: ValueOf[(typeof FIELDS)[S][F] & FieldKind] | null;
};

/** The paper to cite for a model. */
export interface Citation {
  title: string;
  authors: string;
  year: number;
  url: string;
}

/** What an erratum touches. `weights`: what loads is in doubt. `results`: the row's measurements are not this model's. */
export const AFFECTS = [
  "weights",
  "results",
  "metadata",
  "license",
  "loading",
  "representation",
  "preprocess",
  "train_transform",
] as const;

/** A fault of the upstream project that concerns this model, and what was done about it. */
export interface Erratum {
  /** `E..` are listed in docs/metadata.md; `S..` were found by us. */
  id: string;
  affects: (typeof AFFECTS)[number][];
  text: string;
  /** What upstream says of each field (`section.field`) that was corrected. */
  upstream: Record<string, Cell>;
}

export type ModelMetadata = { [S in Exclude<Section, "meta">]: Fields<S> } & {
  meta: Fields<"meta"> & { citation: Citation | null; errata: Erratum[] };
  /** The evaluation pipeline, equal to that of the specification in `hub/`. */
  preprocess: Transform[];
};

/** Every field as [section, field, kind], in the order of the tables. Field names are unique across sections. */
export const FIELD_LIST: readonly (readonly [Section, string, FieldKind])[] = Object.entries(FIELDS).flatMap(
  ([section, fields]) => Object.entries(fields).map(([field, kind]) => [section as Section, field, kind] as const),
);

/** The value of `section.field`. */
export function fieldOf(model: ModelMetadata, section: Section, field: string): Cell {
  return (model[section] as unknown as Record<string, Cell>)[field] ?? null;
}

/** One flat row: every field by its name alone. */
export function flatten(model: ModelMetadata): Record<string, Cell> {
  return Object.fromEntries(FIELD_LIST.map(([section, field]) => [field, fieldOf(model, section, field)]));
}
