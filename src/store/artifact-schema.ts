import { CONVERTER_VERSION } from "../core/artifact.ts";
import { HubError } from "../core/errors.ts";

/** The only names of files in an artifact. */
export const ARTIFACT_FILE = /^(model\.json|group1-shard\d{1,5}of\d{1,5}\.bin)$/;

/** Shards by name, as a `model.json` states them. */
export type Shards = Record<string, { bytes: number; sha256: string }>;

/**
 * Checks the `model.json` of somebody else: that it is an artifact's, has this fingerprint, and that its weights are
 * the shards it states the sizes and hashes of.
 * @throws HubError `METADATA` that says what is wrong.
 */
export async function checkModelJson(text: string, fingerprint: string): Promise<Shards> {
  const { z } = await import("zod");
  const digest = z.string().regex(/^[0-9a-f]{64}$/);
  const shard = z.string().regex(ARTIFACT_FILE);
  const count = z.int().positive();
  const schema = z.object({
    format: z.literal("graph-model"),
    modelTopology: z.object({ node: z.array(z.looseObject({ name: z.string(), op: z.string() })) }),
    weightsManifest: z.array(
      z.object({ paths: z.array(shard), weights: z.array(z.looseObject({ name: z.string() })) }),
    ),
    userDefinedMetadata: z.object({
      ssl_hub: z.object({
        format: z.literal(1),
        name: z.string().min(1),
        fingerprint: z.literal(fingerprint),
        z_dim: count,
        z_shape: z.array(count).optional(),
        n_parameters: count,
        image_size: count,
        representation: z.string(),
        preprocess: z.array(z.looseObject({ op: z.string() })),
        source: z.object({
          url: z.string(),
          sha256: digest.nullable(),
          components: z.array(z.object({ url: z.string(), sha256: digest })).optional(),
        }),
        license: z.string().nullable(),
        dtype: z.enum(["float32", "float16"]),
        float16_error: z.number().nonnegative().nullable().optional(),
        converter: z.literal(CONVERTER_VERSION),
        shards: z.record(shard, z.object({ bytes: z.int().nonnegative(), sha256: digest })),
      }),
    }),
  });
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new HubError("METADATA", `its model.json is not usable: ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const { shards } = parsed.data.userDefinedMetadata.ssl_hub;
  const listed = parsed.data.weightsManifest.flatMap(({ paths }) => paths);
  if (listed.length !== new Set(listed).size || listed.toSorted().join() !== Object.keys(shards).toSorted().join()) {
    throw new HubError("METADATA", "its model.json lists other weight files than it states hashes of");
  }
  return shards;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
