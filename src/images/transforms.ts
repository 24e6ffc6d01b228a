import type { Rng } from "../core/rng.ts";
import type { Augmentation, Interpolation, RGB } from "../core/spec.ts";
import { rotate } from "./affine.ts";
import { adjustBrightness, adjustContrast, adjustHue, adjustSaturation, grayscale } from "./color.ts";
import { crop, hflip, resizedCrop } from "./crop.ts";
import { gaussianBlur } from "./filter.ts";
import type { Pixels } from "./pixels.ts";
import { randAugment } from "./randaugment.ts";
import { cut, type Filter, type Region, resize } from "./resample.ts";
import { randomCropRegion, randomResizedCropRegion, uniform } from "./sampling.ts";
import { solarize } from "./tone.ts";

/** Width and height in pixels. */
interface Size {
  width: number;
  height: number;
}

/**
 * torchvision's `Resize(size, max_size=maxSize)`: the shorter side becomes `size`, the other keeps the aspect ratio,
 * truncated.
 * @throws HubError `IMAGE` when the result has more pixels than PIL's limit (a very long, thin image).
 */
export function resizeShort(image: Pixels, size: number, interpolation: Filter, maxSize?: number): Pixels {
  const to = shortSize(image, size, maxSize);
  return resize(image, to.width, to.height, interpolation);
}

function shortSize({ width, height }: Size, size: number, maxSize?: number): Size {
  if (maxSize !== undefined && maxSize <= size) {
    throw new RangeError(`resizeShort: maxSize ${maxSize} must be greater than size ${size}`);
  }
  const [short, long] = width <= height ? [width, height] : [height, width];
  let newShort = size;
  let newLong = Math.trunc((size * long) / short);
  if (maxSize !== undefined && newLong > maxSize) {
    newShort = Math.trunc((maxSize * newShort) / newLong);
    newLong = maxSize;
  }
  return width <= height ? { width: newShort, height: newLong } : { width: newLong, height: newShort };
}

/** torchvision's `CenterCrop`: a smaller image is padded with zeros first. */
export function centerCrop(image: Pixels, size: number | { height: number; width: number }): Pixels {
  const crop = typeof size === "number" ? { width: size, height: size } : size;
  for (const n of [crop.width, crop.height]) {
    if (!Number.isSafeInteger(n) || n < 1) throw new RangeError(`centerCrop: size ${n} is not a positive integer`);
  }
  const padded = crop.width > image.width || crop.height > image.height ? pad(image, crop) : image;
  return cut(padded, centerRegion(padded, crop));
}

/** Where the crop lies; halves round to even, as Python's `round`. */
function centerRegion(image: Size, { width, height }: Size): Region {
  const half = (n: number) => (n % 4 === 3 ? (n + 1) / 2 : Math.floor(n / 2));
  return { left: half(image.width - width), top: half(image.height - height), width, height };
}

function pad(image: Pixels, crop: Size): Pixels {
  const width = Math.max(image.width, crop.width);
  const height = Math.max(image.height, crop.height);
  const left = (width - image.width) >> 1;
  const top = (height - image.height) >> 1;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3);
    data.set(row, ((y + top) * width + left) * 3);
  }
  return { data, width, height };
}

/**
 * torchvision's `ToTensor` and `Normalize`, to the bit: per channel `(byte / 255 - mean) / std`, every step rounded to
 * float32.
 * @returns `[height * width * 3]`, channels last.
 */
export function normalize(image: Pixels, mean: Readonly<RGB>, std: Readonly<RGB>): Float32Array {
  const [red, green, blue] = [0, 1, 2].map((c) => byteTable(mean[c]!, std[c]!)) as [F32, F32, F32];
  const { data } = image;
  const out = new Float32Array(data.length);
  for (let i = 0; i < out.length; i += 3) {
    out[i] = red[data[i]!]!;
    out[i + 1] = green[data[i + 1]!]!;
    out[i + 2] = blue[data[i + 2]!]!;
  }
  return out;
}

type F32 = Float32Array;

function byteTable(mean: number, std: number): Float32Array {
  const f = Math.fround;
  const table = new Float32Array(256);
  for (let byte = 0; byte < 256; byte++) table[byte] = f(f(byte / 255) - f(mean)) / f(std);
  return table;
}

