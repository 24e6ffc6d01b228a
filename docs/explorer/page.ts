import type { Kind, Model } from "./data.ts";
import { type State, toHash } from "./state.ts";

/** What a view gets: the models that pass the filters, and how to change the state. */
export interface Page {
  state: State;
  /** Models that pass the filters, in the order of the state. */
  models: readonly Model[];
  all: readonly Model[];
  byName: ReadonlyMap<string, Model>;
  kinds: ReadonlyMap<string, Kind>;
  /** Goes to the state changed so. `replace` leaves no step in the browser's history (for typing). */
  go(change: Partial<State>, how?: "replace"): void;
}

/** The address of the state changed so, for a link. */
export const linkTo = (page: Page, change: Partial<State>): string => toHash({ ...page.state, ...change });

/** The names without this one, or with it. */
export function toggled(names: readonly string[], name: string, on: boolean): string[] {
  const rest = names.filter((other) => other !== name);
  return on ? [...rest, name] : rest;
}
