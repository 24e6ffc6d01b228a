import type { Pixels } from "./pixels.ts";

/** Pixels of white between images. */
const GAP = 4;

/**
 * Images side by side on white, row by row, in cells as large as the largest of them; each stands in the middle of its
 * cell.
 * @throws RangeError without images or columns.
 */
export function contactSheet(images: readonly Pixels[], columns: number): Pixels {
  if (images.length === 0 || !Number.isInteger(columns) || columns < 1) {
    throw new RangeError(`contactSheet: ${images.length} images in ${columns} columns`);
  }
  const cell = {
    width: Math.max(...images.map(({ width }) => width)),
    height: Math.max(...images.map(({ height }) => height)),
  };
  const across = Math.min(columns, images.length);
  const width = across * (cell.width + GAP) - GAP;
  const height = Math.ceil(images.length / columns) * (cell.height + GAP) - GAP;
  const data = new Uint8Array(width * height * 3).fill(255);
  for (const [i, image] of images.entries()) {
    const left = (i % columns) * (cell.width + GAP) + ((cell.width - image.width) >> 1);
    const top = Math.floor(i / columns) * (cell.height + GAP) + ((cell.height - image.height) >> 1);
    for (let y = 0; y < image.height; y++) {
      const row = image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3);
      data.set(row, ((top + y) * width + left) * 3);
    }
  }
  return { data, width, height };
}
