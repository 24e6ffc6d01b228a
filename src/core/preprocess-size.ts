import type { Transform } from "./spec.ts";

/** An evaluation pipeline for inputs of `size` pixels: resize and crop keep their ratio, as timm's `crop_pct` does. */
export function atSize(steps: readonly Transform[], size: number): Transform[] {
  const crop = steps.find((step) => step.op === "centerCrop")?.size ?? size;
  return steps.map((step) => {
    if (step.op === "centerCrop") return { ...step, size };
    return step.op === "resize" ? { ...step, size: Math.round((step.size * size) / crop) } : step;
  });
}
