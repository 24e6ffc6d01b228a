import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import * as hubconf from "../hubconf.ts";
import type { Dtype } from "./core/artifact.ts";
import { assetPath } from "./core/assets.ts";
import { HubError, messageOf, shortList } from "./core/errors.ts";
import type { Job } from "./core/events.ts";
import type { SpecLoader } from "./core/family.ts";
import { getOrMake } from "./core/files.ts";
import { fingerprint } from "./core/fingerprint.ts";
import { canonicalJson, hashFile, sha256 } from "./core/hash.ts";
import { nearest } from "./core/nearest.ts";
import type { Checkpoint, ModelSpec, Representation } from "./core/spec.ts";
import { licenseOf, warnErrata, warnLicense } from "./notices.ts";
import { type OwnOptions, ownModel } from "./own.ts";

/** Name of a model of the registry, as `hubconf.ts` exports it. */
export type ModelName = keyof typeof hubconf;

const REGISTRY = hubconf as Record<string, SpecLoader>;
const NAMES = Object.keys(REGISTRY) as ModelName[];
const BY_LOWER_CASE = new Map(NAMES.map((name) => [name.toLowerCase(), name]));

/** Every name of the registry, in its order. */
export const modelNames = (): ModelName[] => [...NAMES];

/** The registry's spelling of a name, whatever its case; undefined when there is no such model. */
export const findName = (name: string): ModelName | undefined => BY_LOWER_CASE.get(name.toLowerCase());

/**
 * The registry's spelling of a name, whatever its case.
 * @throws HubError `UNKNOWN_MODEL` that suggests the nearest names.
 */
export function resolveName(name: string): ModelName {
  if (typeof name !== "string") throw new TypeError(`A model's name is a string, not ${typeof name}.`);
  const found = findName(name);
  if (found !== undefined) return found;
  const near = nearest(name, NAMES);
  throw new HubError("UNKNOWN_MODEL", `There is no model ${name}. Did you mean ${near.join(", ")}? See hub.list().`, {
    details: { name, nearest: near },
  });
}

export const specOf = (name: ModelName): Promise<ModelSpec> => REGISTRY[name]!();

/** What a caller may want otherwise than a hub name has it; docs/load-options.md tells of each. */
export interface VariantOptions<R extends string = Representation> {
  /** Another output the architecture offers: `"tokens"`, `"map"`, `"3xcls"` ... Default: the one the name stands for. */
  representation?: R;
  /** Side of the input in pixels; position tables are resized, preprocessing follows. Default: the model's own. */
  imageSize?: number;
  /** What weights are stored in. `"float16"` halves the artifact; engines compute in float32 all the same. Default `"float32"`. */
  dtype?: Dtype;
}

export interface PullOptions<R extends string = Representation> extends Job, VariantOptions<R> {
  /** Download and convert again even when the cache holds the model. */
  forceReload?: boolean;
}

/**
 * Gives the folder of a converted model: from the cache, else from a mirror (`SSL_HUB_MIRROR`), else made from the
 * first of the model's checkpoints that can be had and fits. Safe to kill and to race. Each variant has a folder of its
 * own, and a name of its own on mirrors (`wantedModel`).
 * @throws TypeError when the architecture does not offer the representation or the image size.
 */
export async function pull(name: string, options: PullOptions = {}): Promise<string> {
  const wanted = await wantedModel(name, options);
  const { name: model, spec, key, archive } = wanted;
  warnErrata(model, options);
  if ("bundled" in spec.weights) {
    if (archive === model) return assetPath(spec.weights.bundled);
    throw new TypeError(
      `${model} comes with this package already converted: it has no other representation, image size or dtype.`,
    );
  }
  const { ensureDirs } = await import("./store/dirs.ts");
  const dirs = await ensureDirs();
  return getOrMake(
    join(dirs.models, model, key),
    async (staging, job) => {
      await make(wanted, staging, job);
      warnLicense(model, job);
    },
    { tmpDir: dirs.tmp, lockDir: dirs.locks, name: model, force: options.forceReload, ...jobOf(options) },
  );
}

