import { join } from "node:path";
import type { Job } from "../../core/events.ts";
import { withLease } from "../../core/lease.ts";
import { type Kept, readKept, writeKept } from "../kept.ts";

/** What one draw of shots gave; errors in percent. */
export interface Draw {
  /** On test. */
  error: number;
  /** The C that was chosen. */
  C: number;
  /** On the validation images, at that C. */
  validation: number;
}

/**
 * The draw of this key as the folder has it (`few-shot-KEY.json`), else as `make` gives it, which is kept there. Of several processes
 * with one draw one works, the others wait.
 * @throws HubError `DATA` when the file is damaged.
 */
export async function keptDraw(dir: string, key: string, make: () => Promise<Draw>, job: Job): Promise<Draw> {
  const kept: Kept<Draw> = { path: join(dir, `few-shot-${key}.json`), key, what: "the few-shot draw", check };
  const makeAndKeep = async () => {
    const draw = await make();
    await writeKept(kept, { ...draw });
    return draw;
  };
  return withLease(kept.path, { lockDir: dir, name: `few-shot ${key}`, ...job }, () => readKept(kept), makeAndKeep);
}

function check({ error, C, validation }: Record<string, unknown>): Draw {
  if (![error, C, validation].every(Number.isFinite)) throw new Error("it holds no errors");
  return { error, C, validation } as Draw;
}
