import type { Checkpoint, ModelSpec } from "../src/core/spec.ts";
import { clipVit } from "./architectures.ts";
import { normalize, randomCrop } from "./augmentations.ts";
import { FILES as CLIP_FILES, locations } from "./clip.ts";
import { CLIP, evalCrop } from "./transforms.ts";

/**
 * Lossy compressors of CLIP's embedding (Dubois et al. 2021): a small file of their own beside CLIP's ViT-B/32. The
 * repository and its release hold the same bytes.
 */
const RELEASE = "https://github.com/YannDubs/lossyless/releases/download/v1.0/";
const REPOSITORY = "https://raw.githubusercontent.com/YannDubs/lossyless/main/hub/";

const FILES = {
  "beta1e-02": "298a7b2bafb6851be1c82c0bb090fa64c6fcc6b0e5791f4103701bb3cba45d51",
  "beta5e-02": "7668107582423542480e1d21986e24f97706e761f43889547a79f74a5a6d2ad8",
  "beta1e-01": "410eb8fe6abbb3b51db9c8ab9f8ef7a04dcc13356a481ddd863cf91a91deef13",
};

/** CLIP's encoder goes under `clip.`; of the entropy model only the medians matter, the rest serves coding. */
const embedded = (clip: Checkpoint): Checkpoint => ({ ...clip, rules: [...clip.rules, { rename: /^/, to: "clip." }] });
const RULES = [{ drop: /^entropy_bottleneck\.(?!quantiles$)/ }];

export default function lossyless(file: keyof typeof FILES): ModelSpec {
  const sha256 = FILES[file];
  const urls = [`${RELEASE}${file}_factorized_rate.pt`, `${REPOSITORY}${file}/factorized_rate.pt`];
  const clips = locations(CLIP_FILES["ViT-B/32"]).map(embedded);
  return {
    weights: {
      checkpoints: clips.flatMap((clip) =>
        urls.map((url) => ({ url, sha256, bytes: 136_181, rules: RULES, components: [clip] })),
      ),
    },
    arch: { ...clipVit("B", 32), compressor: true },
    representation: "pred",
    preprocess: evalCrop(224, 224, "bicubic", CLIP),
    // Erratum E12: upstream normalises training images with ImageNet's values.
    trainTransform: [randomCrop(0.9, "bicubic"), normalize(CLIP)],
  };
}
