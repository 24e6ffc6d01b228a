import type { ColumnTable } from "arquero";
import { type ArtifactInfo, readArtifact } from "./core/artifact.ts";
import { HubError } from "./core/errors.ts";
import type { Job } from "./core/events.ts";
import type { RepresentationFor } from "./core/kinds.ts";
import { atSize } from "./core/preprocess-size.ts";
import type { Encoder, OpenOptions } from "./encoder/encoder.ts";
import { makePreprocess, type Preprocess } from "./encoder/preprocess.ts";
import { makeTrainTransform, type TrainTransform } from "./encoder/train-transform.ts";
import { type BackendInfo, backendInfo, type EngineName } from "./engine/engine.ts";
import {
  type ConvertFileOptions,
  convertDescribed,
  describeFile,
  findName,
  type ModelName,
  modelNames,
  type PullOptions,
  pull,
  resolveName,
  variantSpec,
  wantedModel,
} from "./load.ts";
import { setDir as setCacheDir } from "./store/dirs.ts";
import { type CardData, cardData, modelCard } from "./tables/card.ts";
import type { ModelMetadata } from "./tables/fields.ts";
import { type ListFilter, matchNames } from "./tables/filter.ts";
import * as frames from "./tables/frames.ts";
import { metadataOf } from "./tables/metadata.ts";
import * as results from "./tables/recommend.ts";
import type { ResultsOptions } from "./tables/results.ts";

/** `N` is the name that is loaded: its architecture says which representations there are. */
export interface LoadOptions<N extends ModelName = ModelName>
  extends PullOptions<RepresentationFor<N>>,
    Pick<OpenOptions, "backend" | "threads"> {
  /** Also give the augmentation pipeline that the model was trained with, as the third of the result. */
  trainTransform?: boolean;
}

/** Makes {@link load} give the training pipeline too. */
export type WithTrainTransform = { trainTransform: true };

/**
 * Names of the models that can be loaded.
 *
 * ```ts
 * hub.list("dino*");
 * hub.list({ objective: "simclr", n_parameters: { max: 30e6 }, license: ["MIT", "Apache-2.0"] });
 * ```
 * @param filter a wildcard on the name, or conditions on any column of the metadata or the results.
 * @throws TypeError for a column that does not exist, naming the nearest ones.
 */
export function list(filter?: ListFilter): ModelName[] {
  const names = modelNames();
  return filter === undefined ? names : matchNames(names, filter);
}

/** Whether a text is a model's name in the registry's spelling; narrows run-time strings for {@link load}. */
export function isModel(name: string): name is ModelName {
  return findName(name) === name;
}

/** A model's card as text: what it is, results, licence, preprocessing, citation, errata. */
export function help(name: ModelName | Lowercase<ModelName>): string {
  return modelCard(resolveName(name));
}

/** What {@link help} shows, as data. */
export function card(name: ModelName | Lowercase<ModelName>): CardData {
  return cardData(resolveName(name));
}

/**
 * Loads a pretrained encoder with its preprocessing: from the cache, a mirror or its official location, converted on
 * the way. The names are found in any case.
 *
 * ```ts
 * const [model, preprocess] = await hub.load("dino_rn50");
 * const features = model.predict(await preprocess("cat.jpg")); // [1, 2048]
 * ```
 * With `trainTransform: true` the third of the result is the model's augmentation pipeline:
 *
 * ```ts
 * const [model, preprocess, augment] = await hub.load("simclr_rn50", { trainTransform: true });
 * const views = await augment(["cat.jpg", "cat.jpg"], { seed: 0 }); // two views, [2, 224, 224, 3]
 * ```
 * @throws HubError `UNKNOWN_MODEL`, `DOWNLOAD`, `OFFLINE`, `HASH`, `CHECKPOINT`, `KEYS`, `ENGINE` or `MEMORY`, the last
 * before anything is downloaded; `METADATA` when a training pipeline is asked for and the model has none, before
 * anything is loaded.
 * @throws TypeError when the architecture does not offer the `representation` or the `imageSize`.
 */
export async function load<N extends ModelName>(
  name: N,
  options: LoadOptions<NoInfer<N>> & WithTrainTransform,
): Promise<[Encoder, Preprocess, TrainTransform]>;
export async function load<N extends ModelName>(
  name: N,
  options?: LoadOptions<NoInfer<N>>,
): Promise<[Encoder, Preprocess]>;
export async function load(name: ModelName, options: LoadOptions = {}) {
  const augment = options.trainTransform === true ? [await trainTransform(name, options)] : [];
  const model = resolveName(name);
  const { requireFit } = await import("./memory-fit.ts");
  await requireFit(model, await variantSpec(model, options), { ...options, instead: "downloaded" });
  return [...(await open(await pull(name, options), options)), ...augment];
}

/**
 * Loads an encoder from a checkpoint file of yours: in the official layout of a model, or of a known architecture.
 *
 * ```ts
 * await hub.fromCheckpoint("moco_v2_800ep_pretrain.pth.tar", { model: "mocov2_rn50_ep800" });
 * await hub.fromCheckpoint("run7/last.ckpt", { arch: "vit_small_patch16", representation: "4xcls" });
 * ```
 * @throws HubError `KEYS` when its keys are not that model's, `CHECKPOINT` when it cannot be read safely, `MEMORY` before
 * anything is converted when the engine cannot hold it.
 */
export async function fromCheckpoint(
  file: string,
  options: ConvertFileOptions & Omit<LoadOptions, "trainTransform">,
): Promise<[Encoder, Preprocess]> {
  const described = await describeFile(file, options);
  const { requireFit } = await import("./memory-fit.ts");
  await requireFit(described.name, described.spec, { ...options, instead: "converted" });
  return open(await convertDescribed(file, described, options), options);
}

