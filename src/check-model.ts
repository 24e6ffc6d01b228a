import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCheckout, registryOf } from "./checkout.ts";
import { HubError, messageOf, shortList } from "./core/errors.ts";
import type { Job } from "./core/events.ts";
import type { SpecLoader } from "./core/family.ts";
import { canonicalJson, hashFile } from "./core/hash.ts";
import { nearest } from "./core/nearest.ts";
import type { Checkpoint, ModelSpec } from "./core/spec.ts";
import { redistributionLimit } from "./tables/licenses.ts";
import type { ModelMetadata } from "./tables/metadata.ts";

export interface CheckOptions extends Job {
  /** The checkout. Default: the working directory. */
  root?: string;
  /** The model's file: hash, key rules and features are checked on it. */
  checkpoint?: string;
}

/** One thing that was looked at. snake_case, as it is a row of a report. */
export interface Finding {
  model: string;
  what:
    | "line"
    | "specification"
    | "metadata"
    | "graph"
    | "training"
    | "licence"
    | "location"
    | "hash"
    | "keys"
    | "features";
  /** `warning`: it works, a reviewer will ask. `skipped`: could not be looked at. */
  state: "ok" | "warning" | "error" | "skipped";
  message: string;
}

type Report = (what: Finding["what"], state: Finding["state"], message: string) => void;

/**
 * Checks models of a checkout as a contribution: their line, metadata, specification, graph, licence and locations; with
 * a checkpoint file its hash, its keys, and the features it gives. Uses no network.
 * @param names all models of the checkout when none is given; a checkpoint belongs to exactly one.
 * @throws HubError `DISK` or `METADATA` when the checkout as a whole cannot be read, `UNKNOWN_MODEL`.
 */
export async function checkModels(names: readonly string[], options: CheckOptions = {}): Promise<Finding[]> {
  if (options.checkpoint !== undefined && names.length !== 1) {
    throw new TypeError("A checkpoint is of one model: name it.");
  }
  const checkout = await openCheckout(options.root ?? process.cwd());
  const { checkMetadata } = await import("./tables/metadata.ts");
  const metadata = checkMetadata(await checkout.read("metadata.yaml"));
  const registry = await registryOf(checkout);
  const findings: Finding[] = [];
  for (const name of names.length === 0 ? [...new Set([...Object.keys(registry), ...Object.keys(metadata)])] : names) {
    options.signal?.throwIfAborted();
    const report: Report = (what, state, message) => findings.push({ model: name, what, state, message });
    await checkModel(name, registry, metadata, report, options);
  }
  return findings;
}

async function checkModel(
  name: string,
  registry: Record<string, SpecLoader>,
  metadata: Record<string, ModelMetadata>,
  report: Report,
  options: CheckOptions,
): Promise<void> {
  const model = Object.hasOwn(metadata, name) ? metadata[name] : undefined;
  const line = Object.hasOwn(registry, name) ? registry[name] : undefined;
  checkLine(name, line, registry, report);
  if (model === undefined) report("metadata", "error", `metadata.yaml has no entry ${name}.`);
  if (line === undefined) return;
  const spec = await specOfLine(line, report);
  if (spec === undefined) return;
  const builds = await checkGraph(spec, model, report);
  checkTraining(spec, model, report);
  if (model !== undefined) checkFacts(spec, model, report);
  if (!("checkpoints" in spec.weights)) return;
  for (const checkpoint of allFiles(spec.weights.checkpoints)) checkLocation(checkpoint, report);
  if (builds) await checkFile(name, spec, spec.weights.checkpoints, model, report, options);
}

function checkLine(name: string, line: unknown, registry: Record<string, unknown>, report: Report): void {
  const others = Object.keys(registry).filter((other) => other !== name);
  const twin = others.find((other) => other.toLowerCase() === name.toLowerCase());
  if (line === undefined) {
    const near = shortList(nearest(name, others), 3);
    report("line", "error", `hubconf.ts exports no ${name}${near === "" ? "" : `; there is ${near}`}.`);
  } else if (typeof line !== "function") report("line", "error", `${name} in hubconf.ts is no line of a family.`);
  else if (!/^[A-Za-z]\w*$/.test(name)) report("line", "error", "A name is letters, digits and underscores.");
  else if (twin !== undefined) report("line", "error", `${name} and ${twin} differ in case only.`);
  else report("line", "ok", `hubconf.ts exports ${name}.`);
}

async function specOfLine(line: SpecLoader, report: Report): Promise<ModelSpec | undefined> {
  const { checkSpec } = await import("./tables/spec-schema.ts");
  try {
    const spec = await line();
    const issues = checkSpec(spec);
    if (issues.length === 0) {
      report("specification", "ok", `${spec.arch.kind}, ${spec.representation}, inputs of ${spec.arch.size} pixels.`);
      return spec;
    }
    report("specification", "error", `The family file gives ${shortList(issues, 5)}.`);
  } catch (error) {
    report("specification", "error", `The family file throws: ${messageOf(error)}`);
  }
  return undefined;
}

