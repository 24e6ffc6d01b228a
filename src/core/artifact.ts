import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { HubError } from "./errors.ts";
import type { Representation, Transform } from "./spec.ts";

/** Hand-bumped when the converter's numbers can change: part of every fingerprint. */
export const CONVERTER_VERSION = 1;

/** What kernels and tables are stored in. Engines compute in float32 either way. */
export type Dtype = "float32" | "float16";

/** What `model.json` of a converted folder says of itself, under `userDefinedMetadata.ssl_hub`. */
export interface ArtifactInfo {
  format: 1;
  name: string;
  /** First 16 hex digits of SHA-256 over what determines the numbers. */
  fingerprint: string;
  z_dim: number;
  /** Shape of one image's representation where it is no vector: `[tokens, dim]` or `[h, w, channels]`. */
  z_shape?: number[];
  /** Elements of all parameters the encoder uses, without batch norm's running statistics. */
  n_parameters: number;
  /** Input side in pixels; the input is `[batch, image_size, image_size, 3]`. */
  image_size: number;
  representation: Representation;
  preprocess: Transform[];
  /** Where the weights really came from. `sha256` is of the checkpoint file, null for a random initialisation. */
  source: { url: string; sha256: string | null; components?: { url: string; sha256: string }[] };
  /** SPDX identifier, or null where the caller's own file did not say. */
  license: string | null;
  dtype: Dtype;
  /**
   * Of float16: relative L2 distance of the features from those of float32 weights, measured on two synthetic images
   * when it was converted. Null when no engine there could hold the model.
   */
  float16_error?: number | null;
  converter: number;
  shards: Record<string, { bytes: number; sha256: string }>;
}

/**
 * Reads what a converted folder says of itself.
 * @throws HubError `METADATA` when `model.json` is missing, malformed or not one of ours.
 */
export async function readArtifact(folder: string): Promise<ArtifactInfo> {
  const path = join(folder, "model.json");
  let model: { userDefinedMetadata?: { ssl_hub?: ArtifactInfo } };
  try {
    model = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new HubError("METADATA", `Cannot read ${path}: it is missing or not JSON. Convert or pull the model again.`, {
      details: { path },
      cause,
    });
  }
  const info = model.userDefinedMetadata?.ssl_hub;
  if (info?.format !== 1) {
    const found = info === undefined ? "no userDefinedMetadata.ssl_hub" : `format ${String(info.format)}`;
    throw new HubError("METADATA", `Cannot use ${path}: found ${found}, need format 1. Convert the model again.`, {
      details: { path },
    });
  }
  return info;
}
