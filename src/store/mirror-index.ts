import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Dtype } from "../core/artifact.ts";
import { HubError, messageOf } from "../core/errors.ts";
import { writeFileAtomic } from "../core/files.ts";
import { escapeHtml } from "../core/html.ts";

/** What a mirror's `index.json` says of a model. snake_case, as it is a file's. */
export interface MirrorEntry {
  /** The model's; an entry of one of its variants has another key than the name. */
  name: string;
  representation: string;
  image_size: number;
  dtype: Dtype;
  /** What float16 does to the features, as `model.json` has it; null for float32, and where it could not be measured. */
  float16_error: number | null;
  /** Beside the index. */
  file: string;
  sha256: string;
  bytes: number;
  /** The artifact's: a library of another converter version does not take it. */
  fingerprint: string;
  license: string | null;
  /** Why not everybody may pass it on; null where anybody may. */
  restricted: string | null;
  /** Where the weights came from. */
  source: { url: string; sha256: string | null; components?: { url: string; sha256: string }[] };
  /** Page of the authors. */
  where: string | null;
  citation: { title: string; authors: string; year: number; url: string } | null;
  z_dim: number;
  n_parameters: number;
}

export interface MirrorIndex {
  format: 1;
  /** By the names of their archives without the ending. */
  models: Record<string, MirrorEntry>;
}

/**
 * The index of a mirror's folder; an empty one where there is none yet.
 * @throws HubError `METADATA` when it is not one of ours.
 */
export async function readMirrorIndex(dir: string): Promise<MirrorIndex> {
  const path = join(dir, "index.json");
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new HubError("DISK", `Cannot read ${path}: ${messageOf(error)}`, { details: { path }, cause: error });
  });
  if (text === undefined) return { format: 1, models: {} };
  const { z } = await import("zod");
  const digest = z.string().regex(/^[0-9a-f]{64}$/);
  const source = z.object({
    url: z.string(),
    sha256: digest.nullable(),
    components: z.array(z.object({ url: z.string(), sha256: digest })).optional(),
  });
  const name = z.string().regex(/^\w+$/);
  const archive = /^\w+(\.[\w-]+)*$/;
  const entry = z.object({
    name,
    representation: z.string(),
    image_size: z.int().positive(),
    dtype: z.enum(["float32", "float16"]),
    float16_error: z.number().nonnegative().nullable(),
    file: z.string().regex(/^\w+(\.[\w-]+)*\.tar\.gz$/),
    sha256: digest,
    bytes: z.int().nonnegative(),
    fingerprint: z.string().regex(/^[0-9a-f]{16}$/),
    license: z.string().nullable(),
    restricted: z.string().nullable(),
    source,
    where: z.string().nullable(),
    citation: z.object({ title: z.string(), authors: z.string(), year: z.int(), url: z.string() }).nullable(),
    z_dim: z.int().positive(),
    n_parameters: z.int().positive(),
  });
  const schema = z.object({ format: z.literal(1), models: z.record(z.string().regex(archive), entry) });
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new HubError(
    "METADATA",
    `Cannot use ${path}: ${issue?.path.join(".")}: ${issue?.message}. It is no index of a mirror; use another folder.`,
    { details: { path } },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Writes `index.json`, and `index.html` for people, each whole or not at all. */
export async function writeMirrorIndex(dir: string, { models }: MirrorIndex): Promise<void> {
  const sorted = Object.fromEntries(Object.entries(models).sort(([a], [b]) => (a < b ? -1 : 1)));
  await writeFileAtomic(join(dir, "index.json"), `${JSON.stringify({ format: 1, models: sorted }, null, 1)}\n`);
  await writeFileAtomic(join(dir, "index.html"), mirrorPage(sorted));
}

function mirrorPage(models: Record<string, MirrorEntry>): string {
  const rows = Object.entries(models).map(([name, entry]) => row(name, entry));
  const total = Object.values(models).reduce((sum, { bytes }) => sum + bytes, 0);
  const restricted = Object.values(models).filter((entry) => entry.restricted !== null).length;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mirror of converted encoders for ssl-hub</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top }
td.number, th.number { text-align: right; white-space: nowrap }
td:nth-child(4), td:nth-child(6) { white-space: nowrap }
code { font: 13px ui-monospace, monospace; background: #f4f4f4; padding: .1rem .3rem; overflow-wrap: anywhere }
.restricted { color: #a33 }
.wide { overflow-x: auto }
</style>
<h1>Mirror of converted encoders for ssl-hub</h1>
<p>${rows.length} ${rows.length === 1 ? "archive" : "archives"}, ${size(total)}. To use it: <code>SSL_HUB_MIRROR=</code> and the address of this folder. The list as
data: <a href="index.json">index.json</a>.</p>
<p>The weights are their authors' and stay under their licences; they were converted to TF.js and not changed otherwise, but for what an archive's name says.${
    restricted === 0 ? "" : ` <span class="restricted">${restricted} may not be passed on by everybody.</span>`
  }</p>
<div class="wide"><table>
<tr><th>model<th>output<th class="number">pixels<th>licence<th class="number">size<th>SHA-256<th>paper<th>weights from
${rows.join("\n")}
</table></div>
</html>
`;
}

function row(archive: string, entry: MirrorEntry): string {
  const { file, license, restricted, bytes, sha256, citation, where, source, representation, image_size } = entry;
  const limit =
    restricted === null ? "" : ` <span class="restricted" title="${escapeHtml(restricted)}">(restricted)</span>`;
  const paper = citation === null ? "" : link(citation.url, `${citation.authors}, ${citation.year}`);
  return [
    `<tr><td><a href="${escapeHtml(file)}">${escapeHtml(archive)}</a>${half(entry)}`,
    `<td>${escapeHtml(representation)}`,
    `<td class="number">${image_size}`,
    `<td>${escapeHtml(license ?? "unknown")}${limit}`,
    `<td class="number">${size(bytes)}`,
    `<td><code title="${sha256}">${sha256.slice(0, 16)}</code>`,
    `<td>${paper}`,
    `<td>${link(source.url, new URL(source.url).host || source.url)}${where === null ? "" : `, ${link(where, "authors' page")}`}`,
  ].join("");
}

const half = ({ dtype, float16_error: error }: MirrorEntry) =>
  dtype === "float16" && error !== null
    ? `<br><small>features differ by ${error.toExponential(0)} from float32's</small>`
    : "";

const size = (bytes: number) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

const link = (url: string, text: string) =>
  /^https?:/.test(url) ? `<a href="${escapeHtml(url)}">${escapeHtml(text)}</a>` : escapeHtml(text);
