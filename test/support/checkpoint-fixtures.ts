import { fileURLToPath } from "node:url";

/** Path of a checkpoint that `scripts/make_checkpoints.py` made with PyTorch. */
export const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/checkpoints/${name}`, import.meta.url));
