import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { HubError, shortList } from "../core/errors.ts";
import type { Erratum, ModelMetadata } from "./fields.ts";
import { metadataSchema } from "./schema.ts";

const require = createRequire(import.meta.url);
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What the build makes of metadata.yaml: a YAML parser takes a hundred times as long as JSON. */
const COMPILED = here("../../metadata.json");
const SOURCE = here("../../metadata.yaml");

export type { ModelMetadata } from "./fields.ts";

let cached: Record<string, ModelMetadata> | undefined;

/** Metadata of every model of the paper and of ours, by hub name. Shared: not to be changed. */
export function loadMetadata(): Readonly<Record<string, ModelMetadata>> {
  cached ??= existsSync(COMPILED)
    ? (JSON.parse(readFileSync(COMPILED, "utf8")) as Record<string, ModelMetadata>)
    : checkMetadata(readFileSync(SOURCE, "utf8"));
  return cached;
}

/** Metadata of one model, or undefined. The name is taken as the registry spells it. */
export function metadataOf(name: string): ModelMetadata | undefined {
  const all = loadMetadata();
  return Object.hasOwn(all, name) ? all[name] : undefined;
}

/** Errata a user should hear of when the model is loaded: what loads may not be what the name says. */
export function loadErrata(name: string): Erratum[] {
  return metadataOf(name)?.meta.errata.filter(({ affects }) => affects.includes("weights")) ?? [];
}

/** Whether a licence (SPDX identifier) forbids commercial use. */
export const isNonCommercial = (license: string | null): boolean => license !== null && /-NC(-|$)/.test(license);

/**
 * Parses and checks the text of a `metadata.yaml`; fields that are absent become null.
 * @throws HubError `METADATA` listing what is wrong, each with its path.
 */
export function checkMetadata(text: string): Record<string, ModelMetadata> {
  const { parse } = require("yaml") as typeof import("yaml");
  let data: unknown;
  try {
    // Citations are aliases, more of them than the parser's guard against hostile files lets pass.
    data = parse(text, { maxAliasCount: -1 });
  } catch (cause) {
    throw new HubError("METADATA", `Cannot parse metadata.yaml: ${(cause as Error).message}`, { cause });
  }
  const result = metadataSchema().safeParse(data);
  if (result.success) return result.data as Record<string, ModelMetadata>;
  const issues = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new HubError("METADATA", `metadata.yaml is not as docs/metadata.md says: ${shortList(issues)}.`, {
    details: { issues },
  });
}
