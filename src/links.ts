import { HubError } from "./core/errors.ts";
import type { Checkpoint } from "./core/spec.ts";
import { modelNames, resolveName, specOf } from "./load.ts";
import type { LinkOptions, LinkState } from "./store/links.ts";

export interface CheckLinksOptions extends LinkOptions {
  /** Requests at a time. Default 8. */
  concurrency?: number;
}

/** The locations of a model in their order. A file that needs others is one location of several files. */
export interface ModelLinks {
  name: string;
  /** Whether the model can be had: one of its locations answers with all of its files. */
  ok: boolean;
  locations: { ok: boolean; files: LinkState[] }[];
}

/**
 * Asks every location of models whether it still serves its file; all models that are downloaded when none is named.
 * Each URL is asked once, whoever uses it.
 * @throws HubError `OFFLINE` when `SSL_HUB_OFFLINE` is set, `UNKNOWN_MODEL`.
 */
export async function checkLinks(names: readonly string[], options: CheckLinksOptions = {}): Promise<ModelLinks[]> {
  const { isOffline } = await import("./store/http.ts");
  if (isOffline()) throw new HubError("OFFLINE", "Cannot check links: SSL_HUB_OFFLINE is set.");
  const chosen = names.length === 0 ? modelNames() : names.map(resolveName);
  const models: { name: string; locations: Checkpoint[][] }[] = [];
  for (const name of new Set(chosen)) {
    const { weights } = await specOf(name);
    if ("checkpoints" in weights) models.push({ name, locations: weights.checkpoints.map(filesOf) });
    else if (names.length > 0) models.push({ name, locations: [] });
  }
  const states = await ask(
    models.flatMap(({ locations }) => locations.flat()),
    options,
  );
  return models.map(({ name, locations }) => {
    const answers = locations.map((files) => {
      const found = files.map(({ url }) => states.get(url)!);
      return { ok: found.every(({ ok }) => ok), files: found };
    });
    return { name, ok: answers.length === 0 || answers.some(({ ok }) => ok), locations: answers };
  });
}

/** A location's file and those it needs besides. */
const filesOf = (checkpoint: Checkpoint): Checkpoint[] => [
  checkpoint,
  ...(checkpoint.components ?? []).flatMap((component) => filesOf(component)),
];

async function ask(files: readonly Checkpoint[], options: CheckLinksOptions): Promise<Map<string, LinkState>> {
  const { checkLink } = await import("./store/links.ts");
  const { concurrency = 8, onProgress } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new TypeError(`The concurrency is a whole number from 1, not ${concurrency}.`);
  }
  const queue = [...new Map(files.map((file) => [file.url, file])).values()];
  const states = new Map<string, LinkState>();
  const total = queue.length;
  const work = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      states.set(file.url, await checkLink(file, options));
      onProgress?.({ stage: "check", name: "links", done: states.size, total, unit: "files" });
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, total) }, work));
  return states;
}
