import { HubError } from "../core/errors.ts";
import { kindOf } from "../core/kinds.ts";
import type { ArchSpec, Transform } from "../core/spec.ts";
import type { ModelMetadata } from "./fields.ts";
import { isNonCommercial, metadataOf } from "./metadata.ts";
import { loadResults, measuresAnother } from "./results.ts";

/** The paper's risk decomposition of a model, percent of ImageNet-1k error. Null where the paper has no value. */
export interface CardResults {
  approx: number | null;
  usability: number | null;
  probe_gen: number;
  enc_gen: number;
  agg_risk: number;
}

/** All that `hub.help` tells of a model. */
export type CardData = ModelMetadata & {
  name: string;
  non_commercial: boolean;
  /** Null when the paper has no row of this name. */
  results: CardResults | null;
  /** Whether those results were measured on another model than the name says (see the errata). */
  results_of_another: boolean;
  /**
   * About what storing the weights in float16 does to the features: relative L2 distance, measured on one model of the
   * same kind (docs/load-options.md). Each conversion measures its own. Null where the hub makes no float16 of it.
   */
  float16_error: number | null;
};

/**
 * The facts of one model.
 * @throws HubError `METADATA` when `metadata.yaml` lacks the name.
 */
export function cardData(name: string): CardData {
  const model = metadataOf(name);
  if (model === undefined) {
    throw new HubError("METADATA", `Cannot describe ${name}: metadata.yaml has no entry of that name.`, {
      details: { name },
    });
  }
  return {
    name,
    ...structuredClone(model),
    non_commercial: isNonCommercial(model.meta.license),
    results: resultsOf(name),
    results_of_another: measuresAnother(name),
    float16_error: halfErrorOf(name, model),
  };
}

/** The facts of one model as plain text of at most 80 columns. */
export function modelCard(name: string): string {
  const lines = cardEntries(name).flatMap(([label, text]) => wrap(label, text));
  return [name, "=".repeat(name.length), ...lines].join("\n");
}

/** The facts of one model in words: label and text. An empty label goes on with the one before. */
export function cardEntries(name: string): [label: string, text: string][] {
  const card = cardData(name);
  const { meta, metrics, preprocess } = card;
  const entries: [string, string | null][] = [
    ["Model", whatItIs(card)],
    ["Encoder", encoder(card)],
    ["Features", `${card.representation.z_dim} dimensions, read at ${card.representation.z_layer}`],
    ["Pretraining", pretraining(card)],
    ["Storage", storage(card)],
    ["Input", preprocess.map(describe).join(", then ")],
    ["Results", results(card)],
    ["Accuracy", accuracy(metrics)],
    ["Licence", license(card)],
    ["Source", meta.where],
    ["Paper", meta.citation && `${meta.citation.title}. ${meta.citation.authors}, ${meta.citation.year}.`],
    ["", meta.citation?.url ?? null],
    ["Note", meta.notes],
    ...meta.errata.map(({ id, text, upstream }) => [`Erratum ${id}`, `${text}${told(upstream)}`] as [string, string]),
  ];
  return entries.filter((entry): entry is [string, string] => Boolean(entry[1]));
}

function resultsOf(name: string): CardResults | null {
  const row = loadResults().find((result) => result.name === name);
  if (row === undefined) return null;
  const { approx, usability, probe_gen, enc_gen, train_test } = row as unknown as Record<string, number>;
  return { approx, usability, probe_gen, enc_gen, agg_risk: train_test } as CardResults;
}

/** By `npm run parity -- --half` on full-size models with weights from a formula. */
const HALF_ERRORS: Record<ArchSpec["kind"], number> = {
  resnet: 4e-4,
  "clip-resnet": 5e-4,
  vit: 5e-4,
  beit: 4e-4,
  "clip-vit": 5e-4,
  convnext: 4e-4,
};
/** lossyless rounds its codes: where one is near a half, the feature jumps. */
const HALF_ERROR_OF_CODES = 1e-2;

function halfErrorOf(name: string, { model, representation }: ModelMetadata): number | null {
  // The embedded encoders come already converted.
  if (model.architecture === "resnet_tiny") return null;
  return representation.z_layer === "pred" ? HALF_ERROR_OF_CODES : HALF_ERRORS[kindOf(name)];
}

function storage({ model, float16_error: error }: CardData): string | null {
  if (model.n_parameters === null || error === null) return null;
  const megabytes = (width: number) => `${((width * model.n_parameters!) / 1e6).toFixed(0)} MB`;
  return (
    `${megabytes(4)} converted; as float16 ${megabytes(2)}, and the features differ by about ` +
    `${error.toExponential(0)} (relative; each conversion measures its own)`
  );
}

