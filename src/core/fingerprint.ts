import { CONVERTER_VERSION, type Dtype } from "./artifact.ts";
import { canonicalJson, sha256 } from "./hash.ts";
import type { Checkpoint, ModelSpec } from "./spec.ts";

/**
 * What an artifact's numbers depend on, in 16 hex digits: the weights (the file's hash where it is known, else the
 * first location), how their keys are read, architecture, representation, preprocessing, stored precision and converter. It
 * does not depend on the host that served the file. `own` is the SHA-256 of a caller's own file, which replaces the locations.
 */
export function fingerprint(
  spec: ModelSpec,
  own?: { sha256: string; rules: unknown },
  dtype: Dtype = "float32",
): string {
  const { weights, trainTransform: _, ...rest } = spec; // augmentation is no part of an artifact
  const from =
    own !== undefined
      ? { weights: own.sha256, rules: own.rules }
      : "checkpoints" in weights
        ? identity(weights.checkpoints[0])
        : "seed" in weights
          ? { seed: weights.seed }
          : weights;
  return sha256(canonicalJson({ ...from, ...rest, dtype, converter: CONVERTER_VERSION })).slice(0, 16);
}

const identity = (file?: Checkpoint): object => ({
  weights: file?.sha256 ?? file?.url,
  rules: file?.rules,
  components: file?.components?.map(identity),
});
