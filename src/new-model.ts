import { stat } from "node:fs/promises";
import { join } from "node:path";
import { familyPath, HUBCONF, METADATA, openCheckout } from "./checkout.ts";
import { HubError } from "./core/errors.ts";
import type { Job } from "./core/events.ts";
import { exists, writeFileAtomic } from "./core/files.ts";
import { canonicalJson, hashFile } from "./core/hash.ts";
import { atSize } from "./core/preprocess-size.ts";
import type { ModelSpec, Transform } from "./core/spec.ts";
import { type ModelName, modelNames, resolveName, specOf } from "./load.ts";
import { familyText, type NewFamily } from "./new-family.ts";
import { tellGuess } from "./notices.ts";
import { type OwnOptions, ownModel, usualSpec } from "./own.ts";
import { metadataOf } from "./tables/metadata.ts";

export interface NewModelOptions extends Job, Omit<OwnOptions, "name"> {
  /** The checkout. Default: the working directory. */
  root?: string;
  /** Architecture, as {@link OwnOptions}. */
  arch: string;
  /** Address of the checkpoint. */
  url: string;
  /** The file, if it is here: rules, hash and size are taken from it. */
  checkpoint?: string;
  /** Name of the family file. Default: the name up to its first underscore. */
  family?: string;
  /** SPDX identifier of the weights' licence. */
  license?: string;
  /** Page of the authors. */
  where?: string;
  objective?: string;
  /**
   * Hub name of a model that was trained with the same augmentations. Default: what most models of the same objective
   * have, which is told as a guess.
   */
  trainLike?: string;
  title?: string;
  authors?: string;
  /** Address of the paper. */
  paper?: string;
  year?: number;
  month?: number;
}

export interface NewModel {
  /** Files that were written, by their paths in the checkout. */
  written: string[];
  /** What is left to do, a sentence each. */
  next: string[];
  guesses: string[];
}

/**
 * Scaffolds a model in a checkout: a family file, the entry in metadata.yaml and the line in hubconf.ts. With the
 * checkpoint at hand its key rules, hash and size are found.
 * @throws HubError `UNKNOWN_MODEL` for `trainLike`. @throws TypeError for a name or option that cannot be. @throws HubError `METADATA` when the name is taken, `DISK`
 * when the folder is no checkout, `KEYS` and `CHECKPOINT` as for a file of one's own.
 */
export async function newModel(name: string, options: NewModelOptions): Promise<NewModel> {
  if (!/^[A-Za-z]\w*$/.test(name)) throw new TypeError(`A name is letters, digits and underscores, not ${name}.`);
  const family = options.family ?? name.split("_")[0]!;
  if (!/^[a-z]\w*$/i.test(family)) throw new TypeError(`A family is letters and digits, not ${family}.`);
  if (!URL.canParse(options.url) || !options.url.startsWith("https://")) {
    throw new TypeError(`The address of the checkpoint is an https:// URL, not ${options.url}.`);
  }
  const checkout = await openCheckout(options.root ?? process.cwd());
  const [hubconf, metadata] = [await checkout.read(HUBCONF), await checkout.read(METADATA)];
  if (new RegExp(`^export const ${name}\\b`, "im").test(hubconf) || new RegExp(`^${name}:`, "im").test(metadata)) {
    throw new HubError(
      "METADATA",
      `Cannot add ${name}: the checkout has it already, or one that differs in case only.`,
    );
  }
  const about = await describe(options);
  const key = name.slice(name.startsWith(`${family}_`) ? family.length + 1 : 0);
  const file = familyPath(family);
  const isNew = !(await exists(join(checkout.root, file)));
  const put = (path: string, text: string) => writeFileAtomic(join(checkout.root, path), text);
  if (isNew) await put(file, familyText(family, key, about, options));
  await put(METADATA, `${metadata.trimEnd()}\n\n${await entryText(name, about.model.spec, options)}`);
  await put(HUBCONF, withLine(hubconf, name, family, key));
  const next = [
    ...(isNew
      ? [`tell in ${file} what the method is`, `see that trainTransform there is the authors' training augmentation`]
      : [`add ${JSON.stringify(key)} to ${file}, which is there already`]),
    `fill what is known of it into ${METADATA} (docs/metadata.md)`,
    ...(options.license === undefined ? ["find the licence of the weights: meta.license"] : []),
    ...(options.checkpoint === undefined
      ? ["find its key rules and hash: new --checkpoint FILE does, by hand else"]
      : []),
    `ssl-hub check ${name}${options.checkpoint === undefined ? "" : ` --checkpoint ${options.checkpoint}`}`,
  ];
  return { written: [...(isNew ? [file] : []), METADATA, HUBCONF], next, guesses: about.model.guesses };
}

