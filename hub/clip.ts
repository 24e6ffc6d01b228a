import type { ArchSpec, Checkpoint, KeyRule, ModelSpec, RepresentationOf } from "../src/core/spec.ts";
import { clipResnet, clipVit } from "./architectures.ts";
import { normalize, randomCrop } from "./augmentations.ts";
import { huggingFace } from "./hosts.ts";
import { HF_CLIP } from "./layouts.ts";
import { CLIP, evalCrop } from "./transforms.ts";

/** CLIP (Radford et al. 2021). OpenAI's files are TorchScript archives; their addresses hold their SHA-256. */
const HOST = "https://openaipublic.azureedge.net/clip/models/";

/** The text tower is left behind; so is a ResNet's last projection, which the representation comes before. */
export const VISUAL: KeyRule[] = [{ take: "visual." }, { drop: /^attnpool\.c_proj\./ }];

interface File {
  name: string;
  sha256: string;
  arch: ArchSpec;
  /** The same weights for open_clip, as timm's repository has them; keys are OpenAI's. */
  timm: string;
  /** The same for transformers. */
  hf?: string;
}

export const FILES = {
  RN50: {
    name: "RN50.pt",
    sha256: "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762",
    arch: clipResnet([3, 4, 6, 3], 64, 224),
    timm: "resnet50_clip.openai",
  },
  RN101: {
    name: "RN101.pt",
    sha256: "8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599",
    arch: clipResnet([3, 4, 23, 3], 64, 224),
    timm: "resnet101_clip.openai",
  },
  RN50x4: {
    name: "RN50x4.pt",
    sha256: "7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd",
    arch: clipResnet([4, 6, 10, 6], 80, 288),
    timm: "resnet50x4_clip.openai",
  },
  RN50x16: {
    name: "RN50x16.pt",
    sha256: "52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa",
    arch: clipResnet([6, 8, 18, 8], 96, 384),
    timm: "resnet50x16_clip.openai",
  },
  RN50x64: {
    name: "RN50x64.pt",
    sha256: "be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c",
    arch: clipResnet([3, 15, 36, 10], 128, 448),
    timm: "resnet50x64_clip.openai",
  },
  "ViT-B/32": {
    name: "ViT-B-32.pt",
    sha256: "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
    arch: clipVit("B", 32),
    timm: "vit_base_patch32_clip_224.openai",
    hf: "clip-vit-base-patch32",
  },
  "ViT-B/16": {
    name: "ViT-B-16.pt",
    sha256: "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",
    arch: clipVit("B", 16),
    timm: "vit_base_patch16_clip_224.openai",
    hf: "clip-vit-base-patch16",
  },
  "ViT-L/14": {
    name: "ViT-L-14.pt",
    sha256: "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
    arch: clipVit("L", 14),
    timm: "vit_large_patch14_clip_224.openai",
    hf: "clip-vit-large-patch14",
  },
  "ViT-L/14@336px": {
    name: "ViT-L-14-336px.pt",
    sha256: "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02",
    arch: clipVit("L", 14, 336),
    timm: "vit_large_patch14_clip_336.openai",
    hf: "clip-vit-large-patch14-336",
  },
} satisfies Record<string, File>;

/** Where a file of OpenAI's is, and what else holds its weights. */
export function locations({ name, sha256, timm, hf }: File): Checkpoint[] {
  return [
    { url: `${HOST}${sha256}/${name}`, rules: VISUAL, sha256 },
    { url: huggingFace(`timm/${timm}`, "open_clip_model.safetensors"), rules: VISUAL },
    ...(hf === undefined ? [] : [{ url: huggingFace(`openai/${hf}`), rules: HF_CLIP }]),
  ];
}

export default function clip(
  file: keyof typeof FILES,
  representation: RepresentationOf<"clip-vit" | "clip-resnet">,
): ModelSpec {
  const { arch } = FILES[file];
  return {
    weights: { checkpoints: locations(FILES[file]) },
    arch,
    representation,
    preprocess: evalCrop(arch.size, arch.size, "bicubic", CLIP),
    // Erratum E11: upstream crops to 224 whatever the model takes.
    trainTransform: [randomCrop(0.9, "bicubic", arch.size), normalize(CLIP)],
  };
}
