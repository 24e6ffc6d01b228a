import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { HubError } from "./errors.ts";

/**
 * Path of a file or folder shipped under `assets/`, found from the source tree and from `dist/` (which mirrors it, one
 * level deeper) alike.
 * @throws HubError `DISK` when the package is incomplete.
 */
export function assetPath(name: string): string {
  const candidates = ["../../assets/", "../../../assets/"].map((folder) =>
    fileURLToPath(new URL(folder + name, import.meta.url)),
  );
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new HubError(
    "DISK",
    `Cannot find the bundled asset ${name}: the package is incomplete. Install ssl-hub again.`,
    {
      details: { candidates },
    },
  );
}
