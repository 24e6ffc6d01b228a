import { join } from "node:path";
import type { Kept } from "../kept.ts";
import type { Parameters } from "./space.ts";

/** A fit with some hyper-parameters, and its error on the validation rows. */
export interface Trial {
  /** 0, 1, ... in the order of the search. */
  trial: number;
  /** Name of the recipe it was; null of a point that was drawn. */
  recipe: string | null;
  parameters: Parameters;
  /** Share of the validation rows that are predicted wrongly, in percent. */
  error: number;
}

/** `tune-KEY.json` of a folder: the trials that are done, whole after each of them. */
export const keptTrials = (dir: string, key: string): Kept<Trial[]> => ({
  path: join(dir, `tune-${key}.json`),
  key,
  what: "the search",
  check({ trials }) {
    const done = trials as Trial[];
    if (!done.every((one, i) => one.trial === i && Number.isFinite(one.error)))
      throw new Error("its trials are not in order");
    return done;
  },
});