/**
 * Runs a pipeline: bytes until `normalize`, which must be the last step.
 * @param random what augmentations draw from; evaluation pipelines need none.
 * @returns `[height * width * 3]` float32, channels last; height and width are those of the last crop or resize.
 * @throws TypeError when the steps do not end with `normalize`, one of them is unknown, or one draws and `random` is missing.
 */
export function applyTransforms(image: Pixels, steps: readonly Augmentation[], random?: Rng): Float32Array {
  const last = steps.at(-1);
  if (last?.op !== "normalize") throw new TypeError(`applyTransforms: the last step is ${last?.op}, not normalize`);
  return normalize(transformPixels(image, steps.slice(0, -1), random), last.mean, last.std);
}

/** As {@link applyTransforms}, for steps that give bytes: all but `normalize`. The result may be `image` itself. */
export function transformPixels(image: Pixels, steps: readonly Augmentation[], random: Rng = noRandom): Pixels {
  let pixels = image;
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i]!;
    const next = steps[i + 1];
    if (step.op === "resize" && next?.op === "centerCrop") {
      pixels = resizeAndCrop(pixels, step.size, step.interpolation, next.size);
      i++;
    } else pixels = run(pixels, step, random);
  }
  return pixels;
}

type Step<Op extends Augmentation["op"]> = Extract<Augmentation, { op: Op }>;

/** What each step does to pixels. The order in which a step draws its numbers is part of what a seed means. */
const STEPS: { [Op in Exclude<Augmentation["op"], "normalize">]: (x: Pixels, step: Step<Op>, random: Rng) => Pixels } =
  {
    resize: (x, { size, interpolation }) => resizeShort(x, size, interpolation),
    centerCrop: (x, { size }) => centerCrop(x, size),
    randomResizedCrop: (x, { size, scale, ratio, interpolation }, random) =>
      resizedCrop(x, randomResizedCropRegion(x, scale, ratio, random), size, interpolation),
    randomCrop: (x, { size }, random) => crop(x, randomCropRegion(x, size, random)),
    randomHorizontalFlip: (x, { p }, random) => (random.uniform() < p ? hflip(x) : x),
    randomRotation: (x, { degrees }, random) => rotate(x, uniform(random, degrees)),
    colorJitter,
    randomGrayscale: (x, { p }, random) => (random.uniform() < p ? grayscale(x) : x),
    gaussianBlur: (x, { radius }, random) => gaussianBlur(x, uniform(random, radius)),
    solarize: (x, { threshold }) => solarize(x, threshold),
    randAugment: (x, { numOps, magnitude, bins }, random) => randAugment(x, numOps, magnitude, bins, random),
    randomApply: (x, { p, transforms }, random) => (random.uniform() < p ? transformPixels(x, transforms, random) : x),
  };

function run(image: Pixels, step: Augmentation, random: Rng): Pixels {
  if (!Object.hasOwn(STEPS, step.op)) throw new TypeError(`applyTransforms: cannot run ${JSON.stringify(step)} here`);
  return STEPS[step.op as keyof typeof STEPS](image, step as never, random);
}

const JITTERS = {
  brightness: adjustBrightness,
  contrast: adjustContrast,
  saturation: adjustSaturation,
  hue: adjustHue,
};
const JITTER_NAMES = ["brightness", "contrast", "saturation", "hue"] as const;

/** The order first, then the factors, as torchvision draws them. */
function colorJitter(image: Pixels, step: Step<"colorJitter">, random: Rng): Pixels {
  const order = random.permutation(JITTER_NAMES.length);
  const factors = JITTER_NAMES.map((name) => step[name] && uniform(random, step[name]));
  let pixels = image;
  for (const i of order) {
    const factor = factors[i];
    if (factor !== undefined) pixels = JITTERS[JITTER_NAMES[i]!](pixels, factor);
  }
  return pixels;
}

const refuse = (): never => {
  throw new TypeError("applyTransforms: these steps draw random numbers; give it a generator");
};
const noRandom: Rng = { uniform: refuse, integer: refuse, normal: refuse, permutation: refuse };

/** Each pixel of a resized image is computed on its own, so those the crop drops need not be. */
function resizeAndCrop(image: Pixels, size: number, interpolation: Interpolation, crop: number): Pixels {
  const to = shortSize(image, size);
  if (crop > size) return centerCrop(resize(image, to.width, to.height, interpolation), crop);
  return resize(image, to.width, to.height, interpolation, centerRegion(to, { width: crop, height: crop }));
}
