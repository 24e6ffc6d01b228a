import type { ResnetArch } from "../src/core/spec.ts";

/** Bottleneck ResNets as torchvision's: 7x7 stem of stride 2 with a max pool, 64 channels. `size` is the input side. */
const imagenetResnet =
  (layers: number[]) =>
  (size = 224): ResnetArch => ({
    kind: "resnet",
    size,
    layers,
    width: 64,
    stem: { kernel: 7, stride: 2, pool: true },
  });

export const resnet50 = imagenetResnet([3, 4, 6, 3]);
export const resnet101 = imagenetResnet([3, 4, 23, 3]);

/** The embedded encoders: three stages of two bottlenecks on 32x32 images, 256 features. */
export const tinyResnet = (): ResnetArch => ({
  kind: "resnet",
  size: 32,
  layers: [2, 2, 2],
  width: 16,
  stem: { kernel: 3, stride: 2, pool: false },
});