/** What the graph knows must be what the metadata says. Gives whether there is a graph at all. */
async function checkGraph(spec: ModelSpec, model: ModelMetadata | undefined, report: Report): Promise<boolean> {
  const { buildGraph } = await import("../converters/build.ts");
  let graph: ReturnType<typeof buildGraph>;
  try {
    graph = buildGraph(spec);
  } catch (error) {
    report("graph", "error", messageOf(error));
    return false;
  }
  if (model === undefined) return true;
  const pairs: [field: string, stated: unknown, found: unknown][] = [
    ["representation.z_dim", model.representation.z_dim, graph.zDim],
    ["representation.z_layer", model.representation.z_layer, spec.representation.split(":")[0]],
    ["model.n_parameters", model.model.n_parameters, graph.nParameters],
    ["data.img_size", model.data.img_size, spec.arch.size],
    ["preprocess", canonicalJson(model.preprocess), canonicalJson(spec.preprocess)],
  ];
  const different = pairs.filter(([, stated, found]) => stated !== found);
  for (const [field, stated, found] of different) {
    report("graph", "error", `metadata.yaml says ${field} is ${stated}; the specification makes it ${found}.`);
  }
  const params = graph.nParameters.toLocaleString("en");
  if (different.length === 0) report("graph", "ok", `${graph.zDim} features, ${params} parameters, as metadata says.`);
  return true;
}

/** What `hub.trainTransform` would do. Only who was trained without labels, or at all, needs one. */
function checkTraining(
  { trainTransform, preprocess, arch }: ModelSpec,
  model: ModelMetadata | undefined,
  report: Report,
) {
  const add = "Add what it was trained with, as other family files do";
  if (trainTransform === undefined) return report("training", "warning", `There is no trainTransform. ${add}.`);
  if ("none" in trainTransform) {
    const isFine = ["supervised", "initialized"].includes(model?.ssl.ssl_mode ?? "");
    return report("training", isFine ? "ok" : "warning", `None: ${trainTransform.none}.${isFine ? "" : ` ${add}.`}`);
  }
  const crop = trainTransform.find((step) => step.op === "randomResizedCrop" || step.op === "randomCrop");
  const isNormalised = canonicalJson(trainTransform.at(-1)) === canonicalJson(preprocess.at(-1));
  const steps = trainTransform.map(({ op }) => op).join(", ");
  if (crop === undefined) report("training", "warning", `trainTransform crops nothing at random: ${steps}.`);
  else if (!isNormalised) report("training", "error", "trainTransform does not end with the normalize of preprocess.");
  // A puzzle's views are larger than what the encoder is evaluated on.
  else if (crop.size !== arch.size && model?.ssl.objective !== "jigsaw") {
    report("training", "error", `trainTransform crops to ${crop.size} pixels; the encoder takes ${arch.size}.`);
  } else report("training", "ok", `${steps}.`);
}

/** What a reader of the card will look for. */
function checkFacts({ weights }: ModelSpec, { meta, ssl, data }: ModelMetadata, report: Report): void {
  const wanted: [field: string, value: unknown][] = [
    ["meta.where", meta.where],
    ["meta.citation", meta.citation],
    ["meta.year", meta.year],
    ["meta.month", meta.month],
    ["ssl.ssl_mode", ssl.ssl_mode],
    ["data.pretraining_data", data.pretraining_data],
  ];
  const isSeed = "seed" in weights;
  const absent = isSeed ? [] : wanted.filter(([, value]) => value === null).map(([field]) => field);
  if (absent.length === 0) report("metadata", "ok", "The entry is complete.");
  else report("metadata", "warning", `A card would lack ${absent.join(", ")}: see docs/metadata.md.`);
  if (isSeed) return;
  const limit = redistributionLimit(meta.license);
  if (meta.license === null) {
    report("licence", "error", "meta.license is absent: the SPDX identifier of the weights' licence, as MIT.");
  } else report("licence", "ok", `${meta.license}${limit === undefined ? "" : `: mirrors leave it out, as ${limit}`}.`);
}

const allFiles = (files: readonly Checkpoint[]): Checkpoint[] =>
  files.flatMap((file) => [file, ...allFiles(file.components ?? [])]);

