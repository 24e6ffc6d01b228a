import type { ModelSpec } from "./spec.ts";

/** A registry line: gives the model's specification, importing its family file only when called. */
export type SpecLoader = () => Promise<ModelSpec>;

/**
 * Makes the lines of one family lazy and type-checks their arguments against the family file:
 *
 * ```ts
 * const dino = family(() => import("./hub/dino.ts"));
 * export const dino_rn50 = dino("resnet50", "avgpool");
 * ```
 */
export function family<A extends unknown[]>(load: () => Promise<{ default: (...args: A) => ModelSpec }>) {
  return (...args: A): SpecLoader =>
    async () =>
      (await load()).default(...args);
}
