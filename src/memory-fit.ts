import { HubError } from "./core/errors.ts";
import type { ModelSpec } from "./core/spec.ts";
import type { EngineName } from "./engine/engine.ts";
import { loadMetadata, metadataOf } from "./tables/metadata.ts";

const FLOAT_BYTES = 4;

interface FitOptions {
  backend?: EngineName | "auto";
  threads?: number;
  /** What was not done for nothing, as the message has it. */
  instead: "downloaded" | "converted";
}

/**
 * Refuses a model whose weights the engine cannot hold, before anything is done for it. Engines compute in float32,
 * whatever the artifact is stored in.
 * @throws HubError `MEMORY` that says which engine would hold it here, and which models of the family this one holds.
 */
export async function requireFit(
  name: string,
  spec: ModelSpec,
  { backend, threads, instead }: FitOptions,
): Promise<void> {
  const { buildGraph } = await import("../converters/build.ts");
  const { weightBytes } = await import("../converters/tfjs.ts");
  const { engine } = await import("./engine/engine.ts");
  const started = await engine(backend, { threads });
  const bytes = weightBytes(buildGraph(spec));
  if (bytes <= started.maxBytes) return;
  const { memoryBytes } = await import("./engine/memory.ts");
  const elsewhere =
    bytes <= memoryBytes() && started.name !== "tfjs-node"
      ? "The engine tfjs-node holds them on this machine (docs/engines.md says how to get it)."
      : `A machine with more than ${gibibytes(bytes)} of memory and the engine tfjs-node would hold them.`;
  const smaller = siblings(name, started.maxBytes);
  throw new HubError(
    "MEMORY",
    `Cannot load ${name}: its weights take ${gibibytes(bytes)} in memory, the engine ${started.name} holds at most ` +
      `${gibibytes(started.maxBytes)} here. Nothing was ${instead}. ${elsewhere}` +
      (smaller.length === 0 ? "" : ` Of the same family, ${started.name} holds ${smaller.join(", ")}.`),
    { details: { name, bytes, engine: started.name, maxBytes: started.maxBytes, smaller } },
  );
}

/** The largest models of a hub name's family that fit, the family being what stands before the first underscore. */
function siblings(name: string, maxBytes: number): string[] {
  if (metadataOf(name) === undefined) return [];
  const family = name.split("_")[0]!;
  const size = (other: string) => FLOAT_BYTES * (metadataOf(other)?.model.n_parameters ?? Number.POSITIVE_INFINITY);
  const fitting = Object.keys(loadMetadata())
    .filter((other) => other.split("_")[0] === family && size(other) <= maxBytes)
    .sort((a, b) => size(b) - size(a));
  // Of names that share an encoder the first stands for all.
  return fitting.filter((other, i) => i === 0 || size(other) !== size(fitting[i - 1]!)).slice(0, 3);
}

const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
