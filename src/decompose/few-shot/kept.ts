import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { HubError, messageOf } from "../../core/errors.ts";
import type { Job } from "../../core/events.ts";
import { writeFileAtomic } from "../../core/files.ts";
import { withLease } from "../../core/lease.ts";

/** What one draw of shots gave; errors in percent. */
export interface Draw {
  /** On test. */
  error: number;
  /** The C that was chosen. */
  C: number;
  /** On the validation images, at that C. */
  validation: number;
}

/** `few-shot-KEY.json` of a folder. */
interface DrawFile extends Draw {
  format: 1;
  key: string;
}

/**
 * The draw of this key as the folder has it, else as `make` gives it, which is kept there. Of several processes with one draw one
 * works, the others wait.
 * @throws HubError `DATA` when the file is damaged.
 */
export async function keptDraw(dir: string, key: string, make: () => Promise<Draw>, job: Job): Promise<Draw> {
  const path = join(dir, `few-shot-${key}.json`);
  const found = () => readDraw(path, key);
  const makeAndKeep = async () => {
    const draw = await make();
    const file: DrawFile = { format: 1, key, ...draw };
    await writeFileAtomic(path, `${JSON.stringify(file)}\n`);
    return draw;
  };
  return (await found()) ?? withLease(path, { lockDir: dir, name: `few-shot ${key}`, ...job }, found, makeAndKeep);
}

async function readDraw(path: string, key: string): Promise<Draw | undefined> {
  try {
    const file: DrawFile = JSON.parse(await readFile(path, "utf8"));
    if (file.format !== 1) throw new Error(`its format is ${file.format}, need 1`);
    if (file.key !== key) throw new Error(`it is of ${file.key}`);
    const { error, C, validation } = file;
    if (![error, C, validation].every(Number.isFinite)) throw new Error("it holds no errors");
    return { error, C, validation };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const found = `Cannot read the few-shot draw ${path}: ${messageOf(cause)}. Remove the file to draw anew.`;
    throw new HubError("DATA", found, { details: { path }, cause });
  }
}
