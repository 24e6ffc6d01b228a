import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { readArtifact } from "./core/artifact.ts";
import { HubError, messageOf } from "./core/errors.ts";
import type { Job } from "./core/events.ts";
import { isAbandoned } from "./core/files.ts";
import { fingerprint } from "./core/fingerprint.ts";
import { withLease } from "./core/lease.ts";
import { ownerIn } from "./core/owner.ts";
import { type ModelName, modelNames, pull, resolveName, specOf } from "./load.ts";
import type { MirrorEntry } from "./store/mirror-index.ts";
import { redistributionLimit } from "./tables/licenses.ts";
import { metadataOf } from "./tables/metadata.ts";

export interface MakeMirrorOptions extends Job {
  /** The folder that a web host or a bucket will serve. */
  out: string;
  /** Take models, too, whose licence does not let everybody pass them on: you have the right, or serve only yourself. */
  includeRestricted?: boolean;
}

export interface Mirrored {
  name: string;
  /** `kept` was there already. `restricted`: its licence does not let everybody pass it on. The last three say why. */
  state: "made" | "kept" | "restricted" | "skipped" | "failed";
  file: string | null;
  bytes: number | null;
  sha256: string | null;
  license: string | null;
  reason: string | null;
}

/**
 * Builds a static mirror of converted models, all that are downloaded when none is named: `NAME.tar.gz` and its
 * `.sha256`, `index.json` and `index.html`. After a kill it goes on: a model that the index has is not made again. A
 * model that cannot be had does not stop the others.
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
    const result = await mirrorOne(name, options).catch((error): Mirrored => {
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

const nothing = (name: string) => ({
  name,
  file: null,
  bytes: null,
  sha256: null,
  license: metadataOf(name)?.meta.license ?? null,
  reason: null,
});

async function mirrorOne(name: ModelName, { out, includeRestricted, ...job }: MakeMirrorOptions): Promise<Mirrored> {
  const spec = await specOf(name);
  if (!("checkpoints" in spec.weights)) {
    return { ...nothing(name), state: "skipped", reason: "it is made without a download" };
  }
  const restricted = redistributionLimit(nothing(name).license) ?? null;
  if (restricted !== null && includeRestricted !== true) {
    return { ...nothing(name), state: "restricted", reason: restricted };
  }
  const { readMirrorIndex } = await import("./store/mirror-index.ts");
  const known = (await readMirrorIndex(out)).models[name];
  if (known?.fingerprint === fingerprint(spec) && (await isWhole(out, known))) {
    const { file, bytes, sha256 } = known;
    return { ...nothing(name), state: "kept", file, bytes, sha256 };
  }
  const folder = await pull(name, job);
  const { packArtifact } = await import("./store/mirror.ts");
  const { bytes, sha256 } = await packArtifact(folder, out, name);
  const info = await readArtifact(folder);
  const meta = metadataOf(name)?.meta;
  const entry: MirrorEntry = {
    file: `${name}.tar.gz`,
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
  await enter(out, name, entry, job);
  return { ...nothing(name), state: "made", file: entry.file, bytes, sha256 };
}

/** Archives are renamed into place, so that one of the right size and hash file is whole. */
async function isWhole(out: string, { file, bytes, sha256 }: MirrorEntry): Promise<boolean> {
  const found = await stat(join(out, file)).catch(() => undefined);
  const stated = await readFile(join(out, `${file}.sha256`), "utf8").catch(() => "");
  return found?.size === bytes && stated.startsWith(sha256);
}

/** Other processes may build other models into the same folder: the index is read again under a lease. */
async function enter(out: string, name: string, entry: MirrorEntry, job: Job): Promise<void> {
  const { ensureDirs } = await import("./store/dirs.ts");
  const { readMirrorIndex, writeMirrorIndex } = await import("./store/mirror-index.ts");
  const { locks } = await ensureDirs();
  const lease = { lockDir: locks, name: "index.json", ...job };
  await withLease(
    join(out, "index.json"),
    lease,
    async () => undefined,
    async () => {
      const index = await readMirrorIndex(out);
      await writeMirrorIndex(out, { ...index, models: { ...index.models, [name]: entry } });
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
