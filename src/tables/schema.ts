import { createRequire } from "node:module";
import type { ZodType } from "zod";
import { AFFECTS, FIELD_LIST, FIELDS, type FieldKind } from "./fields.ts";

const require = createRequire(import.meta.url);

/**
 * The schema of metadata.yaml, made of the table of fields. Objects are strict: a field that no one knows is a typing
 * error. Absent fields and sections become null and sections of nulls.
 */
export function metadataSchema() {
  const { z } = require("zod") as typeof import("zod");
  const kinds: Record<FieldKind, ZodType> = {
    text: z.string().min(1),
    integer: z.int().nonnegative(),
    number: z.number().nonnegative(),
    boolean: z.boolean(),
    list: z.array(z.string().min(1)),
  };
  const special: Record<string, ZodType> = {
    where: z.url(),
    license: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.+-]*$/, "not an SPDX identifier"),
    month: z.int().min(1).max(12),
    views: z.string().regex(/^(\d+x)?\d+(\+\d+x\d+)*$/, "not a list of views, as 2x224+6x96"),
  };
  const required = new Set(["z_dim", "z_layer"]);
  const fields = (section: Record<string, FieldKind>) =>
    Object.fromEntries(
      Object.entries(section).map(([field, kind]) => {
        const schema = special[field] ?? kinds[kind];
        return [field, required.has(field) ? schema : schema.nullable().default(null)];
      }),
    );
  const paths = new Set(FIELD_LIST.map(([section, field]) => `${section}.${field}`));
  const cell = z.union([z.string(), z.number(), z.boolean(), z.array(z.string()), z.null()]);
  const erratum = z.strictObject({
    id: z.string().regex(/^[ES]\d\d$/),
    affects: z.array(z.enum(AFFECTS)).min(1),
    text: z.string().min(10),
    upstream: z
      .record(
        z.string().refine((path) => paths.has(path), "not a field"),
        cell,
      )
      .default({}),
  });
  const citation = z.strictObject({ title: z.string(), authors: z.string(), year: z.int(), url: z.url() });
  const onlyMeta = { citation: citation.nullable().default(null), errata: z.array(erratum).default([]) };
  const sections = Object.entries(FIELDS).map(([name, section]) => {
    const shape = { ...fields(section), ...(name === "meta" ? onlyMeta : {}) };
    return [name, z.strictObject(shape).prefault({})];
  });
  const rgb = z.tuple([z.number(), z.number(), z.number()]);
  const size = z.int().positive();
  const preprocess = z
    .array(
      z.discriminatedUnion("op", [
        z.strictObject({ op: z.literal("resize"), size, interpolation: z.enum(["bilinear", "bicubic"]) }),
        z.strictObject({ op: z.literal("centerCrop"), size }),
        z.strictObject({ op: z.literal("normalize"), mean: rgb, std: rgb }),
      ]),
    )
    .min(1);
  const name = z.string().regex(/^[A-Za-z]\w*$/, "not a hub name");
  return z.record(name, z.strictObject({ ...Object.fromEntries(sections), preprocess }));
}
