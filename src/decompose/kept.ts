import { readFile } from "node:fs/promises";
import { HubError, messageOf } from "../core/errors.ts";
import { writeFileAtomic } from "../core/files.ts";
import { canonicalJson, sha256 } from "../core/hash.ts";
import type { FeatureSet } from "./types.ts";

/** A file of results that a later run takes over: whole whenever it is there, and of one task, for which its key stands. */
export interface Kept<T> {
  path: string;
  key: string;
  /** What it is, for errors: "the search". */
  what: string;
  /** The value in a file of this task. @throws Error saying what is wrong with it. */
  check(file: Record<string, unknown>): T;
}

/**
 * What the file holds; undefined where there is none.
 * @throws HubError `DATA` when it is damaged, or of another task.
 */
export async function readKept<T>({ path, key, what, check }: Kept<T>): Promise<T | undefined> {
  try {
    const file = JSON.parse(await readFile(path, "utf8"));
    if (file.format !== 1) throw new Error(`its format is ${file.format}, need 1`);
    if (file.key !== key) throw new Error(`it is of ${file.key}, not of ${key}`);
    return check(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const found = `Cannot read ${what} of ${path}: ${messageOf(cause)}. Remove the file to begin anew.`;
    throw new HubError("DATA", found, { details: { path }, cause });
  }
}

export async function writeKept({ path, key }: Kept<unknown>, values: Record<string, unknown>): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify({ format: 1, key, ...values })}\n`);
}

/** Rows whose features stand for all in a key. */
const SAMPLED = 64;

/** 16 hex digits for all that a task depends on: the sets by labels and some rows, `about` as JSON. */
export async function taskKey(sets: readonly FeatureSet[], about: unknown): Promise<string> {
  const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength);
  const parts: string[] = [];
  for (const set of sets) {
    const { n, dim, classes, labels } = set;
    parts.push(canonicalJson({ n, dim, classes }), sha256(bytes(labels)));
    const step = Math.max(1, Math.floor(n / SAMPLED));
    for (let row = 0; row < n; row += step) parts.push(sha256(bytes(await set.rows(row, row + 1))));
  }
  return sha256(`${parts.join()}${canonicalJson(about)}`).slice(0, 16);
}
