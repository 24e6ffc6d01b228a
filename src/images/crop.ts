import type { Interpolation } from "../core/spec.ts";
import type { Pixels } from "./pixels.ts";
import { cut, type Region, resize } from "./resample.ts";

/** torchvision's `crop`, of a region inside the image. @throws RangeError when it is not inside. */
export function crop(image: Pixels, region: Region): Pixels {
  const { left, top, width, height } = region;
  const whole =
    [left, top, width, height].every(Number.isSafeInteger) && left >= 0 && top >= 0 && width > 0 && height > 0;
  if (!whole || left + width > image.width || top + height > image.height) {
    throw new RangeError(`crop: ${width} x ${height} at (${left}, ${top}) of ${image.width} x ${image.height}`);
  }
  return cut(image, region);
}

/** torchvision's `resized_crop`: the region, resized to a square of `size` pixels as PIL does. */
export function resizedCrop(image: Pixels, region: Region, size: number, interpolation: Interpolation): Pixels {
  return resize(crop(image, region), size, size, interpolation);
}

/** Mirrors left and right. */
export function hflip({ data, width, height }: Pixels): Pixels {
  const out = new Uint8Array(data.length);
  for (let y = 0, from = 0; y < height; y++) {
    for (let to = ((y + 1) * width - 1) * 3; to >= y * width * 3; to -= 3, from += 3) {
      out[to] = data[from]!;
      out[to + 1] = data[from + 1]!;
      out[to + 2] = data[from + 2]!;
    }
  }
  return { data: out, width, height };
}
