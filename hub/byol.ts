import type { Augmentation, Checkpoint, ModelSpec } from "../src/core/spec.ts";
import { resnet50Same } from "./architectures.ts";
import { blur, byolJitter, flip, gray, normalize, randomCrop, solarize } from "./augmentations.ts";
import { googleDrive } from "./hosts.ts";
import { HAIKU_RESNET } from "./layouts.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** BYOL (Grill et al. 2020): pickled Haiku trees of DeepMind's own experiments. */
const HOST = "https://storage.googleapis.com/deepmind-byol/checkpoints/";
const haiku = (path: string): Checkpoint => ({ url: HOST + path, rules: HAIKU_RESNET });
const ablation = (change: string) => [haiku(`ablations/res50x1_${change}.pkl`)];

const FULL = [flip, byolJitter, gray(), blur(0.1), solarize];
/** What the ablations leave of it; those of a single augmentation do not flip either. */
const ABLATED: Record<string, Augmentation[]> = {
  crop_only: [],
  crop_and_blur_only: [blur(0.1)],
  crop_and_color_only: [byolJitter],
  no_color: [flip, gray(), blur(0.1), solarize],
  no_grayscale: [flip, byolJitter, blur(0.1), solarize],
};

const FILES = {
  crop_only: ablation("crop_only"),
  crop_and_blur_only: ablation("crop_and_blur_only"),
  crop_and_color_only: ablation("crop_and_color_only"),
  no_color: ablation("no_color"),
  no_grayscale: ablation("no_grayscale"),
  batchsize_64: ablation("batchsize_64"),
  batchsize_128: ablation("batchsize_128"),
  batchsize_256: ablation("batchsize_256"),
  batchsize_512: ablation("batchsize_512"),
  batchsize_1024: ablation("batchsize_1024"),
  batchsize_2048: ablation("batchsize_2048"),
  // Upstream takes a third party's conversion from Google Drive: errata E03 and E22. The original goes first here.
  pretrain: [
    haiku("pretrain_res50x1.pkl"),
    { url: googleDrive("1nwaOpgmjpiOxJez7gUKQmYEiQIJe5Yss"), rules: [{ drop: /^fc\./ }] },
  ],
};

export default function byol(file: keyof typeof FILES): ModelSpec {
  return {
    weights: { checkpoints: FILES[file] },
    arch: resnet50Same(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bilinear", IMAGENET),
    trainTransform: [randomCrop(0.08), ...(ABLATED[file] ?? FULL), normalize(IMAGENET)],
  };
}