/**
 * A model's specification with what the caller wants otherwise.
 * @throws TypeError when the architecture does not offer it.
 */
export async function variantSpec(name: ModelName, options: VariantOptions): Promise<ModelSpec> {
  const { representation, imageSize } = options;
  const spec = await specOf(name);
  if (representation === undefined && imageSize === undefined) return spec;
  const { variantOf } = await import("../converters/variant.ts");
  return variantOf(spec, { representation, imageSize });
}

function checkDtype(dtype: Dtype = "float32"): Dtype {
  if (dtype === "float32" || dtype === "float16") return dtype;
  throw new TypeError(`The dtype is float32 or float16, not ${JSON.stringify(dtype)}.`);
}

/** An artifact that is wanted. */
export interface Wanted {
  name: ModelName;
  spec: ModelSpec;
  /** Its fingerprint. */
  key: string;
  dtype: Dtype;
  /** What it is called on a mirror: the model's name, then whatever is otherwise, as `dino_vitS16.tokens.448px.float16`. */
  archive: string;
}

/**
 * The artifact that a name and options stand for. What is the model's own anyway is no variant.
 * @throws HubError `UNKNOWN_MODEL`. @throws TypeError when the architecture does not offer it.
 */
export async function wantedModel(name: string, options: VariantOptions): Promise<Wanted> {
  const model = resolveName(name);
  const plain = await specOf(model);
  const spec = await variantSpec(model, options);
  const dtype = checkDtype(options.dtype);
  const otherwise = [
    ...(spec.representation === plain.representation ? [] : [spec.representation.replace(/[+:]/g, "-")]),
    ...(spec.arch.size === plain.arch.size ? [] : [`${spec.arch.size}px`]),
    ...(dtype === "float32" ? [] : [dtype]),
  ];
  const key = fingerprint(spec, undefined, dtype);
  return { name: model, spec, key, dtype, archive: [model, ...otherwise].join(".") };
}

async function make(wanted: Wanted, dir: string, job: Job): Promise<void> {
  const { name, spec, key, archive } = wanted;
  if ("seed" in spec.weights) {
    const { convertSeed } = await import("../converters/convert.ts");
    const { seed } = spec.weights;
    const source = { url: `seed:${seed}`, sha256: null };
    const about = { name, spec, fingerprint: key, license: licenseOf(name), source, ...job };
    await inDtype(wanted.dtype, dir, job, async (to, dtype) => {
      await convertSeed(seed, { ...about, dir: to, dtype });
    });
  } else if ("checkpoints" in spec.weights) {
    const { fetchFromMirrors } = await import("./store/mirror.ts");
    if ((await fetchFromMirrors(archive, key, dir, job)) !== null) return;
    await makeFromCheckpoints(wanted, spec.weights.checkpoints, dir, job);
  }
}

/** Converts to `dir`. For float16 the error of the features is measured against a conversion to float32, which goes. */
async function inDtype(
  dtype: Dtype,
  dir: string,
  job: Job,
  convert: (dir: string, dtype: Dtype) => Promise<void>,
): Promise<void> {
  await convert(dir, dtype);
  if (dtype === "float32") return;
  const full = join(dir, "float32");
  await mkdir(full);
  await convert(full, "float32");
  const { stateHalfError } = await import("./half-error.ts");
  await stateHalfError(full, dir, job);
  await rm(full, { recursive: true });
}

/** Failures of one location that another location may not have. */
const NEXT_LOCATION = new Set(["DOWNLOAD", "HASH", "CHECKPOINT", "KEYS"]);

