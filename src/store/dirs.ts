import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { HubError, messageOf } from "../core/errors.ts";

/** The folders of the cache, absolute. */
export interface CacheDirs {
  root: string;
  /** Downloaded files: `<8 hex of url>-<file name>`, each with a `.json` beside it. */
  checkpoints: string;
  /** Downloads that did not finish. */
  partial: string;
  /** Converted models: `<name>/<fingerprint>/`. */
  models: string;
  features: string;
  /** Staging, on the same file system as the rest. */
  tmp: string;
  locks: string;
}

let chosen: string | undefined;

/** Puts the cache into `dir` for this process, whatever the environment says. */
export function setDir(dir: string): void {
  if (typeof dir !== "string" || dir === "") throw new TypeError("setDir takes the path of a folder.");
  chosen = resolve(dir);
}

/** Where the cache is: what {@link setDir} said, else `SSL_HUB_DIR`, else `$XDG_CACHE_HOME/ssl-hub`, else `~/.cache/ssl-hub`. */
export function cacheDirs(env: NodeJS.ProcessEnv = process.env): CacheDirs {
  const root = chosen ?? (env.SSL_HUB_DIR ? resolve(env.SSL_HUB_DIR) : join(userCache(env), "ssl-hub"));
  return {
    root,
    checkpoints: join(root, "checkpoints"),
    partial: join(root, "partial"),
    models: join(root, "models"),
    features: join(root, "features"),
    tmp: join(root, "tmp"),
    locks: join(root, "locks"),
  };
}

/** As {@link cacheDirs}, and makes them. */
export async function ensureDirs(): Promise<CacheDirs> {
  const dirs = cacheDirs();
  try {
    await Promise.all(Object.values(dirs).map((dir) => mkdir(dir, { recursive: true })));
    await writeFile(join(dirs.root, "CACHEDIR.TAG"), CACHEDIR_TAG, { flag: "wx" }).catch((error) => {
      if (error.code !== "EEXIST") throw error;
    });
  } catch (cause) {
    const message = `Cannot make the cache in ${dirs.root}: ${messageOf(cause)}. Set SSL_HUB_DIR to a folder you can write.`;
    throw new HubError("DISK", message, { details: { path: dirs.root }, cause });
  }
  return dirs;
}

/** The specification has relative paths ignored. */
const userCache = ({ XDG_CACHE_HOME: xdg }: NodeJS.ProcessEnv): string =>
  xdg && isAbsolute(xdg) ? xdg : join(homedir(), ".cache");

/** Tells backup tools to skip the folder; the first line is fixed by https://bford.info/cachedir/. */
const CACHEDIR_TAG = `Signature: 8a477f597d28d172789f06886806bc55
# Cache of ssl-hub: downloaded checkpoints and converted models. Everything here can be had again.
`;
