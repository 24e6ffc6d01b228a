import { stat } from "node:fs/promises";
import { HubError } from "../core/errors.ts";
import type { Job } from "../core/events.ts";
import type { Dataset } from "./dataset.ts";
import { imageFolder } from "./datasets/image-folder.ts";
import { manifest } from "./datasets/manifest.ts";
import { webDataset } from "./datasets/web-dataset.ts";
import { type DigitsSplit, opticalDigits } from "./digits.ts";

/**
 * A data set by what its name says: a folder of class folders, a `.csv` or `.jsonl` manifest, `.tar` files joined by
 * commas, or the shipped `digits`, `digits:train`, `digits:test`.
 * @param options.classes class names in order, so that train and test number them alike.
 * @throws HubError `DATA` when it is none of these.
 */
export async function openDataset(name: string, options: { classes?: readonly string[] } & Job = {}): Promise<Dataset> {
  const digits = /^digits(?::(all|train|test))?$/.exec(name);
  if (digits !== null) return opticalDigits({ split: (digits[1] ?? "all") as DigitsSplit });
  if (/\.(csv|jsonl)$/i.test(name)) return manifest(name, options);
  if (/\.tar$/i.test(name)) return webDataset(name.split(","), options);
  const found = await stat(name).catch(() => undefined);
  if (found?.isDirectory()) return imageFolder(name, options);
  throw new HubError(
    "DATA",
    `Cannot open the data set ${name}: it is ${found === undefined ? "not there" : "a file of unknown kind"}. Give a folder ` +
      "of class folders, a .csv or .jsonl of path,label, WebDataset .tar files, or digits.",
    { details: { name } },
  );
}
