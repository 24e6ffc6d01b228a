import { conditions } from "../../src/cli/where.ts";
import { cellTest, namePattern } from "../../src/tables/condition.ts";
import type { Cell } from "../../src/tables/fields.ts";
import type { Model, Row } from "./data.ts";
import type { State } from "./state.ts";

type Test = (row: Row) => boolean;

/**
 * The models that the state's filters let pass, in its order.
 * @throws TypeError when the conditions cannot be read, or name a column that is not there.
 */
export function selectModels(models: readonly Model[], state: State): Model[] {
  const tests = [words(state.q), ...whereTests(state.where, models[0]!.row)];
  for (const [column, value] of Object.entries(state.facets)) {
    if (value) tests.push((row) => String(row[column] ?? "none") === value);
  }
  if (state.measured) tests.push((row) => row.train_test !== null);
  if (state.own) tests.push((row) => row.measures_another !== true);
  return sorted(
    models.filter(({ row }) => tests.every((test) => test(row))),
    state.sort,
  );
}

const SEARCHED = ["name", "objective", "architecture_exact", "pretraining_data", "ssl_mode"];

function words(query: string): Test {
  const text = query.trim();
  if (/[*?]/.test(text)) {
    const matches = namePattern(text);
    return (row) => matches(row.name);
  }
  const wanted = text.toLowerCase().split(/\s+/);
  return (row) => {
    const all = SEARCHED.map((column) => row[column] ?? "")
      .join(" ")
      .toLowerCase();
    return wanted.every((word) => all.includes(word));
  };
}

/** Conditions stand apart by spaces; a value may have spaces too, so a new one begins where an operator follows. */
function whereTests(text: string, sample: Row): Test[] {
  const parts = text
    .trim()
    .split(/\s+(?=[^\s<>=]+(?:<=|>=|=))/)
    .filter(Boolean);
  let filter: ReturnType<typeof conditions>;
  try {
    filter = conditions(parts);
  } catch (error) {
    throw new TypeError((error as Error).message.replace(/^--where takes/, "A condition is").replace(/^--where /, ""));
  }
  return Object.entries(filter).map(([column, condition]) => {
    if (!(column in sample)) throw new TypeError(`There is no column ${column}.`);
    const holds = cellTest(column, condition);
    return (row: Row) => holds(row[column] ?? null);
  });
}

/** By the column that `sort` names, unknown values last either way, then by name. */
function sorted(models: readonly Model[], sort: string): Model[] {
  const column = sort.replace(/^-/, "");
  const sign = sort.startsWith("-") ? -1 : 1;
  return models.toSorted((a, b) => {
    const [x, y] = [sortable(a.row[column]), sortable(b.row[column])];
    if (x === null || y === null) return Number(x === null) - Number(y === null) || byName(a, b);
    const order = typeof x === "string" && typeof y === "string" ? x.localeCompare(y, "en") : Number(x) - Number(y);
    return sign * order || byName(a, b);
  });
}

const byName = (a: Model, b: Model) => a.row.name.localeCompare(b.row.name, "en");

function sortable(cell: Cell | undefined): string | number | null {
  if (cell === null || cell === undefined) return null;
  return typeof cell === "number" || typeof cell === "boolean" ? Number(cell) : String(cell);
}
