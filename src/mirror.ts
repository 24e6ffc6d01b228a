import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { readArtifact } from "./core/artifact.ts";
import { HubError, messageOf } from "./core/errors.ts";
import type { Job } from "./core/events.ts";
import { isAbandoned } from "./core/files.ts";
import { withLease } from "./core/lease.ts";
import { ownerIn } from "./core/owner.ts";
import { type ModelName, modelNames, pull, resolveName, specOf, type VariantOptions, wantedModel } from "./load.ts";
import type { MirrorEntry } from "./store/mirror-index.ts";
import { redistributionLimit } from "./tables/licenses.ts";
import { metadataOf } from "./tables/metadata.ts";

/** With `representation`, `imageSize` or `dtype` each model's variant is mirrored, beside whatever is there. */
export interface MakeMirrorOptions extends Job, VariantOptions {
  /** The folder that a web host or a bucket will serve. */
  out: string;
  /** Take models, too, whose licence does not let everybody pass them on: you have the right, or serve only yourself. */
  includeRestricted?: boolean;
}

export interface Mirrored {
  name: string;
  /** What it is called in the index: the name, or a variant's. */
  archive: string;
  /** `kept` was there already. `restricted`: its licence does not let everybody pass it on. The last three say why. */
  state: "made" | "kept" | "restricted" | "skipped" | "failed";
  file: string | null;
  bytes: number | null;
  sha256: string | null;
  license: string | null;
  reason: string | null;
}

/**
 * Builds a static mirror of converted models or of their variants, all that are downloaded when none is named:
 * `NAME.tar.gz` and its `.sha256`, `index.json` and `index.html`. After a kill it goes on: a model that the index has is
 * not made again. A model that cannot be had, or does not offer what is asked for, does not stop the others.
 * @throws HubError `UNKNOWN_MODEL`, `DISK`, `METADATA` when `out` holds an index that is not a mirror's.
 */
export async function mirror(names: readonly string[], options: MakeMirrorOptions): Promise<Mirrored[]> {
  const { out, signal, onProgress } = options;
  const chosen = names.length === 0 ? await downloadedNames() : [...new Set(names.map(resolveName))];
  const { readMirrorIndex } = await import("./store/mirror-index.ts");
  await readMirrorIndex(out);
  await mkdir(out, { recursive: true });
  await sweepArchives(out);
  const results: Mirrored[] = [];
  for (const name of chosen) {
    signal?.throwIfAborted();
    onProgress?.({ stage: "mirror", name, done: results.length, total: chosen.length, unit: "models" });
    const result = await mirrorOne(name, options, names.length > 0).catch((error): Mirrored => {
      signal?.throwIfAborted();
      if (!(error instanceof HubError) || error.code === "DISK" || error.code === "BUG") throw error;
      return { ...nothing(name), state: "failed", reason: messageOf(error) };
    });
    results.push(result);
  }
  return results;
}

async function downloadedNames(): Promise<ModelName[]> {
  const names: ModelName[] = [];
  for (const name of modelNames()) if ("checkpoints" in (await specOf(name)).weights) names.push(name);
  return names;
}

const nothing = (name: string, archive = name) => ({
  name,
  archive,
  file: null,
  bytes: null,
  sha256: null,
  license: metadataOf(name)?.meta.license ?? null,
  reason: null,
});

async function mirrorOne(name: ModelName, options: MakeMirrorOptions, isNamed: boolean): Promise<Mirrored> {
  const { out, includeRestricted, ...pulling } = options;
  const wanted = await wantedModel(name, pulling).catch((error) => {
    if (error instanceof TypeError) return error;
    throw error;
  });
  // Not offered: a mistake where the model was named, to be expected where all are asked.
  if (wanted instanceof TypeError) {
    return { ...nothing(name), state: isNamed ? "failed" : "skipped", reason: wanted.message };
  }
  const { spec, key, archive } = wanted;
  if (!("checkpoints" in spec.weights)) {
    return { ...nothing(name, archive), state: "skipped", reason: "it is made without a download" };
  }
  const restricted = redistributionLimit(nothing(name).license) ?? null;
  if (restricted !== null && includeRestricted !== true) {
    return { ...nothing(name, archive), state: "restricted", reason: restricted };
  }
  const { readMirrorIndex } = await import("./store/mirror-index.ts");
  const known = (await readMirrorIndex(out)).models[archive];
  if (known?.fingerprint === key && (await isWhole(out, known))) {
    const { file, bytes, sha256 } = known;
    return { ...nothing(name, archive), state: "kept", file, bytes, sha256 };
  }
  const folder = await pull(name, pulling);
  const { packArtifact } = await import("./store/mirror.ts");
  const { bytes, sha256 } = await packArtifact(folder, out, archive);
  const info = await readArtifact(folder);
  const meta = metadataOf(name)?.meta;
  const entry: MirrorEntry = {
    name,
    representation: info.representation,
    image_size: info.image_size,
    dtype: info.dtype,
    float16_error: info.float16_error ?? null,
    file: `${archive}.tar.gz`,
    sha256,
    bytes,
    fingerprint: info.fingerprint,
    license: info.license,
    restricted,
    source: info.source,
    where: meta?.where ?? null,
    citation: meta?.citation ?? null,
    z_dim: info.z_dim,
    n_parameters: info.n_parameters,
  };
  await enter(out, archive, entry, pulling);
  return { ...nothing(name, archive), state: "made", file: entry.file, bytes, sha256 };
}

/** Archives are renamed into place, so that one of the right size and hash file is whole. */
async function isWhole(out: string, { file, bytes, sha256 }: MirrorEntry): Promise<boolean> {
  const found = await stat(join(out, file)).catch(() => undefined);
  const stated = await readFile(join(out, `${file}.sha256`), "utf8").catch(() => "");
  return found?.size === bytes && stated.startsWith(sha256);
}

/** Other processes may build other models into the same folder: the index is read again under a lease. */
async function enter(out: string, archive: string, entry: MirrorEntry, { signal, onProgress }: Job): Promise<void> {
  const { ensureDirs } = await import("./store/dirs.ts");
  const { readMirrorIndex, writeMirrorIndex } = await import("./store/mirror-index.ts");
  const { locks } = await ensureDirs();
  const lease = { lockDir: locks, name: "index.json", signal, onProgress };
  await withLease(
    join(out, "index.json"),
    lease,
    async () => undefined,
    async () => {
      const index = await readMirrorIndex(out);
      await writeMirrorIndex(out, { ...index, models: { ...index.models, [archive]: entry } });
    },
  );
}

const ARCHIVE = ".tar.gz";

/** Removes archives that a killed process began. */
async function sweepArchives(out: string): Promise<void> {
  for (const entry of await readdir(out)) {
    const owner = entry.startsWith(".") && entry.endsWith(ARCHIVE) ? ownerIn(entry.slice(1, -ARCHIVE.length)) : undefined; // biome-ignore format: one line
    if (owner !== undefined && (await isAbandoned(join(out, entry), owner)))
      await rm(join(out, entry), { force: true });
  }
}
