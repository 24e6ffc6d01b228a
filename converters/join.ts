import { HubError } from "../src/core/errors.ts";
import type { TensorSource } from "./source.ts";

/**
 * Several sources as one, which says of itself the format of the first. Closing it closes all.
 * @throws HubError `KEYS` when two of them hold a tensor of one name.
 */
export function joinSources(sources: readonly TensorSource[]): TensorSource {
  if (sources.length === 1) return sources[0]!;
  const owner = new Map<string, TensorSource>();
  for (const source of sources) {
    for (const name of source.names()) {
      if (owner.has(name)) {
        throw new HubError("KEYS", `Cannot join the files of the checkpoint: two of them hold ${name}.`, {
          details: { name },
        });
      }
      owner.set(name, source);
    }
  }
  const find = (name: string): TensorSource => {
    const source = owner.get(name);
    if (source === undefined) throw new HubError("KEYS", `Cannot read ${name}: no file of the checkpoint holds it.`);
    return source;
  };
  return {
    format: sources[0]!.format,
    opaque: new Map(sources.flatMap(({ opaque }) => [...(opaque ?? [])])),
    names: () => owner.keys(),
    meta: (name) => find(name).meta(name),
    read: async (name, signal) => find(name).read(name, signal),
    close: async () => {
      for (const source of sources) await source.close();
    },
  };
}