async function makeFromCheckpoints(
  { name, spec, key, dtype }: Wanted,
  checkpoints: readonly Checkpoint[],
  dir: string,
  job: Job,
): Promise<void> {
  const { fetchCheckpoint, sourceOf } = await import("./store/checkpoint.ts");
  const { convertCheckpoint } = await import("../converters/convert.ts");
  const failures: HubError[] = [];
  for (const checkpoint of checkpoints) {
    try {
      const file = await fetchCheckpoint(checkpoint, job);
      const about = { name, spec, fingerprint: key, license: licenseOf(name), source: sourceOf(file) };
      await inDtype(dtype, dir, job, async (to, dtype) => {
        const options = { ...about, dir: to, dtype, components: file.components, ...job };
        await convertCheckpoint(file.path, file.rules, options);
      });
      return;
    } catch (error) {
      if (!(error instanceof HubError) || !NEXT_LOCATION.has(error.code)) throw error;
      failures.push(error);
      await empty(dir);
    }
  }
  const reasons = failures.map((error, i) => `${checkpoints[i]!.url}: ${error.message}`);
  throw new HubError(
    failures[0]!.code,
    `Cannot load ${name} from ${failures.length === 1 ? "its location" : `any of its ${failures.length} locations`}:\n` +
      `${reasons.map((reason) => `  ${reason}`).join("\n")}\n` +
      `If you have the file, convert it yourself: ssl-hub convert FILE --model ${name} --out DIR`,
    { details: { name, failures: failures.map(({ code, details }) => ({ code, ...details })) }, cause: failures[0] },
  );
}

async function empty(dir: string): Promise<void> {
  for (const entry of await readdir(dir)) await rm(join(dir, entry), { recursive: true });
}

export interface ConvertFileOptions extends Job, OwnOptions, VariantOptions {
  /** The hub name whose official layout the file has; or else `arch` says what the file holds. */
  model?: string;
  /**
   * Files the checkpoint needs besides: lossyless CLIP's, or the other shards of one in parts. Without them, those that
   * the model names are downloaded; shards that lie beside an index (`model.safetensors.index.json`) are found.
   */
  components?: string[];
  /** Where the converted folder goes; must not exist yet unless `force`. Default: the cache. */
  out?: string;
  force?: boolean;
}

/**
 * Converts a checkpoint file of the caller's: in the official layout of the hub name `model`, of which each known layout
 * is tried; or of the architecture `arch`, with all else guessed or told by {@link OwnOptions}. Gives the converted folder.
 * @throws HubError `KEYS` or `CHECKPOINT` as `convertCheckpoint` of `ssl-hub/converters`, `DISK` when `out` exists,
 * `DOWNLOAD` or `OFFLINE` when a file that is needed besides cannot be had.
 */
export async function convertFile(file: string, options: ConvertFileOptions): Promise<string> {
  return convertDescribed(file, await describeFile(file, options), options);
}

/** {@link convertFile} of a file that was looked at already. */
export async function convertDescribed(
  file: string,
  { name, spec, license }: FileModel,
  options: ConvertFileOptions,
): Promise<string> {
  const dtype = checkDtype(options.dtype);
  const layouts = layoutsOf(spec);
  const digest = await digestOf([file, ...(options.components ?? [])], options.signal);
  const key = fingerprint(spec, { sha256: digest, rules: layouts }, dtype);
  const about = { name, spec, fingerprint: key, license };
  const source = { url: `file:${basename(file)}`, sha256: digest };
  const write = async (dir: string, job: Job) => {
    const { convertCheckpoint } = await import("../converters/convert.ts");
    const failures: HubError[] = [];
    for (const layout of layouts) {
      try {
        const components = await componentsOf(layout, options.components, job);
        await inDtype(dtype, dir, job, async (to, dtype) => {
          await convertCheckpoint(file, layout.rules, { ...about, dir: to, dtype, source, components, ...job });
        });
        return;
      } catch (error) {
        if (!(error instanceof HubError) || !NEXT_LAYOUT.has(error.code)) throw error;
        failures.push(error);
        await empty(dir);
      }
    }
    throw failures[0]!;
  };
  if (options.out !== undefined)
    return stage(resolve(options.out), options.force ?? false, (dir) => write(dir, jobOf(options)));
  const { ensureDirs } = await import("./store/dirs.ts");
  const dirs = await ensureDirs();
  const staging = { tmpDir: dirs.tmp, lockDir: dirs.locks, name, force: options.force };
  return getOrMake(join(dirs.models, name, key), write, { ...staging, ...jobOf(options) });
}