async function open(folder: string, options: LoadOptions): Promise<[Encoder, Preprocess]> {
  const { openEncoder } = await import("./encoder/encoder.ts");
  return openEncoder(folder, { ...options, fetchImage });
}

/** A model's preprocessing without the model; loads no engine until a tensor is asked for. */
export function preprocess(
  name: ModelName | Lowercase<ModelName>,
  options: { backend?: EngineName | "auto"; imageSize?: number } = {},
): Preprocess {
  const { preprocess: own, data } = metadataOf(resolveName(name))!;
  const { imageSize = data.img_size! } = options;
  const steps = imageSize === data.img_size ? own : atSize(own, data.img_size!, imageSize);
  return makePreprocess(steps, { engine: options.backend, fetchImage });
}

/**
 * A model's training pipeline without the model; loads no engine until a tensor is asked for.
 *
 * ```ts
 * const augment = await hub.trainTransform("dino_vitS16");
 * const view = await augment.pixels("cat.jpg", { seed: 3 }); // 224 x 224 RGB bytes
 * ```
 * @throws HubError `METADATA` with the reason when there is none: the model was supervised, or not trained.
 */
export async function trainTransform(
  name: string,
  options: { backend?: EngineName | "auto"; imageSize?: number } = {},
): Promise<TrainTransform> {
  const model = resolveName(name);
  const { imageSize } = options;
  const { trainTransform: steps = { none: "its specification has none" } } = await variantSpec(model, { imageSize });
  if ("none" in steps) {
    const message = `There is no training transform of ${model}: ${steps.none}. Another model's can be used: hub.trainTransform("simclr_rn50").`;
    throw new HubError("METADATA", message, { details: { name: model, reason: steps.none } });
  }
  return makeTrainTransform(steps, { engine: options.backend, fetchImage });
}

/** Images behind URLs come through the store, with its proxies, retries and size limit. */
async function fetchImage(url: URL, signal?: AbortSignal): Promise<Uint8Array> {
  const { fetchBytes } = await import("./store/http.ts");
  return fetchBytes(url.href, { maxBytes: MAX_IMAGE_BYTES, signal });
}

const MAX_IMAGE_BYTES = 256 * 2 ** 20;

/** Which engine is used and why; starts it. */
export function backend(prefer?: EngineName | "auto"): Promise<BackendInfo> {
  return backendInfo(prefer);
}

/** Puts the cache elsewhere for this process, as the variable `SSL_HUB_DIR` does. */
export function setDir(dir: string): void {
  setCacheDir(dir);
}

/** The metadata as an arquero table: a row a model, a column a field. */
export function metadataDf(): ColumnTable {
  return frames.metadataDf();
}

/** The metadata as nested objects by model name. */
export function metadataDict(): Record<string, ModelMetadata> {
  return frames.metadataDict();
}

/** The paper's results as an arquero table: 169 models, every column; `errata` says what happens to faulty rows. */
export function resultsDf(options: ResultsOptions = {}): ColumnTable {
  return frames.resultsDf(options);
}

/**
 * Which encoders have the smallest error in the paper's results for a number of labels, within bounds on size, kind and
 * licence, with the evidence.
 *
 * ```ts
 * hub.recommend({ shots: 5, maxParams: 30e6, commercial: true }).models[0];
 * ```
 * @throws TypeError for a condition that no model could have.
 */
export function recommend(question: results.RecommendQuestion = {}): results.Recommendation {
  return results.recommend(modelNames(), question);
}

/**
 * Writes the mirror form of a model or a variant of it, `NAME.tar.gz` and `NAME.tar.gz.sha256`, making it first where
 * needed. Any static host that serves the two files is a mirror: `SSL_HUB_MIRROR=https://host/path`.
 */
export async function pack(name: string, dir: string, options: PullOptions = {}) {
  const { archive } = await wantedModel(name, options);
  const folder = await pull(name, options);
  const { packArtifact } = await import("./store/mirror.ts");
  return packArtifact(folder, dir, archive);
}

export interface ConvertedModel {
  folder: string;
  info: ArtifactInfo;
}

/**
 * The converted forms of a model that the cache holds, its variants among them, with what each says of itself: of
 * float16 the error of its features. Folders that cannot be read are left out; {@link verify} tells of them.
 */
export async function converted(name: string): Promise<ConvertedModel[]> {
  const { convertedFolders } = await import("./store/usage.ts");
  const folders = await convertedFolders(resolveName(name));
  const found = await Promise.allSettled(folders.map(async (folder) => ({ folder, info: await readArtifact(folder) })));
  return found.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
}

export interface VerifiedFile {
  name: string;
  folder: string;
  file: string;
  ok: boolean;
  reason?: string;
}

/** Checks sizes and hashes of converted models in the cache; of all of them when no name is given. */
export async function verify(names: readonly string[] = [], job: Job = {}): Promise<VerifiedFile[]> {
  const wanted = new Set(names.map(resolveName));
  const { cacheUsage } = await import("./store/usage.ts");
  const { verifyArtifact } = await import("./store/verify.ts");
  const checked: VerifiedFile[] = [];
  for (const { kind, name, path } of await cacheUsage()) {
    if (kind !== "models" || (wanted.size > 0 && !wanted.has(name as ModelName))) continue;
    for (const file of await verifyArtifact(path, job)) checked.push({ name, folder: path, ...file });
  }
  return checked;
}
