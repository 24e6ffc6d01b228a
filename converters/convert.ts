import { type ArtifactInfo, CONVERTER_VERSION, type Dtype } from "../src/core/artifact.ts";
import type { Job } from "../src/core/events.ts";
import type { KeyRule, ModelSpec } from "../src/core/spec.ts";
import { buildGraph } from "./build.ts";
import { checkKeys } from "./check.ts";
import { joinSources } from "./join.ts";
import { withRules } from "./rules.ts";
import { seedSource } from "./seed.ts";
import { checkShards, shardsOf } from "./shards.ts";
import { openCheckpoint, type TensorSource } from "./source.ts";
import { emit } from "./tfjs.ts";

/** A file of a checkpoint, and how its keys read. */
export interface CheckpointFile {
  path: string;
  rules: readonly KeyRule[];
  /** Files whose tensors, read by their own rules, join this one's before its rules are applied. */
  components?: readonly CheckpointFile[];
}

export interface ConvertOptions extends Job {
  /** The model's name, as it stands in messages and in the artifact. */
  name: string;
  spec: ModelSpec;
  /** An empty folder that exists; it belongs to this call. */
  dir: string;
  fingerprint: string;
  license: string | null;
  source: ArtifactInfo["source"];
  /** Further files of the checkpoint. */
  components?: readonly CheckpointFile[];
  /** Default float32. */
  dtype?: Dtype;
}

/**
 * Converts a checkpoint file to a TF.js graph model folder. Tensors are read from the file one recipe at a time: peak
 * memory is about the largest tensor and its folded copy, whatever the file's size.
 * @throws HubError `CHECKPOINT` when the file cannot be read safely, `KEYS` when its keys are not the architecture's.
 */
export async function convertCheckpoint(path: string, rules: readonly KeyRule[], o: ConvertOptions) {
  const source = await openFiles({ path, rules, components: o.components });
  try {
    return await convertSource(source, o);
  } finally {
    await source.close();
  }
}

/** A file, or the files an index lists, joined with its components and read by its rules. The caller closes it. */
export async function openFiles({ path, rules, components = [] }: CheckpointFile): Promise<TensorSource> {
  const sources: TensorSource[] = [];
  try {
    const shards = await shardsOf(path);
    for (const file of shards?.paths ?? [path]) sources.push(await openCheckpoint(file));
    if (shards !== undefined) checkShards(path, shards, joinSources(sources).names());
    for (const component of components) sources.push(await openFiles(component));
    return withRules(joinSources(sources), rules);
  } catch (error) {
    for (const source of sources) await source.close();
    throw error;
  }
}

/** Writes an artifact with random weights: the architecture's usual distributions from `seed`. */
export async function convertSeed(seed: number, o: ConvertOptions): Promise<ArtifactInfo> {
  return convertSource(seedSource(buildGraph(o.spec), seed), o);
}

/** Converts named tensors, canonical keys of the architecture, from wherever they come. Does not close the source. */
export async function convertSource(source: TensorSource, o: ConvertOptions): Promise<ArtifactInfo> {
  const graph = buildGraph(o.spec);
  checkKeys(graph, source, o.name);
  const dtype = o.dtype ?? "float32";
  const describe = (shards: ArtifactInfo["shards"]): ArtifactInfo => ({
    format: 1,
    name: o.name,
    fingerprint: o.fingerprint,
    z_dim: graph.zDim,
    ...(graph.zShape.length > 1 && { z_shape: [...graph.zShape] }),
    n_parameters: graph.nParameters,
    image_size: o.spec.arch.size,
    representation: o.spec.representation,
    preprocess: o.spec.preprocess,
    source: o.source,
    license: o.license,
    dtype,
    converter: CONVERTER_VERSION,
    shards,
  });
  return emit(graph, source, o.dir, dtype, describe, o);
}
