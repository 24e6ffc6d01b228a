import { readFile } from "node:fs/promises";
import { HubError, messageOf } from "../../core/errors.ts";
import { writeFileAtomic } from "../../core/files.ts";
import { canonicalJson, sha256 } from "../../core/hash.ts";
import type { FeatureSet } from "../types.ts";
import type { Parameters } from "./space.ts";

/** A fit with some hyper-parameters, and its error on the validation rows. */
export interface Trial {
  /** 0, 1, ... in the order of the search. */
  trial: number;
  /** Name of the recipe it was; null of a point that was drawn. */
  recipe: string | null;
  parameters: Parameters;
  /** Share of the validation rows that are predicted wrongly, in percent. */
  error: number;
}

/** `tune-KEY.json` of a folder: the trials that are done, whole after each of them. */
interface TrialsFile {
  format: 1;
  key: string;
  trials: Trial[];
}

/**
 * The trials of an earlier run of the same search; none if there was none.
 * @throws HubError `DATA` when the file is damaged, or of another search.
 */
export async function readTrials(path: string, key: string): Promise<Trial[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw trialsError(path, error);
  });
  if (text === undefined) return [];
  try {
    const file: TrialsFile = JSON.parse(text);
    if (file.format !== 1) throw new Error(`its format is ${file.format}, need 1`);
    if (file.key !== key) throw new Error(`it is of the search ${file.key}, not of ${key}`);
    if (!file.trials.every((one, i) => one.trial === i && Number.isFinite(one.error)))
      throw new Error("its trials are not in order");
    return file.trials;
  } catch (cause) {
    throw trialsError(path, cause);
  }
}

export async function writeTrials(path: string, key: string, trials: readonly Trial[]): Promise<void> {
  const file: TrialsFile = { format: 1, key, trials: [...trials] };
  await writeFileAtomic(path, `${JSON.stringify(file)}\n`);
}

function trialsError(path: string, cause: unknown): HubError {
  const found = messageOf(cause);
  return new HubError("DATA", `Cannot go on with the search of ${path}: ${found}. Remove the file to begin anew.`, {
    details: { path },
    cause,
  });
}

/** Rows whose features stand for all in a search's key. */
const SAMPLED = 64;

/** 16 hex digits for all that a search depends on: the sets by labels and some rows, `about` as JSON. */
export async function searchKey(sets: readonly FeatureSet[], about: unknown): Promise<string> {
  const parts: string[] = [];
  for (const { n, dim, classes, labels, rows } of sets) {
    const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
      new Uint8Array(buffer, byteOffset, byteLength);
    parts.push(canonicalJson({ n, dim, classes }), sha256(bytes(labels)));
    const step = Math.max(1, Math.floor(n / SAMPLED));
    for (let row = 0; row < n; row += step) parts.push(sha256(bytes(await rows(row, row + 1))));
  }
  return sha256(`${parts.join()}${canonicalJson(about)}`).slice(0, 16);
}