const FIXED_MODES: Record<string, string> = {
  supervised: "supervised encoder",
  initialized: "random initialisation, not trained",
};

function whatItIs({ ssl }: CardData): string {
  const fixed = FIXED_MODES[ssl.ssl_mode ?? ""];
  if (fixed !== undefined) return fixed;
  const version = (ssl.version ?? 1) > 1 ? ` v${ssl.version}` : "";
  const details = [ssl.ssl_mode, ssl.other].filter(Boolean).join(", ");
  return ["self-supervised encoder", ssl.objective && `: ${ssl.objective}${version}`, details && ` (${details})`]
    .filter(Boolean)
    .join("");
}

function encoder({ model, data }: CardData): string {
  const count = model.n_parameters === null ? "" : `, ${millions(model.n_parameters)} parameters`;
  return `${model.architecture_exact}${count}, images of ${data.img_size} x ${data.img_size} pixels`;
}

const millions = (n: number) => (n < 1e6 ? `${(n / 1e3).toFixed(0)} thousand` : `${(n / 1e6).toFixed(1)} million`);

function pretraining({ data, optimization: { epochs, batch_size, optimizer } }: CardData): string | null {
  if (data.pretraining_data === null) return null;
  const set = data.pretraining_data + (data.finetuning_data ? `, then ${data.finetuning_data}` : "");
  const parts = [
    set,
    epochs && `${epochs} epochs`,
    batch_size && `batches of ${batch_size}`,
    optimizer,
    data.views && `views ${data.views}`,
    data.augmentations && `augmentations ${data.augmentations.join(" ")}`,
  ];
  return parts.filter(Boolean).join(", ");
}

function describe(step: Transform): string {
  if (step.op === "resize") return `shorter side to ${step.size} (${step.interpolation})`;
  if (step.op === "centerCrop") return `centre crop ${step.size}`;
  return `normalize by mean ${step.mean.join(" ")} and deviation ${step.std.join(" ")}`;
}

function results({ results: risk, results_of_another }: CardData): string | null {
  if (risk === null) return null;
  const percent = (value: number) => value.toFixed(1);
  const known = risk.approx !== null && risk.usability !== null;
  const start = known
    ? `approximation ${percent(risk.approx!)}, usability ${percent(risk.usability!)}, `
    : "approximation and usability unknown, ";
  return (
    `linear probe error on ImageNet-1k ${percent(risk.agg_risk)}%, made of ${start}` +
    `probe generalisation ${percent(risk.probe_gen)}, encoder generalisation ${percent(risk.enc_gen)}` +
    (results_of_another ? ". Measured on another model than the name says: see the errata" : "")
  );
}

function accuracy(metrics: ModelMetadata["metrics"]): string | null {
  const parts = [
    [metrics.top1acc_in1k_official, "on ImageNet-1k as the authors report"],
    [metrics["top1acc_in1k-1%_official"], "with 1% of the labels"],
    [metrics["top1acc_in1k-c5_official"], "with 5 images a class"],
    [metrics.top1acc_cifar10_linear, "on CIFAR-10 by our own probe"],
  ] as const;
  const known = parts.filter(([value]) => value !== null).map(([value, what]) => `${value}% ${what}`);
  return known.length === 0 ? null : `linear probe ${known.join(", ")}`;
}

function license({ meta, non_commercial }: CardData): string {
  if (meta.license === null) return "none: no weights are downloaded";
  return meta.license + (non_commercial ? " - NOT for commercial use" : "");
}

function told(upstream: Record<string, unknown>): string {
  const fields = Object.entries(upstream).map(([path, value]) => `${path.split(".")[1]} ${value ?? "missing"}`);
  return fields.length === 0 ? "" : ` Upstream: ${fields.join(", ")}.`;
}

const WIDTH = 80;
const INDENT = 14;
/** Where words that are too long for the column start, such as addresses. */
const OUTDENT = 4;

function wrap(label: string, text: string): string[] {
  const lines: string[] = [];
  let line = `${label.padEnd(INDENT - 1)}`;
  for (const word of text.split(" ")) {
    if (line.length + 1 + word.length <= WIDTH) {
      line += ` ${word}`;
      continue;
    }
    lines.push(line.trimEnd());
    line = word.length > WIDTH - INDENT ? " ".repeat(OUTDENT) + word : " ".repeat(INDENT) + word;
  }
  return [...lines, line.trimEnd()];
}
