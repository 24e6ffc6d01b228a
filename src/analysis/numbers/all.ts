import type { Study } from "../study.ts";
import { additive } from "./additive.ts";
import { controlledEffects } from "./controlled-effects.ts";
import { controlledPairs } from "./controlled-pairs.ts";
import { correlations } from "./correlations.ts";
import { alternatives, groups, official } from "./groups.ts";
import { bestModels, radars, rankings, trends } from "./models.ts";
import type { Numbers } from "./numbers.ts";
import { overview } from "./overview.ts";
import { scaling } from "./scaling.ts";

/** Groups of quantities that are computed together. */
const PARTS = {
  overview,
  radars,
  trends,
  rankings,
  bestModels,
  correlations,
  groups,
  official,
  scaling,
  controlledEffects,
  controlledPairs,
  additive,
  alternatives,
} satisfies Record<string, (study: Study) => Numbers>;

export type NumbersPart = keyof typeof PARTS;

/**
 * Quantities of the paper's figures and tables, by key. Errors are in percent unless the key says accuracy.
 * @param parts groups to compute; default all.
 */
export function computeNumbers(study: Study, parts = Object.keys(PARTS) as readonly NumbersPart[]): Numbers {
  return Object.assign({}, ...parts.map((part) => PARTS[part](study)));
}
