import type { Cell } from "./fields.ts";

/** What a cell may be compared with by itself. */
export type Scalar = string | number | boolean | null;
/** Bounds are inclusive. */
export interface Range {
  min?: number;
  max?: number;
}
export type Condition = Scalar | readonly Scalar[] | Range;

/** Whether a name fits: `*` and `?` are wildcards, and without any the text may stand anywhere. */
export function namePattern(pattern: string): (name: string) => boolean {
  const regex = wildcard(/[*?]/.test(pattern) ? pattern : `*${pattern}*`);
  return (name) => regex.test(name);
}

function wildcard(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "is");
}

/**
 * Whether a cell meets a condition; a cell that is a list does when any of its words does.
 * @throws TypeError when the condition is no value, list or range.
 */
export function cellTest(column: string, condition: Condition): (cell: Cell) => boolean {
  const single = testOne(column, condition);
  return (cell) => (Array.isArray(cell) ? cell.some(single) : single(cell));
}

function testOne(column: string, condition: Condition): (cell: Cell) => boolean {
  if (Array.isArray(condition)) {
    const any = (condition as readonly Scalar[]).map((one) => testOne(column, one));
    return (cell) => any.some((holds) => holds(cell));
  }
  if (typeof condition === "string") {
    const regex = wildcard(condition);
    return (cell) => cell !== null && regex.test(String(cell));
  }
  if (condition === null || typeof condition === "number" || typeof condition === "boolean") {
    return (cell) => cell === condition;
  }
  if (!isRange(condition)) throw new TypeError(`The condition on ${column} is not a value, a list or { min, max }.`);
  const { min = -Infinity, max = Infinity } = condition;
  return (cell) => typeof cell === "number" && cell >= min && cell <= max;
}

function isRange(value: unknown): value is Range {
  if (typeof value !== "object" || value === null) return false;
  const entries = Object.entries(value);
  return (
    entries.length > 0 &&
    entries.every(
      ([key, bound]) => (key === "min" || key === "max") && (bound === undefined || typeof bound === "number"),
    )
  );
}
