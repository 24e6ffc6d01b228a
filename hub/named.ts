import type { ArchSpec } from "../src/core/spec.ts";
import * as sizes from "./architectures.ts";

/**
 * The architectures by name, for files that belong to no hub name: timm's and torchvision's names where they have one,
 * without the input side, which the file's position table tells.
 */
export const NAMED_ARCHITECTURES: Record<string, () => ArchSpec> = {
  resnet50: () => sizes.resnet50(),
  resnet101: () => sizes.resnet101(),
  resnet50w2: () => sizes.resnet50w2(),
  resnet50w4: () => sizes.resnet50w4(),
  resnet50w5: () => sizes.resnet50w5(),
  wide_resnet50_2: () => sizes.wideResnet50(),
  resnet50_same: () => sizes.resnet50Same(),
  resnet50_d512: () => sizes.resnet50Resized(512)(),
  resnet50_d1024: () => sizes.resnet50Resized(1024)(),
  resnet50_d4096: () => sizes.resnet50Resized(4096)(),
  resnet50_d8192: () => sizes.resnet50Resized(8192)(),
  tiny_resnet: sizes.tinyResnet,
  ...vits("small", "S", [8, 16]),
  vit_small_patch16_12heads: sizes.vitS12Heads,
  ...vits("base", "B", [4, 8, 16, 32]),
  ...vits("large", "L", [7, 16]),
  ...vits("huge", "H", [14]),
  beit_base_patch16: () => sizes.beit("B"),
  beit_large_patch16: () => sizes.beit("L"),
  vit_base_patch32_clip_quickgelu: () => sizes.clipVit("B", 32),
  vit_base_patch16_clip_quickgelu: () => sizes.clipVit("B", 16),
  vit_large_patch14_clip_quickgelu: () => sizes.clipVit("L", 14),
  vit_base_patch32_clip: () => sizes.openClipVit("B", 32),
  vit_base_patch16_clip: () => sizes.openClipVit("B", 16),
  vit_large_patch14_clip: () => sizes.openClipVit("L", 14),
  vit_huge_patch14_clip: () => sizes.openClipVit("H", 14),
  vit_giant_patch14_clip: () => sizes.openClipVit("g", 14),
  resnet50_clip: () => sizes.clipResnet([3, 4, 6, 3], 64, 224),
  resnet101_clip: () => sizes.clipResnet([3, 4, 23, 3], 64, 224),
  resnet50x4_clip: () => sizes.clipResnet([4, 6, 10, 6], 80, 288),
  resnet50x16_clip: () => sizes.clipResnet([6, 8, 18, 8], 96, 384),
  resnet50x64_clip: () => sizes.clipResnet([3, 15, 36, 10], 128, 448),
  convnext_small: () => sizes.convnext("S"),
  convnext_base: () => sizes.convnext("B"),
  convnext_small_vicregl: () => sizes.vicreglConvnext("S"),
  convnext_base_vicregl: () => sizes.vicreglConvnext("B"),
  convnext_xlarge_vicregl: () => sizes.vicreglConvnext("XL"),
};

function vits(name: string, size: "S" | "B" | "L" | "H", patches: number[]) {
  return Object.fromEntries(patches.map((patch) => [`vit_${name}_patch${patch}`, () => sizes.vit(size, patch)]));
}