/** What a caller's file holds. */
export interface FileModel {
  name: string;
  spec: ModelSpec;
  license: string | null;
}

/** What a caller's file is: the model it is said to be, or what {@link ownModel} finds. Reads no weights. */
export async function describeFile(file: string, options: ConvertFileOptions): Promise<FileModel> {
  const { model, arch, components = [] } = options;
  if ((model === undefined) === (arch === undefined)) {
    throw new TypeError(
      "To convert a file say either model, the hub name whose file it is, or arch, its architecture.",
    );
  }
  if (model === undefined) return { ...(await ownModel([file, ...components], options)), license: null };
  const own = OWN_ONLY.filter((option) => options[option] !== undefined);
  if (own.length > 0)
    throw new TypeError(`${own.join(", ")}: only for files of which arch is told; ${model} has its own.`);
  const name = resolveName(model);
  return { name, spec: await variantSpec(name, options), license: licenseOf(name) };
}

const OWN_ONLY = ["prefix", "resize", "interpolation", "mean", "std", "name"] as const satisfies (keyof OwnOptions)[];

/** Failures that another layout may not have: other keys, or a file needed besides that is not to be had. */
const NEXT_LAYOUT = new Set(["KEYS", "DOWNLOAD", "HASH"]);

type Layout = Pick<Checkpoint, "rules" | "components">;

/** The ways a model's official files name their keys. Random initialisations have none: plain `state_dict` keys. */
function layoutsOf({ weights }: ModelSpec): Layout[] {
  if ("bundled" in weights) return [{ rules: weights.rules }];
  if ("seed" in weights) return (weights.layouts ?? [[]]).map((rules) => ({ rules }));
  const layouts = weights.checkpoints.map(({ rules, components }): Layout => ({ rules, components }));
  return [...new Map(layouts.map((layout) => [canonicalJson(layout), layout])).values()];
}

/** The caller's files take the places of the layout's components; beyond these they are parts of the file itself. */
async function componentsOf({ components = [] }: Layout, given: string[] | undefined, job: Job) {
  if (given !== undefined) return given.map((path, i) => ({ path, rules: components[i]?.rules ?? [] }));
  const { fetchCheckpoint } = await import("./store/checkpoint.ts");
  const fetched = [];
  for (const component of components) fetched.push(await fetchCheckpoint(component, job));
  return fetched;
}

/** SHA-256 of a file, or of the digests of several. An index stands for its shards. */
async function digestOf(files: string[], signal?: AbortSignal): Promise<string> {
  const { shardsOf } = await import("../converters/shards.ts");
  const digests: string[] = [];
  for (const file of files) {
    for (const path of (await shardsOf(file))?.paths ?? [file]) {
      const digest = await hashFile(path, "sha256", signal).catch((cause) => {
        throw signal?.aborted
          ? signal.reason
          : new HubError("DISK", `Cannot read ${path}: ${messageOf(cause)}`, { details: { file: path }, cause });
      });
      digests.push(digest);
    }
  }
  return digests.length === 1 ? digests[0]! : sha256(digests.join());
}

/** Makes a folder beside its final place and renames it there, so that `out` is whole or absent. */
async function stage(out: string, force: boolean, make: (dir: string) => Promise<void>): Promise<string> {
  const present = await readdir(out).catch(() => undefined);
  if (present !== undefined && present.length > 0 && !force) {
    throw new HubError(
      "DISK",
      `Cannot write ${out}: it exists and holds ${shortList(present, 3)}. Use another folder or --force.`,
    );
  }
  await mkdir(dirname(out), { recursive: true });
  const staging = `${out}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;
  await mkdir(staging);
  try {
    await make(staging);
    if (present !== undefined) await rm(out, { recursive: true });
    await rename(staging, out);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return out;
}

const jobOf = ({ signal, onProgress }: Job): Job => ({ signal, onProgress });
