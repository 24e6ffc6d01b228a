import type { ListFilter } from "../index.ts";

type Conditions = Exclude<ListFilter, string>;
type Condition = Conditions[string];

/**
 * Reads `COLUMN=VALUE`, `COLUMN=A,B`, `COLUMN<=N` and `COLUMN>=N` as a filter; both bounds of one column add up.
 * @throws TypeError naming the condition that is none of these.
 */
export function conditions(texts: readonly string[]): Conditions {
  const filter: Record<string, Condition> = {};
  for (const text of texts) {
    const match = /^([^<>=]+)(<=|>=|=)(.*)$/.exec(text);
    if (match === null) throw new TypeError(`--where takes COLUMN=VALUE, COLUMN<=N or COLUMN>=N, not ${text}.`);
    const [, column, sign, value] = match as unknown as [string, string, string, string];
    filter[column] =
      sign === "="
        ? equalTo(value)
        : { ...(filter[column] as object), [sign === "<=" ? "max" : "min"]: bound(value, text) };
  }
  return filter;
}

function equalTo(value: string): Condition {
  const parts = value.split(",").map(scalar);
  return parts.length === 1 ? parts[0]! : parts;
}

const WORDS: Record<string, boolean | null> = { true: true, false: false, null: null };

/** Numbers, true, false and null as such; all else is text. */
function scalar(text: string): string | number | boolean | null {
  if (text in WORDS) return WORDS[text]!;
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function bound(value: string, text: string): number {
  const number = Number(value);
  if (value === "" || Number.isNaN(number)) throw new TypeError(`--where ${text}: ${value || "nothing"} is no number.`);
  return number;
}
