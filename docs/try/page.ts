import type { Pixels } from "../../src/images/pixels.ts";

/** One image of the page. */
export interface Item {
  name: string;
  pixels: Pixels;
  /** Whether the pixels are those that Node has. */
  exact: boolean;
  /** Name of the folder it came from, "" for none: a label to take over. */
  folder: string;
  thumbnail: string;
  features: Float32Array | null;
  /** Number of its class, -1 for none. */
  label: number;
  /** What the few-shot classifier says. */
  guess: { label: number; probability: number; fitted: boolean } | null;
}

/** All that the page shows. */
export interface Page {
  items: Item[];
  classes: string[];
  /** The class that a click gives; null when a click shows neighbours. */
  active: number | null;
  /** The image whose neighbours are shown. */
  selected: number | null;
  shots: number | "all";
  zDim: number;
  changed(): void;
}

const SIDE = 96;

/** A small picture of it as a data URL. */
export function thumbnail({ data, width, height }: Pixels): string {
  const full = document.createElement("canvas");
  Object.assign(full, { width, height });
  const image = new ImageData(width, height);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    image.data.set(data.subarray(from, from + 3), to);
    image.data[to + 3] = 255;
  }
  full.getContext("2d")!.putImageData(image, 0, 0);
  const scale = SIDE / Math.max(width, height);
  const small = document.createElement("canvas");
  small.width = Math.max(1, Math.round(width * scale));
  small.height = Math.max(1, Math.round(height * scale));
  const context = small.getContext("2d")!;
  // Tiny images are shown as the squares they are.
  context.imageSmoothingEnabled = scale < 1;
  context.imageSmoothingQuality = "high";
  context.drawImage(full, 0, 0, small.width, small.height);
  return small.toDataURL();
}

/** The class's number; it is added when it is new. */
export function classNumber(page: Page, name: string): number {
  const found = page.classes.indexOf(name);
  return found >= 0 ? found : page.classes.push(name) - 1;
}

export const labelled = (page: Page) => ({
  features: page.items.map(({ features }) => features!),
  labels: page.items.map(({ label }) => label),
  classes: page.classes,
});

/** Labelled images of each class. */
export function labelCounts(page: Page): number[] {
  const counts = page.classes.map(() => 0);
  for (const { label } of page.items) if (label >= 0) counts[label]!++;
  return counts;
}
