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

const PARTS = [overview, radars, trends, rankings, bestModels, correlations, groups, official, scaling, controlledEffects, controlledPairs, additive]; // biome-ignore format: one line

/** Every quantity of the paper's figures and tables, by key. Errors are in percent unless the key says accuracy. */
export function computeNumbers(study: Study): Numbers {
  return Object.assign({}, ...PARTS.map((part) => part(study)), alternatives());
}
