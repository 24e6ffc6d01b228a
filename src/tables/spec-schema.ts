import { createRequire } from "node:module";
import type { ModelSpec } from "../core/spec.ts";

const require = createRequire(import.meta.url);

/**
 * What is wrong with a specification as its family file gives it, with paths; empty when nothing is. Types say the same
 * to whoever compiles; this is for sources that are only read.
 */
export function checkSpec(spec: ModelSpec): string[] {
  const { z } = require("zod") as typeof import("zod");
  const pattern = z.instanceof(RegExp);
  const text = z.string();
  const axes = z.array(z.int());
  const rule = z.union([
    z.strictObject({ take: z.union([text, z.array(text).min(1)]) }),
    z.strictObject({ drop: pattern }),
    z.strictObject({ rename: pattern, to: text }),
    z.strictObject({ copy: text, to: z.array(text).min(1) }),
    z.strictObject({ permute: pattern, axes }),
    z.strictObject({ reshape: pattern, shape: axes }),
    z.strictObject({ concat: z.union([z.array(text), z.array(pattern)]), axis: z.int().nonnegative(), to: text }),
  ]);
  const rules = z.array(rule);
  const file = {
    url: z.url(),
    rules,
    sha256: text.regex(/^[0-9a-f]{64}$/, "not 64 hex digits").optional(),
    md5: text.regex(/^[0-9a-f]{6,32}$/, "not 6 to 32 hex digits").optional(),
    bytes: z.int().positive().optional(),
  };
  const component = z.strictObject(file);
  const checkpoint = z.strictObject({ ...file, components: z.array(component).optional() });
  const kinds = ["resnet", "clip-resnet", "vit", "beit", "clip-vit", "convnext"];
  const schema = z.looseObject({
    weights: z.union([
      z.looseObject({ checkpoints: z.array(checkpoint).min(1) }),
      z.looseObject({ bundled: text.regex(/^\w+$/) }),
      z.looseObject({ seed: z.int() }),
    ]),
    arch: z.looseObject({ kind: z.enum(kinds), size: z.int().positive() }),
    representation: text.min(1),
    preprocess: z.array(z.looseObject({ op: z.enum(["resize", "centerCrop", "normalize"]) })).min(1),
    trainTransform: z
      .union([z.array(z.looseObject({ op: text })).min(1), z.strictObject({ none: text.min(10) })])
      .optional(),
  });
  const result = schema.safeParse(spec);
  if (result.success) return [];
  return result.error.issues
    .flatMap((issue) => issuesOf(issue))
    .map(([path, message]) => `${path || "it"}: ${message}`);
}

interface Issue {
  path: PropertyKey[];
  message: string;
  errors?: Issue[][];
}

/** A union's issue says only that nothing fits: what is wrong with the alternative that comes closest says more. */
function issuesOf(issue: Issue, at: PropertyKey[] = []): [path: string, message: string][] {
  const path = [...at, ...issue.path];
  const closest = issue.errors
    ?.filter((issues) => issues.length > 0)
    .toSorted((a, b) => depth(b) - depth(a))
    .at(0);
  if (closest === undefined) return [[path.join("."), issue.message]];
  return closest.flatMap((inner) => issuesOf(inner, path));
}

/** How far an alternative got before it failed. */
const depth = (issues: Issue[]): number => Math.min(...issues.map(({ path }) => path.length)) - issues.length / 100;