/** Addresses that answer with a page about the file, or only to their author. */
const BAD_ADDRESSES: [pattern: RegExp, advice: string][] = [
  [/^https:\/\/huggingface\.co\/.*\/blob\//, "is a page: use /resolve/ in place of /blob/"],
  [/^https:\/\/github\.com\/.*\/blob\//, "is a page: use raw.githubusercontent.com, or a release"],
  [/[?&](token|access_token|X-Amz-Signature|Signature|sig)=/i, "holds a secret that will expire"],
  [/^https:\/\/(localhost|127\.|10\.|192\.168\.)/, "is of a private network"],
];

function checkLocation({ url, sha256, md5 }: Checkpoint, report: Report): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const bad = BAD_ADDRESSES.find(([pattern]) => pattern.test(url))?.[1];
  if (parsed === undefined || parsed.protocol !== "https:" || parsed.username !== "") {
    report("location", "error", `${url} is no https:// address without a user.`);
  } else if (bad !== undefined) report("location", "error", `${url} ${bad}.`);
  else report("location", "ok", url);
  if (sha256 === undefined && md5 === undefined && !/-[0-9a-f]{8,64}\.[\w.]+$/.test(url)) {
    report("hash", "warning", `No hash is stated of ${url}: nobody would notice another file there.`);
  }
}

async function checkFile(
  name: string,
  spec: ModelSpec,
  checkpoints: readonly Checkpoint[],
  model: ModelMetadata | undefined,
  report: Report,
  options: CheckOptions,
): Promise<void> {
  const path = options.checkpoint ?? (await inCache(checkpoints));
  if (path === undefined) {
    report("keys", "skipped", "No file of it is here: --checkpoint FILE holds rules and hash against one.");
    return;
  }
  const sha256 = await hashFile(path, "sha256", options.signal).catch((cause) => {
    throw new HubError("DISK", `Cannot read ${path}: ${messageOf(cause)}`, { cause });
  });
  const { size } = await stat(path);
  const stated = checkpoints.map((file) => file.sha256).filter((hash) => hash !== undefined);
  if (stated.includes(sha256)) report("hash", "ok", `The file's SHA-256 is the stated one, ${sha256}.`);
  else if (stated.length > 0)
    report("hash", "error", `The file's SHA-256 is ${sha256}; stated is ${stated.join(", ")}.`);
  else report("hash", "warning", `State in the family file: sha256: "${sha256}", bytes: ${size}`);
  const folder = await mkdtemp(join(tmpdir(), "ssl-hub-check-"));
  try {
    if (!(await convertFirst(path, name, spec, checkpoints, folder, model, report, options))) return;
    report("features", "ok", await featuresOf(folder, options));
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof HubError)) throw error;
    report("features", error.code === "MEMORY" ? "skipped" : "error", error.message);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The file of the first location that was downloaded. */
async function inCache(checkpoints: readonly Checkpoint[]): Promise<string | undefined> {
  const { cacheDirs } = await import("./store/dirs.ts");
  const { placeOf } = await import("./store/location.ts");
  for (const { url } of checkpoints) {
    if (!URL.canParse(url)) continue;
    const { path } = placeOf(cacheDirs(), url);
    if ((await stat(path).catch(() => undefined))?.isFile()) return path;
  }
  return undefined;
}

async function convertFirst(
  path: string,
  name: string,
  spec: ModelSpec,
  checkpoints: readonly Checkpoint[],
  dir: string,
  model: ModelMetadata | undefined,
  report: Report,
  job: Job,
): Promise<boolean> {
  const { convertCheckpoint } = await import("../converters/convert.ts");
  const about = { name, spec, dir, fingerprint: "check", license: model?.meta.license ?? null };
  const failures: string[] = [];
  for (const { url, rules, components } of checkpoints) {
    if (components !== undefined) continue;
    try {
      const source = { url, sha256: null };
      await convertCheckpoint(path, rules, { ...about, source, signal: job.signal, onProgress: job.onProgress });
      report("keys", "ok", `The rules of ${url} leave exactly the keys of the architecture.`);
      return true;
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      failures.push(error.message);
    }
  }
  const text = [...new Set(failures)].join(" / ");
  report("keys", failures.length === 0 ? "skipped" : "error", text || "It needs a second file: load it to try it.");
  return false;
}

/** Two fixed images of no meaning: what matters is that everybody gets the same. */
const IMAGES = 2;

/** A line by which reviewers compare what they get: norms and first values of the features of two fixed images. */
async function featuresOf(folder: string, options: Job): Promise<string> {
  const { openEncoder } = await import("./encoder/encoder.ts");
  const [encoder] = await openEncoder(folder, { ...options, fetchImage: () => Promise.reject(new Error("no images")) });
  try {
    const [side] = encoder.inputShape;
    const { engine } = await import("./engine/engine.ts");
    const { tf } = await engine();
    const values = Float32Array.from({ length: IMAGES * side * side * 3 }, (_, i) => 1.5 * Math.sin(0.37 * i));
    const x = tf.tensor4d(values, [IMAGES, side, side, 3]);
    const z = encoder.predict(x);
    // Not dataSync: WebGPU cannot wait for its results.
    const features = await z.data();
    const [a, b] = [0, 1].map((i) => features.slice(i * encoder.zDim, (i + 1) * encoder.zDim)) as [Row, Row];
    x.dispose();
    z.dispose();
    const norms = [a, b].map((row) => Math.hypot(...row));
    if (!norms.every((norm) => Number.isFinite(norm) && norm > 0)) {
      throw new HubError("CHECKPOINT", `The features of the test images have norms ${norms.join(" and ")}.`);
    }
    const first = [...a.slice(0, 5)].map((value) => value.toPrecision(4));
    return `fingerprint (relative tolerance 1e-3): norms ${norms.map((norm) => norm.toPrecision(5)).join(" ")}, first ${first.join(" ")}`;
  } finally {
    encoder.dispose();
  }
}

type Row = Float32Array | Int32Array | Uint8Array;
