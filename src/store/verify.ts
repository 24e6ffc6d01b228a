import { stat } from "node:fs/promises";
import { join } from "node:path";
import { readArtifact } from "../core/artifact.ts";
import { messageOf } from "../core/errors.ts";
import type { Job } from "../core/events.ts";
import { hashFile } from "../core/hash.ts";

export interface FileCheck {
  file: string;
  ok: boolean;
  /** What is wrong with it. */
  reason?: string;
}

/**
 * Compares every shard of a converted folder with the size and SHA-256 that its `model.json` states. A `model.json` that
 * cannot be read is the one check there is, and fails.
 */
export async function verifyArtifact(folder: string, { signal, onProgress }: Job = {}): Promise<FileCheck[]> {
  const info = await readArtifact(folder).catch((error) => messageOf(error));
  if (typeof info === "string") return [{ file: "model.json", ok: false, reason: info }];
  const { name, shards } = info;
  const total = Object.values(shards).reduce((sum, { bytes }) => sum + bytes, 0);
  const checks: FileCheck[] = [];
  let done = 0;
  for (const [file, expected] of Object.entries(shards)) {
    signal?.throwIfAborted();
    const reason = await compare(join(folder, file), expected, signal);
    checks.push(reason === undefined ? { file, ok: true } : { file, ok: false, reason });
    done += expected.bytes;
    onProgress?.({ stage: "verify", name, done, total, unit: "bytes" });
  }
  return checks;
}

async function compare(path: string, expected: { bytes: number; sha256: string }, signal?: AbortSignal) {
  const size = await stat(path).then(
    (found) => (found.isFile() ? found.size : undefined),
    () => undefined,
  );
  if (size === undefined) return "it is missing";
  if (size !== expected.bytes) return `it has ${size} bytes instead of ${expected.bytes}`;
  const digest = await hashFile(path, "sha256", signal);
  return digest === expected.sha256 ? undefined : `its SHA-256 is ${digest} instead of ${expected.sha256}`;
}
