import { basename } from "node:path";
import { HubError, shortList } from "./core/errors.ts";
import type { Job } from "./core/events.ts";
import { nearest } from "./core/nearest.ts";
import type { ArchSpec, Interpolation, ModelSpec, Representation, RGB, Transform } from "./core/spec.ts";
import { tellGuess } from "./notices.ts";

/** What a caller says of a file of a known architecture; what is left out is guessed from the file. */
export interface OwnOptions {
  /** Name of the architecture: `vit_small_patch16`, `resnet50`, ...; `hub.architectures()` lists them. */
  arch?: string;
  /** Where in the file the encoder's keys begin: `state_dict.module.encoder_q`. */
  prefix?: string;
  representation?: Representation;
  /** Side of the input in pixels. */
  imageSize?: number;
  /** Side to which the shorter side of an image is resized before the crop. */
  resize?: number;
  interpolation?: Interpolation;
  /** Of channels scaled to 0..1. */
  mean?: RGB;
  std?: RGB;
  /** What the model is called in the converted folder. Default: the architecture's name. */
  name?: string;
}

export interface ArchitectureInfo {
  name: string;
  kind: ArchSpec["kind"];
  image_size: number;
  z_dim: number;
  n_parameters: number;
}

/** The architectures that {@link OwnOptions.arch} knows, each with the representation that is guessed for it. */
export async function architectures(): Promise<ArchitectureInfo[]> {
  const { NAMED_ARCHITECTURES } = await import("../hub/named.ts");
  const { OWN_REPRESENTATION } = await import("../hub/own.ts");
  const { buildGraph } = await import("../converters/build.ts");
  return Object.entries(NAMED_ARCHITECTURES).map(([name, make]) => {
    const arch = make();
    const graph = buildGraph({ arch, representation: OWN_REPRESENTATION[arch.kind] });
    return { name, kind: arch.kind, image_size: arch.size, z_dim: graph.zDim, n_parameters: graph.nParameters };
  });
}

/** A caller's file as the hub would have it. */
export interface OwnModel {
  name: string;
  spec: ModelSpec;
  /** Name of the architecture, as it is listed. */
  arch: string;
  /** What was guessed, a sentence each, with the option that says it otherwise. */
  guesses: string[];
  /** Keys under the encoder's prefix that were left out as heads. */
  dropped: string[];
}

/** A model of which no file is at hand: the architecture as it is told, its usual representation and preprocessing. */
export async function usualSpec(options: OwnOptions): Promise<Omit<OwnModel, "name">> {
  const { NAMED_ARCHITECTURES } = await import("../hub/named.ts");
  const arch = await archName(options.arch!);
  const { spec, guesses } = await specOf(NAMED_ARCHITECTURES[arch]!(), options);
  return { spec: { ...spec, weights: { seed: 0 } }, arch, guesses, dropped: [] };
}

/**
 * Finds how a file fills the architecture `options.arch`, and tells every guess as a `GUESS` warning.
 * @throws TypeError for an unknown architecture or a representation or size that it does not have.
 * @throws HubError `KEYS` when the file does not fit, with its tree of keys and the architectures that it does fit;
 * `CHECKPOINT` when it cannot be read.
 */
export async function ownModel(files: string[], options: OwnOptions & Job): Promise<OwnModel> {
  const { openFiles } = await import("../converters/convert.ts");
  const name = await archName(options.arch!);
  if (options.name !== undefined && !/^[A-Za-z]\w{0,99}$/.test(options.name)) {
    throw new TypeError(`A model's name is letters, digits and underscores, not ${JSON.stringify(options.name)}.`);
  }
  const [path, ...components] = files;
  const source = await openFiles({
    path: path!,
    rules: [],
    components: components.map((part) => ({ path: part, rules: [] })),
  });
  try {
    const file = basename(path!);
    const found = await fitTo(name, source, file, options.prefix);
    const [fit, ...others] = found.fits;
    if (fit === undefined) throw await misfit(name, source, file, found.closest, options.prefix);
    const alike = (await fitting(source, file, options.prefix)).filter((other) => other !== name);
    const { spec, guesses } = await specOf(fit.arch, options);
    const notes = [
      where(fit, others),
      leftOut(fit, [...source.names()].length, fit.dropped),
      ...guesses,
      ...(alike.length === 0
        ? []
        : [`the same keys fit ${shortList(alike)}, which computes other features: see that ${name} is right (--arch)`]),
    ];
    for (const note of notes) tellGuess(`${file}: ${note}.`, options);
    const weights = { checkpoints: [{ url: `file:${file}`, rules: fit.rules }] };
    return { name: options.name ?? name, spec: { ...spec, weights }, arch: name, guesses: notes, dropped: fit.dropped };
  } finally {
    await source.close();
  }
}

type Source = Awaited<ReturnType<typeof import("../converters/source.ts").openCheckpoint>>;
type Fit = import("../converters/fit.ts").Fit;

