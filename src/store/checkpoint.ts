import type { Job } from "../core/events.ts";
import type { Checkpoint, KeyRule } from "../core/spec.ts";
import { download } from "./download.ts";

/** A checkpoint that lies in the cache, with the files it needs. */
export interface FetchedCheckpoint {
  path: string;
  url: string;
  /** 64 hex digits. */
  sha256: string;
  rules: KeyRule[];
  components: FetchedCheckpoint[];
}

/**
 * Downloads a checkpoint and its components, in this order, each from the cache if it is there.
 * @throws HubError as {@link download}, of whichever file cannot be had.
 */
export async function fetchCheckpoint(checkpoint: Checkpoint, job: Job = {}): Promise<FetchedCheckpoint> {
  const { path, url, sha256 } = await download(checkpoint, job);
  const components: FetchedCheckpoint[] = [];
  for (const component of checkpoint.components ?? []) components.push(await fetchCheckpoint(component, job));
  return { path, url, sha256, rules: checkpoint.rules, components };
}

/** Where a checkpoint came from, as an artifact states it. */
export function sourceOf({ url, sha256, components }: FetchedCheckpoint) {
  const others = components.map((file) => ({ url: file.url, sha256: file.sha256 }));
  return { url, sha256, ...(others.length > 0 && { components: others }) };
}
