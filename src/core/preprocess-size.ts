import type { Augmentation } from "./spec.ts";

/** A pipeline for inputs of `from` pixels as one for `size`: resizes and crops keep their ratio, as timm's `crop_pct` does. */
export function atSize<T extends Augmentation>(steps: readonly T[], from: number, size: number): T[] {
  return steps.map((step) => ("size" in step ? { ...step, size: Math.round((step.size * size) / from) } : step));
}
