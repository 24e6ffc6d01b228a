import type { BeitArch, ClipResnetArch, ClipVitArch, ConvnextArch, ResnetArch, VitArch } from "../src/core/spec.ts";

const IMAGENET_STEM = { kernel: 7, stride: 2, pool: true };

/** Bottleneck ResNets as torchvision's: 7x7 stem of stride 2 with a max pool, 64 channels. `size` is the input side. */
const imagenetResnet =
  (layers: number[], options: Partial<ResnetArch> = {}) =>
  (size = 224): ResnetArch => ({ kind: "resnet", size, layers, width: 64, stem: IMAGENET_STEM, ...options });

const RESNET50 = [3, 4, 6, 3];

export const resnet50 = imagenetResnet(RESNET50);
export const resnet101 = imagenetResnet([3, 4, 23, 3]);
/** Every stage, the stem included, has twice (four, five times) the channels: 4096, 8192, 10240 features. */
export const resnet50w2 = imagenetResnet(RESNET50, { width: 128 });
export const resnet50w4 = imagenetResnet(RESNET50, { width: 256 });
export const resnet50w5 = imagenetResnet(RESNET50, { width: 320 });
/** torchvision's wide_resnet50_2: only the 3x3 convolutions are doubled, so that there are still 2048 features. */
export const wideResnet50 = imagenetResnet(RESNET50, { innerWidthFactor: 2 });
/** BYOL's, of Haiku: padded as TensorFlow does. */
export const resnet50Same = imagenetResnet(RESNET50, { padding: "same" });
/** With a bottleneck before the pool that gives `dim` features; its input is added where it fits a whole number of times. */
export const resnet50Resized = (dim: number) =>
  imagenetResnet(RESNET50, { resizer: { dim, residual: dim % 2048 === 0 } });

/** The embedded encoders: three stages of two bottlenecks on 32x32 images, 256 features. */
export const tinyResnet = (): ResnetArch => ({
  kind: "resnet",
  size: 32,
  layers: [2, 2, 2],
  width: 16,
  stem: { kernel: 3, stride: 2, pool: false },
});

const VITS = {
  S: { width: 384, depth: 12, heads: 6 },
  B: { width: 768, depth: 12, heads: 12 },
  L: { width: 1024, depth: 24, heads: 16 },
  H: { width: 1280, depth: 32, heads: 16 },
  g: { width: 1408, depth: 40, heads: 16 },
};

/** Vision transformers on images of 224 pixels; the number is the side of a patch. */
export const vit = (size: "S" | "B" | "L" | "H", patch: number): VitArch => ({
  kind: "vit",
  size: 224,
  patch,
  ...VITS[size],
});

/** MoCo v3 splits a ViT-S into 12 heads. No tensor shows it: with 6 heads its files load, and give wrong features. */
export const vitS12Heads = (): VitArch => ({ ...vit("S", 16), heads: 12 });

export const beit = (size: "B" | "L"): BeitArch => ({ ...vit(size, 16), kind: "beit" });

const EMBEDDING = { B: 512, L: 768, H: 1024, g: 1024 };

/** OpenAI's image transformers. `size` is the input side. */
export const clipVit = (vit: "B" | "L", patch: number, size = 224): ClipVitArch => ({
  kind: "clip-vit",
  size,
  patch,
  ...VITS[vit],
  hidden: 4 * VITS[vit].width,
  act: "quick_gelu",
  embedDim: EMBEDDING[vit],
});

/** OpenCLIP's: another activation. The MLP of ViT-g is trunc(1408 * 4.3637) wide. */
export const openClipVit = (vit: "B" | "L" | "H" | "g", patch: number): ClipVitArch => ({
  kind: "clip-vit",
  size: 224,
  patch,
  ...VITS[vit],
  hidden: vit === "g" ? 6144 : 4 * VITS[vit].width,
  act: "gelu",
  embedDim: EMBEDDING[vit],
});

export const clipResnet = (layers: number[], width: number, size: number): ClipResnetArch => ({
  kind: "clip-resnet",
  size,
  layers,
  width,
});

const CONVNEXTS = { S: 96, B: 128, XL: 256 };

const convnextOf = (size: keyof typeof CONVNEXTS, options: Pick<ConvnextArch, "layerScale" | "poolFirst">) => ({
  kind: "convnext" as const,
  size: 224,
  depths: [3, 3, 27, 3],
  dims: [1, 2, 4, 8].map((factor) => factor * CONVNEXTS[size]),
  ...options,
});

export const convnext = (size: "S" | "B"): ConvnextArch => convnextOf(size, { layerScale: true, poolFirst: true });

/** VICRegL's: no layer scale, and the norm comes before the pool. */
export const vicreglConvnext = (size: "S" | "B" | "XL"): ConvnextArch =>
  convnextOf(size, { layerScale: false, poolFirst: false });
