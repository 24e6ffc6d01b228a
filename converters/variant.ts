import { atSize } from "../src/core/preprocess-size.ts";
import type { ArchSpec, Augmentation, ModelSpec } from "../src/core/spec.ts";
import { checkRepresentation } from "./arch/representation.ts";

/** What a caller may want otherwise than a hub name has it. */
export interface Variant {
  /** Another output the architecture offers. */
  representation?: string;
  /** Another side of the input, in pixels. */
  imageSize?: number;
}

/** With fewer pixels a convolution of a later stage would see nothing. */
const SMALLEST = 32;
/** Attention over more patches than this side makes would need tens of gigabytes. */
const LARGEST = 2048;

/**
 * The specification with another representation or input size; preprocessing follows the size. What is not asked for,
 * or is as it was, leaves the specification, and so its fingerprint, the same.
 * @throws TypeError that lists what the architecture offers, or says why it takes no other size.
 */
export function variantOf(spec: ModelSpec, { representation, imageSize }: Variant): ModelSpec {
  const named = checkRepresentation(spec.arch, representation ?? spec.representation);
  if (imageSize === undefined || imageSize === spec.arch.size) return { ...spec, representation: named };
  const arch = resizedArch(spec.arch, imageSize);
  const follow = <T extends Augmentation>(steps: readonly T[]) => atSize(steps, spec.arch.size, imageSize);
  const { trainTransform } = spec;
  return {
    ...spec,
    representation: named,
    arch,
    preprocess: follow(spec.preprocess),
    ...(Array.isArray(trainTransform) && { trainTransform: follow(trainTransform) }),
  };
}

/**
 * An architecture for images of another size.
 * @throws TypeError that says why it takes none of that size.
 */
export function resizedArch(arch: ArchSpec, size: number): ArchSpec {
  const refused = (why: string) => new TypeError(`The image size cannot be ${size}: ${why}.`);
  const smallest = "patch" in arch ? arch.patch : Math.min(SMALLEST, arch.size);
  if (!Number.isInteger(size) || size < smallest || size > LARGEST) {
    throw refused(`it must be a whole number of pixels from ${smallest} to ${LARGEST}`);
  }
  const fixed = fixedSize(arch);
  if (fixed !== undefined) throw refused(`${fixed}, so that images must have ${arch.size} pixels a side`);
  if (!("patch" in arch)) return { ...arch, size };
  if (size % arch.patch !== 0) {
    const near = Math.max(1, Math.round(size / arch.patch)) * arch.patch;
    throw refused(`the patches of this architecture are ${arch.patch} pixels wide. The nearest size is ${near}`);
  }
  const { nativeSize = arch.size, ...rest } = arch;
  return size === nativeSize ? { ...rest, size } : { ...rest, size, nativeSize };
}

/** Why an architecture takes images of one size alone. */
function fixedSize(arch: ArchSpec): string | undefined {
  if (arch.kind === "clip-resnet") {
    return "CLIP's attention pool has a learned position for each place of its map, and its authors give no rule to resize them";
  }
  if (arch.kind === "clip-vit" && arch.compressor === true) {
    return "the compressor was fitted to embeddings of images of one size";
  }
  return undefined;
}