/** The name as it is listed: timm's tags and input sides (`vit_small_patch16_224.dino`) say nothing of the keys. */
async function archName(text: string): Promise<string> {
  const { NAMED_ARCHITECTURES } = await import("../hub/named.ts");
  const plain = text.toLowerCase().replace(/\..*$/, "");
  const name = [plain, plain.replace(/_\d{2,3}$/, "")].find((name) => Object.hasOwn(NAMED_ARCHITECTURES, name));
  if (name !== undefined) return name;
  const names = Object.keys(NAMED_ARCHITECTURES);
  throw new TypeError(
    `There is no architecture ${JSON.stringify(text)}. Did you mean ${nearest(plain, names).join(", ")}? ` +
      "hub.architectures() and ssl-hub convert --list-archs list all.",
  );
}

async function fitTo(name: string, source: Source, file: string, prefix: string | undefined) {
  const { NAMED_ARCHITECTURES } = await import("../hub/named.ts");
  const { HEADS, ownLayouts, PREFERENCES } = await import("../hub/own.ts");
  const { fitsOf } = await import("../converters/fit.ts");
  const arch = NAMED_ARCHITECTURES[name]!();
  const found = fitsOf(source, arch, { layouts: ownLayouts(arch), heads: HEADS, prefix, name: file });
  const rank = (fit: Fit) => PREFERENCES.find(([pattern]) => pattern.test(fit.prefix))?.[1] ?? 1;
  return { ...found, fits: found.fits.toSorted((a, b) => rank(a) - rank(b)) };
}

/** Names of the architectures that a file fits. */
async function fitting(source: Source, file: string, prefix: string | undefined): Promise<string[]> {
  const { NAMED_ARCHITECTURES } = await import("../hub/named.ts");
  const names: string[] = [];
  for (const name of Object.keys(NAMED_ARCHITECTURES)) {
    if ((await fitTo(name, source, file, prefix)).fits.length > 0) names.push(name);
  }
  return names;
}

async function misfit(
  name: string,
  source: Source,
  file: string,
  closest: HubError | undefined,
  prefix: string | undefined,
): Promise<HubError> {
  const { keyTree } = await import("../converters/key-tree.ts");
  const { reasonOf } = await import("../converters/fit.ts");
  const fits = await fitting(source, file, prefix);
  const under = prefix === undefined ? "" : ` under ${JSON.stringify(prefix)}`;
  const reason =
    closest === undefined ? `nothing${under} in it is named as such an encoder's keys are.` : reasonOf(closest);
  const advice = fits.length === 0 ? "It fits no architecture known here." : `It fits ${shortList(fits)}: use --arch.`;
  return new HubError(
    "KEYS",
    `Cannot convert ${file} as ${name}: ${reason}\n${advice} Its keys:\n${keyTree(source).replace(/^/gm, "  ")}`,
    { details: { file, arch: name, fits, ...closest?.details }, cause: closest },
  );
}

function where({ layout, prefix }: Fit, others: readonly Fit[]): string {
  const place = prefix === "" ? "at the top of the file" : `under "${prefix}"`;
  const rest = others.map((other) => JSON.stringify(other.prefix));
  const also = rest.length === 0 ? "" : `; it is also under ${shortList(rest, 4)} (--prefix)`;
  return `the encoder is ${place}, with the keys of ${layout}${also}`;
}

function leftOut({ prefix }: Fit, total: number, dropped: readonly string[]): string {
  const heads = dropped.length === 0 ? "nothing of it is left out" : `left out of it: ${shortList(dropped, 4)}`;
  return `${heads}${prefix === "" ? "" : `; the file holds ${total} tensors in all`}`;
}

/** Representation and preprocessing: as told, else the usual. */
async function specOf(arch: ArchSpec, o: OwnOptions): Promise<{ spec: Omit<ModelSpec, "weights">; guesses: string[] }> {
  const { OWN_REPRESENTATION, ownPreprocess } = await import("../hub/own.ts");
  const { buildGraph } = await import("../converters/build.ts");
  const { resizedArch } = await import("../converters/variant.ts");
  const same = o.imageSize === undefined || o.imageSize === arch.size;
  const sized = same ? arch : resizedArch(arch, o.imageSize!);
  const representation = o.representation ?? OWN_REPRESENTATION[arch.kind];
  buildGraph({ arch: sized, representation });
  const preprocess = ownPreprocess(sized).map((step) => toldStep(step, o));
  const guesses = [
    ...(o.representation === undefined ? [`the representation is ${representation} (--representation)`] : []),
    ...(o.imageSize === undefined ? [`images are ${arch.size} x ${arch.size} pixels (--image-size)`] : []),
    ...(o.mean === undefined || o.std === undefined || o.resize === undefined || o.interpolation === undefined
      ? [`images are prepared by ${preprocess.map(describe).join(", ")} (--resize, --interpolation, --mean, --std)`]
      : []),
  ];
  return { spec: { arch: sized, representation, preprocess }, guesses };
}

function toldStep(step: Transform, { resize, interpolation, mean, std }: OwnOptions): Transform {
  if (step.op === "resize") {
    return { ...step, size: resize ?? step.size, interpolation: interpolation ?? step.interpolation };
  }
  return step.op === "normalize" ? { ...step, mean: mean ?? step.mean, std: std ?? step.std } : step;
}

const describe = (step: Transform) => {
  if (step.op === "resize") return `${step.interpolation} resize to ${step.size}`;
  return step.op === "centerCrop"
    ? `centre crop of ${step.size}`
    : `mean ${step.mean.join(" ")}, std ${step.std.join(" ")}`;
};
