import type { Rng } from "../../core/rng.ts";

/** What a hyper-parameter may be. */
export type Dimension =
  | { kind: "uniform"; low: number; high: number }
  /** The logarithm is uniform; `low` > 0. */
  | { kind: "log-uniform"; low: number; high: number }
  /** Whole numbers, both ends included. */
  | { kind: "integer"; low: number; high: number }
  /** 2 to the power of a whole number, `low` and `high` included: `{ low: 9, high: 12 }` are 512 to 4096. */
  | { kind: "power-of-2"; low: number; high: number }
  | { kind: "choice"; values: readonly Value[] };

export type Value = number | string | boolean;

/** Hyper-parameters by their names. */
export type Space = Readonly<Record<string, Dimension>>;

/** One point of a space. */
export type Parameters = Readonly<Record<string, Value>>;

/** A numeric dimension as its sampler sees it: an interval, of whole numbers or of all. */
export interface Interval {
  low: number;
  high: number;
  whole: boolean;
}

/** @throws TypeError naming the first dimension that holds nothing. */
export function checkSpace(space: Space): void {
  for (const [name, dimension] of Object.entries(space)) {
    const wrong = (found: string) => new TypeError(`The search space's ${name} ${found}.`);
    if (dimension.kind === "choice") {
      if (dimension.values.length === 0) throw wrong("has no values");
      continue;
    }
    const { kind, low, high } = dimension;
    if (!(low < high && Number.isFinite(high - low))) throw wrong(`goes from ${low} to ${high}`);
    if (kind === "log-uniform" && !(low > 0)) throw wrong(`is log-uniform from ${low}, need a number > 0`);
    const whole = Number.isInteger(low) && Number.isInteger(high);
    if ((kind === "integer" || kind === "power-of-2") && !whole)
      throw wrong(`goes from ${low} to ${high}, need integers`);
  }
}

/** @throws TypeError when a value is missing, or is none of the dimension's. */
export function checkParameters(space: Space, parameters: Parameters, name: string): void {
  for (const [key, dimension] of Object.entries(space)) {
    const value = parameters[key];
    const inside =
      dimension.kind === "choice"
        ? dimension.values.includes(value as Value)
        : typeof value === "number" && within(intervalOf(dimension), encoded(dimension, value));
    if (!inside) throw new TypeError(`The recipe ${name}: ${key} is ${value}, which is not in the search space.`);
  }
}

const within = ({ low, high, whole }: Interval, u: number) =>
  u >= low - 1e-12 && u <= high + 1e-12 && (!whole || Number.isInteger(u));

/** The interval on which a dimension is uniform. */
export function intervalOf(dimension: Exclude<Dimension, { kind: "choice" }>): Interval {
  const { kind, low, high } = dimension;
  return kind === "log-uniform"
    ? { low: Math.log(low), high: Math.log(high), whole: false }
    : { low, high, whole: kind !== "uniform" };
}

/** A value on that interval; of a choice its number. */
export function encoded(dimension: Dimension, value: Value): number {
  if (dimension.kind === "choice") return dimension.values.indexOf(value);
  if (dimension.kind === "log-uniform") return Math.log(value as number);
  return dimension.kind === "power-of-2" ? Math.log2(value as number) : (value as number);
}

/** The value of a point of that interval. */
export function decoded(dimension: Dimension, u: number): Value {
  if (dimension.kind === "choice") return dimension.values[u]!;
  if (dimension.kind === "power-of-2") return 2 ** u;
  if (dimension.kind !== "log-uniform") return u;
  return Math.min(dimension.high, Math.max(dimension.low, Math.exp(u)));
}

/** Each hyper-parameter by itself, uniform on its interval. */
export function drawUniform(space: Space, draw: Rng): Parameters {
  return mapSpace(space, (dimension) => {
    if (dimension.kind === "choice") return dimension.values[draw.integer(dimension.values.length)]!;
    const { low, high, whole } = intervalOf(dimension);
    return decoded(dimension, whole ? low + draw.integer(high - low + 1) : low + (high - low) * draw.uniform());
  });
}

export function mapSpace(space: Space, of: (dimension: Dimension, name: string) => Value): Parameters {
  return Object.fromEntries(Object.entries(space).map(([name, dimension]) => [name, of(dimension, name)]));
}
