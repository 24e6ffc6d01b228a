import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The folder of goldens made with PyTorch, PIL and scikit-learn that developers have beside the repository. */
const SHARED = process.env.SSL_HUB_SHARED ?? fileURLToPath(new URL("../../../shared", import.meta.url));

/** Path of a file under the developers' goldens. */
export const shared = (path: string) => `${SHARED}/${path}`;

/** Whether the goldens are here; tests that need them say in their title that they are skipped without. */
export const hasShared = existsSync(shared("golden"));
