import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HubError, messageOf, shortList } from "../src/core/errors.ts";

/** `model.safetensors.index.json`, `pytorch_model.bin.index.json`: Hugging Face's form of a checkpoint in parts. */
const INDEX_NAME = /\.index\.json$/;
const MAX_INDEX_BYTES = 64 * 2 ** 20;
const MAX_SHARDS = 1000;

/** The files an index stands for, each once, and which tensor is in which. */
export interface Shards {
  paths: string[];
  /** File of each tensor. */
  tensors: Map<string, string>;
}

/**
 * What an index of Hugging Face's sharded checkpoints lists; undefined for any other file. Shards lie beside their
 * index: a name with a folder in it is refused.
 * @throws HubError `CHECKPOINT` when the index is damaged or names files elsewhere, `DISK` when it cannot be read.
 */
export async function shardsOf(path: string): Promise<Shards | undefined> {
  if (!INDEX_NAME.test(path)) return undefined;
  const map = weightMap(await readIndex(path));
  if (map === undefined) throw notIndex(path, "it has no weight_map of tensors and files");
  const tensors = new Map<string, string>();
  for (const [name, file] of map) {
    if (basename(file) !== file || file === "" || file === ".." || /[\\/\0]/.test(file)) {
      throw notIndex(path, `it names the file ${JSON.stringify(file.slice(0, 100))}, which is not beside it`);
    }
    tensors.set(name, join(dirname(path), file));
  }
  const paths = [...new Set(tensors.values())].sort();
  if (paths.length === 0 || paths.length > MAX_SHARDS) throw notIndex(path, `it names ${paths.length} files`);
  return { paths, tensors };
}

/**
 * Holds what the shards hold against what their index promises.
 * @throws HubError `CHECKPOINT` that lists what is missing, as after a download that was cut.
 */
export function checkShards(path: string, { tensors }: Shards, names: Iterable<string>): void {
  const found = new Set(names);
  // Counters of batch norm are listed by no reader.
  const missing = [...tensors.keys()].filter((name) => !found.has(name) && !name.endsWith("num_batches_tracked"));
  if (missing.length > 0) throw notIndex(path, `its files lack ${missing.length} tensors (${shortList(missing)})`);
}

async function readIndex(path: string): Promise<unknown> {
  const file = await open(path).catch((cause) => {
    throw new HubError("DISK", `Cannot read ${path}: ${messageOf(cause)}`, { details: { path }, cause });
  });
  try {
    const { size } = await file.stat();
    if (size > MAX_INDEX_BYTES) throw notIndex(path, `it has ${size} bytes, more than any index`);
    return JSON.parse(await file.readFile("utf8"));
  } catch (error) {
    throw error instanceof HubError ? error : notIndex(path, messageOf(error));
  } finally {
    await file.close();
  }
}

function weightMap(index: unknown): [string, string][] | undefined {
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null) return undefined;
  const entries = Object.entries(map);
  return entries.every(([, file]) => typeof file === "string") ? entries : undefined;
}

const notIndex = (path: string, why: string) =>
  new HubError("CHECKPOINT", `Cannot read ${path} as the index of a checkpoint in several files: ${why}.`, {
    details: { path },
  });
