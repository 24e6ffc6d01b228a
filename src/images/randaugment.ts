import type { Rng } from "../core/rng.ts";
import { roundHalfEven } from "../core/rounding.ts";
import { rotate, shearX, shearY, translateX, translateY } from "./affine.ts";
import { adjustBrightness, adjustContrast, adjustSaturation } from "./color.ts";
import { adjustSharpness } from "./filter.ts";
import type { Pixels } from "./pixels.ts";
import { autocontrast, equalize, posterize, solarize } from "./tone.ts";

/** How strong an operation is at bin `bin` of `bins`, and whether it goes both ways. */
interface Operation {
  run(image: Pixels, magnitude: number): Pixels;
  magnitude?(bin: number, bins: number, image: Pixels): number;
  signed?: true;
}

const f32 = Math.fround;

/** torch's `linspace(start, end, bins)[bin]` in float32: counted from the nearer end. */
const linspace = (start: number, end: number) => (bin: number, bins: number) => {
  const step = f32(f32(f32(end) - f32(start)) / (bins - 1));
  return bin < bins / 2 ? f32(f32(start) + step * bin) : f32(f32(end) - step * (bins - 1 - bin));
};

const factor = { magnitude: linspace(0, 0.9), signed: true } as const;

/** The operations of torchvision's RandAugment with their ranges, in its order. */
const OPERATIONS = {
  Identity: { run: (image) => image },
  ShearX: { run: shearX, magnitude: linspace(0, 0.3), signed: true },
  ShearY: { run: shearY, magnitude: linspace(0, 0.3), signed: true },
  TranslateX: {
    run: translateX,
    magnitude: (bin, bins, { width }) => linspace(0, (150 / 331) * width)(bin, bins),
    signed: true,
  },
  TranslateY: {
    run: translateY,
    magnitude: (bin, bins, { height }) => linspace(0, (150 / 331) * height)(bin, bins),
    signed: true,
  },
  Rotate: { run: rotate, magnitude: linspace(0, 30), signed: true },
  Brightness: { run: (image, m) => adjustBrightness(image, 1 + m), ...factor },
  Color: { run: (image, m) => adjustSaturation(image, 1 + m), ...factor },
  Contrast: { run: (image, m) => adjustContrast(image, 1 + m), ...factor },
  Sharpness: { run: (image, m) => adjustSharpness(image, 1 + m), ...factor },
  Posterize: {
    run: (image, m) => posterize(image, Math.trunc(m)),
    magnitude: (bin, bins) => 8 - roundHalfEven(f32(bin / f32((bins - 1) / 4))),
  },
  Solarize: { run: solarize, magnitude: linspace(255, 0) },
  AutoContrast: { run: autocontrast },
  Equalize: { run: equalize },
} satisfies Record<string, Operation>;

export type RandAugmentName = keyof typeof OPERATIONS;

const NAMES = Object.keys(OPERATIONS) as RandAugmentName[];

/** One of torchvision's RandAugment operations at a given magnitude, which is in the operation's own unit. */
export function randAugmentOp(image: Pixels, name: RandAugmentName, magnitude: number): Pixels {
  return (OPERATIONS[name] as Operation).run(image, magnitude);
}

/** What `magnitude` of `bins` is in the unit of an operation, for an image of this size. */
export function randAugmentMagnitude(name: RandAugmentName, magnitude: number, bins: number, image: Pixels): number {
  return (OPERATIONS[name] as Operation).magnitude?.(magnitude, bins, image) ?? 0;
}

/** torchvision's `RandAugment`: `numOps` operations drawn at random, one after the other, each at the same bin. */
export function randAugment(image: Pixels, numOps: number, magnitude: number, bins: number, random: Rng): Pixels {
  let out = image;
  for (let i = 0; i < numOps; i++) {
    const name = NAMES[random.integer(NAMES.length)]!;
    const size = randAugmentMagnitude(name, magnitude, bins, image);
    const negative = (OPERATIONS[name] as Operation).signed === true && random.integer(2) === 1;
    out = randAugmentOp(out, name, negative ? -size : size);
  }
  return out;
}
