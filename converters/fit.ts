import { HubError, messageOf } from "../src/core/errors.ts";
import type { ArchSpec, KeyRule } from "../src/core/spec.ts";
import { buildGraph } from "./build.ts";
import { checkKeys } from "./check.ts";
import { withRules } from "./rules.ts";
import type { TensorSource } from "./source.ts";

/** A way of naming keys that is tried on a file. */
export interface LayoutTry {
  of: string;
  /** A key of it, before which the prefix stands; a pattern means that the rules find the prefix themselves. */
  anchor: string | RegExp;
  rules: KeyRule[];
}

/** How the keys of a file fill an architecture. */
export interface Fit {
  layout: string;
  prefix: string;
  rules: KeyRule[];
  /** The architecture at the input side that the file's position table is for. */
  arch: ArchSpec;
  /** Names under the prefix that were left out as heads. */
  dropped: string[];
}

export interface FitOptions {
  layouts: readonly LayoutTry[];
  /** Names, as the rules leave them, that may be left out. */
  heads: RegExp;
  /** Only what is under this prefix is looked at. */
  prefix?: string;
  /** What the file is called in messages. */
  name: string;
}

/**
 * Tries layouts and prefixes of a file on an architecture. Reads names and shapes only. `closest` is why the try that
 * came nearest does not fit, where none does; undefined when nothing in the file looks like the architecture at all.
 */
export function fitsOf(source: TensorSource, arch: ArchSpec, options: FitOptions): { fits: Fit[]; closest?: HubError } {
  const fits: Fit[] = [];
  let closest: { error: HubError; distance: number } | undefined;
  for (const { of, anchor, rules } of options.layouts) {
    for (const prefix of prefixesOf(source, anchor, options.prefix)) {
      try {
        fits.push({ layout: of, prefix, ...fill(source, arch, prefix, rules, options) });
      } catch (error) {
        if (!(error instanceof HubError)) throw error;
        const distance = distanceOf(error);
        if (closest === undefined || distance < closest.distance) closest = { error, distance };
      }
    }
  }
  return { fits, closest: closest?.error };
}

function fill(source: TensorSource, arch: ArchSpec, prefix: string, layout: KeyRule[], { heads, name }: FitOptions) {
  const read: KeyRule[] = [...(prefix === "" ? [] : [{ take: prefix }]), ...layout];
  const before = [...withRules(passive(source), read).names()];
  const rules = [...read, { drop: heads }];
  const tensors = withRules(passive(source), rules);
  const sized = atOwnSize(arch, tensors);
  checkKeys(buildGraph({ arch: sized, representation: anyRepresentation(sized) }), tensors, name);
  const kept = new Set(tensors.names());
  return { rules, arch: sized, dropped: before.filter((key) => !kept.has(key)) };
}

/** Objects that cannot be read beside the tensors matter only when tensors are read. */
const passive = (source: TensorSource): TensorSource => ({ ...source, opaque: new Map() });

/** Prefixes are dotted (`module.`), or parted by a slash; the empty one is the file itself. */
function prefixesOf(source: TensorSource, anchor: string | RegExp, wanted: string | undefined): string[] {
  const names = [...source.names()];
  if (typeof anchor !== "string") return wanted === undefined && names.some((name) => anchor.test(name)) ? [""] : [];
  const found = names
    .filter((name) => name.endsWith(anchor))
    .map((name) => name.slice(0, name.length - anchor.length))
    .filter((prefix) => prefix === "" || /[./]$/.test(prefix));
  if (wanted === undefined) return found;
  const full = wanted === "" || /[./]$/.test(wanted) ? wanted : `${wanted}.`;
  return found.filter((prefix) => prefix === full);
}

/** Keys in the way; a file that rules could not read at all is furthest. */
function distanceOf({ details }: HubError): number {
  const lists = [details.missing, details.unexpected, details.misshaped];
  return lists.reduce<number>((sum, list) => sum + (Array.isArray(list) ? list.length : 1e6), 0);
}

const anyRepresentation = ({ kind }: ArchSpec) =>
  kind === "vit" || kind === "beit" || kind === "clip-vit" ? "cls" : "avgpool";

/** Input side over the side of the last map: what the attention pool of CLIP's ResNets sees. */
const CLIP_RESNET_STRIDE = 32;

/** The architecture at the input side that its position table, if it has one, is for. */
function atOwnSize(arch: ArchSpec, source: TensorSource): ArchSpec {
  const rows = (key: string) => {
    const { shape } = [...source.names()].includes(key) ? source.meta(key) : { shape: [] };
    return shape.at(-2) ?? Number.NaN;
  };
  const at = (side: number, stride: number) =>
    Number.isInteger(side) && side > 0 && side * stride <= MAX_SIDE ? { ...arch, size: side * stride } : arch;
  switch (arch.kind) {
    case "vit":
      return at(Math.sqrt(rows("pos_embed") - 1), arch.patch);
    case "beit":
      return at((Math.sqrt(rows("blocks.0.attn.relative_position_bias_table") - 3) + 1) / 2, arch.patch);
    case "clip-vit":
      return at(Math.sqrt(rows("positional_embedding") - 1), arch.patch);
    case "clip-resnet":
      return at(Math.sqrt(rows("attnpool.positional_embedding") - 1), CLIP_RESNET_STRIDE);
    default:
      return arch;
  }
}

/** A position table of more is no image encoder's. */
const MAX_SIDE = 4096;

/** Why a file does not fit, in one sentence. */
export const reasonOf = (error: unknown): string => messageOf(error).replace(/^Cannot convert [^:]*: /, "");