async function describe(options: NewModelOptions): Promise<NewFamily> {
  const { checkpoint } = options;
  const model =
    checkpoint === undefined ? await usualSpec(options) : await ownModel([checkpoint], { ...options, name: undefined });
  const { steps, guess } = await trainingOf(options, model.spec);
  if (guess !== undefined) tellGuess(`${guess}.`, options);
  const guesses = [...model.guesses, ...(guess === undefined ? [] : [guess])];
  const about = { ...model, guesses, spec: { ...model.spec, trainTransform: steps } };
  if (checkpoint === undefined) return { model: about };
  const sha256 = await hashFile(checkpoint, "sha256", options.signal);
  return { model: about, sha256, bytes: (await stat(checkpoint)).size };
}

type Training = NonNullable<ModelSpec["trainTransform"]>;

/** The training pipeline: that of the model it is said to be like, or of its objective, for its own input. */
async function trainingOf(
  { trainLike, objective }: NewModelOptions,
  { arch, preprocess }: ModelSpec,
): Promise<{ steps: Training; guess?: string }> {
  if (objective === "supervised") return { steps: { none: "it was trained with labels" } };
  const like = trainLike === undefined ? await trainedFor(objective) : resolveName(trainLike);
  if (like === undefined) return { steps: UNKNOWN_TRAINING };
  const { arch: from, trainTransform = UNKNOWN_TRAINING } = await specOf(like);
  if ("none" in trainTransform) throw new TypeError(`Nothing can be trained like ${like}: ${trainTransform.none}.`);
  const steps = [...atSize(trainTransform.slice(0, -1), from.size, arch.size), preprocess.at(-1)!];
  return {
    steps,
    ...(trainLike === undefined && {
      guess: `the training augmentation is ${like}'s, as most of ${objective} have it (--train-like)`,
    }),
  };
}

const UNKNOWN_TRAINING = { none: "nobody has written down its training augmentation yet" };

/** A model of the hub whose training pipeline is the one that most of this objective have. */
async function trainedFor(objective: string | undefined): Promise<ModelName | undefined> {
  const users = new Map<string, ModelName[]>();
  for (const name of modelNames()) {
    if (objective === undefined || metadataOf(name)?.ssl.objective !== objective) continue;
    const pipeline = canonicalJson((await specOf(name)).trainTransform);
    users.set(pipeline, [...(users.get(pipeline) ?? []), name]);
  }
  const most = [...users.values()].toSorted((a, b) => b.length - a.length)[0];
  return most?.[0];
}

async function entryText(name: string, spec: ModelSpec, o: NewModelOptions): Promise<string> {
  const { buildGraph } = await import("../converters/build.ts");
  const { zDim, nParameters } = buildGraph(spec);
  const { title, authors, paper, year } = o;
  const hasCitation = [title, authors, paper, year].every((part) => part !== undefined);
  const meta: [string, unknown][] = [
    ["where", o.where],
    ["month", o.month],
    ["year", year],
    ["license", o.license],
    ["citation", hasCitation ? { title, authors, year, url: paper } : undefined],
  ];
  const lines = meta.filter(([, value]) => value !== undefined).map(([key, value]) => `    ${key}: ${flow(value)}`);
  return `${[
    `${name}:`,
    "  ssl:",
    ...(o.objective === undefined ? [] : [`    objective: ${flow(o.objective)}`]),
    "    version: 1",
    "  model:",
    `    architecture_exact: ${flow(o.arch)}`,
    `    n_parameters: ${nParameters}`,
    "  representation:",
    `    z_dim: ${zDim}`,
    `    z_layer: ${flow(spec.representation.split(":")[0])}`,
    "  preprocess:",
    ...spec.preprocess.map((step: Transform) => `    - ${flow(step)}`),
    "  data:",
    `    img_size: ${spec.arch.size}`,
    ...(lines.length === 0 ? [] : ["  meta:", ...lines]),
  ].join("\n")}\n`;
}

/** YAML's flow style: words as they are, other text as JSON, which YAML reads. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{ ${Object.entries(value)
      .map(([key, part]) => `${key}: ${flow(part)}`)
      .join(", ")} }`;
  }
  const isWord =
    typeof value === "string" && /^[A-Za-z][\w-]*$/.test(value) && !/^(true|false|null|yes|no|on|off)$/i.test(value);
  return isWord ? value : JSON.stringify(value);
}

/** The line goes after the family's last one, else to the end; a new family is imported after the others. */
function withLine(hubconf: string, name: string, family: string, key: string): string {
  const line = `export const ${name} = ${family}(${JSON.stringify(key)});`;
  let lines = hubconf.trimEnd().split("\n");
  const lastOf = (pattern: RegExp) => lines.findLastIndex((text) => pattern.test(text));
  if (lastOf(new RegExp(`^const ${family} = family\\(`)) === -1) {
    const at = lastOf(/^const \w+ = family\(/) + 1;
    lines = lines.toSpliced(
      at,
      0,
      `const ${family} = family(() => import(${JSON.stringify(`./${familyPath(family)}`)}));`,
    );
  }
  const last = lastOf(new RegExp(`^export const \\w+ = ${family}\\(`));
  const added = last === -1 ? [...lines, "", `// ${family}`, line] : lines.toSpliced(last + 1, 0, line);
  return `${added.join("\n")}\n`;
}
