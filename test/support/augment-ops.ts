import type { Pixels, RandAugmentName } from "../../src/images/index.ts";
import * as images from "../../src/images/index.ts";

/** The parameters of an operation, by torchvision's names. */
export type Params = Record<string, unknown> & { steps?: (Params & { op: string })[] };

const region = ({ i, j, h, w, size }: Params) =>
  ({ top: i, left: j, height: h ?? size, width: w ?? size }) as images.Region;

type Factor = { factor: number };
type Magnitude = { magnitude: number };

/** What the generators of fixtures and goldens call an operation, and what we do for it. */
const OPS: Record<string, (image: Pixels, params: never) => Pixels> = {
  resized_crop: (x, p: Params) => images.resizedCrop(x, region(p), p.size as number, p.interpolation as "bilinear"),
  crop: (x, p: Params) => images.crop(x, region(p)),
  hflip: images.hflip,
  grayscale3: images.grayscale,
  brightness: (x, { factor }: Factor) => images.adjustBrightness(x, factor),
  contrast: (x, { factor }: Factor) => images.adjustContrast(x, factor),
  saturation: (x, { factor }: Factor) => images.adjustSaturation(x, factor),
  hue: (x, { factor }: Factor) => images.adjustHue(x, factor),
  sharpness: (x, { factor }: Factor) => images.adjustSharpness(x, factor),
  pil_gaussian_blur: (x, { radius }: { radius: number }) => images.gaussianBlur(x, radius),
  tv_gaussian_blur: (x, p: { kernel: number; sigma: number }) => images.kernelGaussianBlur(x, p.kernel, p.sigma),
  solarize: (x, { threshold }: { threshold: number }) => images.solarize(x, threshold),
  posterize: (x, { bits }: { bits: number }) => images.posterize(x, bits),
  invert: images.invert,
  autocontrast: images.autocontrast,
  equalize: images.equalize,
  rotate: (x, { angle }: { angle: number }) => images.rotate(x, angle),
  shear_x: (x, { magnitude }: Magnitude) => images.shearX(x, magnitude),
  shear_y: (x, { magnitude }: Magnitude) => images.shearY(x, magnitude),
  translate_x: (x, { magnitude }: Magnitude) => images.translateX(x, magnitude),
  translate_y: (x, { magnitude }: Magnitude) => images.translateY(x, magnitude),
  randaugment_op: (x, p: Magnitude & { name: RandAugmentName }) => images.randAugmentOp(x, p.name, p.magnitude),
  color_jitter: (x, p: Record<string, number> & { order: string[] }) =>
    (p.order as string[]).reduce((image, name) => runOp(image, name, { factor: p[name] }), x),
  chain: (x, { steps }: Params) =>
    steps!
      .filter(({ op }) => op !== "to_tensor" && op !== "normalize")
      .reduce((image, { op, ...p }) => runOp(image, op, p), x),
};

export function runOp(image: Pixels, op: string, params: Params): Pixels {
  return OPS[op]!(image, params as never);
}
