/** Quantities by the key under which `numbers.json` holds them. */
export type Numbers = Record<string, unknown>;
