import { type ErrorCode, HubError } from "../core/errors.ts";
import { type Rng, rng } from "../core/rng.ts";
import type { Augmentation } from "../core/spec.ts";
import type { LocalImage } from "./inputs.ts";

/** An image, or the error that getting it ended in. */
export type Slot = LocalImage | { fault: Fault };

/** A {@link HubError} as plain data: a class does not survive the way between threads. */
export interface Fault {
  code: ErrorCode;
  message: string;
  details: Record<string, unknown>;
}

/** Images after the pipeline, stacked; rows of images that failed are absent. */
export interface Prepared {
  /** `[rows * side * side * 3]` */
  data: Float32Array;
  rows: number;
  side: number;
  /** `index` is the position within this batch. */
  faults: { index: number; fault: Fault }[];
}

/** As many as libuv has threads: more would only hold more decoded images at a time. */
const DECODES_AT_ONCE = 4;

/**
 * Decodes and transforms a batch. An image's error stays with the image.
 * @param side expected side of every image in pixels; undefined: that of the first.
 * @param random what the augmentations of the image at an index draw from.
 */
export async function prepareBatch(
  slots: readonly Slot[],
  steps: readonly Augmentation[],
  side?: number,
  signal?: AbortSignal,
  random?: (index: number) => Rng,
): Promise<Prepared> {
  const images: (Float32Array | undefined)[] = new Array(slots.length);
  const faults: Prepared["faults"] = [];
  let expected = side ?? sideOf(steps);
  await eachOf(slots, async (slot, index) => {
    signal?.throwIfAborted();
    try {
      if ("fault" in slot) throw revive(slot.fault);
      const image = await prepareImage(slot, steps, signal, random?.(index));
      expected ??= image.side;
      if (image.side !== expected) {
        throw new HubError(
          "IMAGE",
          `Cannot use ${slot.name}: after preprocessing it is not ${expected} x ${expected} pixels. Crop it first.`,
          { details: { name: slot.name } },
        );
      }
      images[index] = image.data;
    } catch (error) {
      signal?.throwIfAborted();
      faults.push({ index, fault: faultOf(error) });
    }
  });
  faults.sort((a, b) => a.index - b.index);
  return { ...stack(images, expected ?? 0), side: expected ?? 0, faults };
}

/** One image through the pipeline, or its own; `side` is undefined when the result is not square. */
export async function prepareImage(
  { image, name, view }: LocalImage,
  pipeline: readonly Augmentation[],
  signal?: AbortSignal,
  random?: Rng,
): Promise<{ data: Float32Array; side: number | undefined }> {
  const { decode } = await import("../images/decode.ts");
  const { applyTransforms } = await import("../images/transforms.ts");
  const pixels = await decode(image, { name, signal });
  const steps = view?.steps ?? pipeline;
  const data = applyTransforms(pixels, steps, view === undefined ? random : rng(view.seed, view.stream));
  const side = sideOf(steps) ?? (pixels.width === pixels.height ? pixels.width : undefined);
  return { data, side: data.length === (side ?? 0) ** 2 * 3 ? side : undefined };
}

/** Side of what a pipeline gives, when it fixes one. */
export function sideOf(steps: readonly Augmentation[]): number | undefined {
  return steps.reduce<number | undefined>((side, step) => ("size" in step ? step.size : side), undefined);
}

/** Only what is known to be the image's fault is held back; the rest is ours and ends the batch. */
export function faultOf(error: unknown): Fault {
  if (!(error instanceof HubError)) throw error;
  return { code: error.code, message: error.message, details: { ...error.details } };
}

export function revive({ code, message, details }: Fault): HubError {
  return new HubError(code, message, { details });
}

function stack(images: readonly (Float32Array | undefined)[], side: number): { data: Float32Array; rows: number } {
  const present = images.filter((image) => image !== undefined);
  const data = new Float32Array(present.length * side * side * 3);
  let offset = 0;
  for (const image of present) {
    data.set(image, offset);
    offset += image.length;
  }
  return { data, rows: present.length };
}

/** Runs `work` on every item, a few at a time; the first failure ends it. */
export async function eachOf<T>(items: readonly T[], work: (item: T, index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < items.length; i = next++) await work(items[i]!, i);
  };
  await Promise.all(Array.from({ length: Math.min(DECODES_AT_ONCE, items.length) }, lane));
}
