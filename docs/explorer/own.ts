import { messageOf } from "../../src/core/errors.ts";
import type { Cell } from "../../src/tables/fields.ts";
import { MOST_CHARACTERS, parseRuns, type Run } from "../../src/tables/runs.ts";
import { columnInfo, format, GROUPS, titleOf } from "./columns.ts";
import type { Kind, Model, Row } from "./data.ts";

/** A file of runs as it was given. */
export interface RunsFile {
  name: string;
  text: string;
}

declare global {
  interface Window {
    /** What `ssl-hub explore --runs` puts beside the page. */
    SSL_HUB_RUNS?: RunsFile[];
  }
}

const KEY = "ssl-hub-runs";

/** The user's own runs: in this page only, in the browser's storage when the user says so, and nowhere else. */
export class OwnRuns {
  files: RunsFile[] = [];
  kept = false;
  /** What is wrong with the files that were given last. */
  faults: string[] = [];

  /** Those that came with the page, and those that were kept here. A file that cannot be read is a fault, not an end. */
  constructor() {
    this.#take(window.SSL_HUB_RUNS ?? []);
    const stored = readStored();
    this.kept = stored !== null;
    this.#take(stored ?? []);
  }

  /** Takes files over those of the same name. */
  async add(given: readonly File[]): Promise<void> {
    this.faults = [];
    const read: RunsFile[] = [];
    for (const file of given) {
      if (file.size > MOST_CHARACTERS)
        this.faults.push(`${file.name} has ${(file.size / 1e6).toFixed(0)} MB, too many for runs.`); // biome-ignore format: a line
      else read.push({ name: file.name, text: await file.text() });
    }
    this.#take(read);
    this.#store();
  }

  remove(name: string): void {
    this.faults = [];
    this.files = this.files.filter((file) => file.name !== name);
    this.#store();
  }

  keep(on: boolean): void {
    this.kept = on;
    this.#store();
  }

  #take(given: readonly RunsFile[]): void {
    for (const file of given) {
      try {
        parseRuns(file.text, file.name);
        this.files = [...this.files.filter(({ name }) => name !== file.name), file];
      } catch (error) {
        this.faults.push(messageOf(error));
      }
    }
  }

  #store(): void {
    try {
      if (this.kept) localStorage.setItem(KEY, JSON.stringify(this.files));
      else localStorage.removeItem(KEY);
    } catch (error) {
      this.kept = false;
      this.faults.push(`This browser keeps nothing for this page (${messageOf(error)}).`);
    }
  }

  /** The runs as models beside the hub's, of whose columns theirs are; a run of a hub's model is described as that is. */
  models(hub: readonly Model[], kinds: ReadonlyMap<string, Kind>): Model[] {
    const byName = new Map(hub.map((model) => [model.row.name, model]));
    const found = new Map<string, { run: Run; files: string[] }>();
    for (const { name, text } of this.files) {
      for (const run of parseRuns(text, name)) {
        const before = found.get(run.model);
        const cells = { ...before?.run.cells, ...run.cells };
        found.set(run.model, { run: { model: run.model, cells }, files: [...(before?.files ?? []), name] });
      }
    }
    return [...found.values()].map(({ run, files }) => modelOf(run, files, byName.get(run.model), kinds));
  }
}

function readStored(): RunsFile[] | null {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    if (!Array.isArray(stored)) return null;
    return stored.filter((file) => typeof file?.name === "string" && typeof file?.text === "string");
  } catch {
    return null;
  }
}

const DESCRIBING = new Set<string>([GROUPS[1], GROUPS[2], GROUPS[3]]);

function modelOf(run: Run, files: string[], same: Model | undefined, kinds: ReadonlyMap<string, Kind>): Model {
  const cells: Record<string, Cell> = Object.fromEntries([...kinds.keys()].map((column) => [column, null]));
  for (const column of kinds.keys()) {
    if (same !== undefined && DESCRIBING.has(columnInfo(column).group)) cells[column] = same.row[column] ?? null;
  }
  // A comma parts names in the address.
  const name = `${run.model.replaceAll(",", ";")} (yours)`;
  const row = { ...cells, ...run.cells, name, whose: YOURS, errata: null, measures_another: null } as Row;
  const own = { model: run.model, files, hub: same === undefined ? null : same.row.name };
  const card: [string, string][] = [["Measured by", `you, in ${files.join(", ")}`]];
  for (const [column, cell] of Object.entries(run.cells)) {
    if (DESCRIBING.has(columnInfo(column).group)) card.push([titleOf(column), format(column, cell)]);
  }
  return { row, own, card: [...card, ...(same?.card.filter(([label]) => !label.startsWith("Erratum")) ?? [])] };
}

/** What the column `whose` says. */
export const YOURS = "yours";
export const PAPER = "paper";
/** How own runs are drawn: as in the figures of `ssl-hub analyze`. */
export const YOURS_COLOR = "#D55E00";
