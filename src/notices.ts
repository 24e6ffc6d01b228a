import type { Job, WarningEvent } from "./core/events.ts";
import { isNonCommercial, loadErrata, metadataOf } from "./tables/metadata.ts";

/** SPDX identifier of a model's weights; null when there are none to license. */
export const licenseOf = (name: string): string | null => metadataOf(name)?.meta.license ?? null;

/** Tells, when a model is made, that its weights must not be used commercially. */
export function warnLicense(name: string, job: Job): void {
  const license = licenseOf(name);
  if (isNonCommercial(license))
    tell(job, "LICENSE", `${name}: the weights are under ${license}, not for commercial use.`);
}

/** Tells, at every load, that what loads is not what the name says. */
export function warnErrata(name: string, job: Job): void {
  for (const { id, text } of loadErrata(name)) tell(job, "ERRATUM", `${name}, erratum ${id}: ${text}`);
}

/** Tells what was guessed of a caller's own file. */
export const tellGuess = (message: string, job: Job): void => tell(job, "GUESS", message);

const told = new Set<string>();

/** To the caller's `onProgress`; without one as a warning of Node's own, once a process, so that it is never lost. */
function tell({ onProgress }: Job, code: WarningEvent["code"], message: string): void {
  if (onProgress !== undefined) {
    onProgress({ stage: "warning", code, message });
  } else if (!told.has(message)) {
    told.add(message);
    process.emitWarning(message, { type: "SslHubWarning", code });
  }
}
