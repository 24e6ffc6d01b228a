import * as hub from "../index.ts";
import type { Command } from "./command.ts";
import { bytes, table } from "./print.ts";

/** Kinds of entries, each with an option of its name. */
const KINDS = ["checkpoints", "partial", "models", "features"] as const;

export const clean: Command = {
  usage: "clean [names...]",
  summary: "Show what the cache holds, and remove what is named",
  options: [
    ["--checkpoints", "remove downloaded originals; converted models stay"],
    ["--partial", "remove unfinished downloads"],
    ["--models", "remove converted models"],
    ["--features", "remove features"],
    ["--all", "remove everything"],
    ["--dry-run", "only say what would go"],
  ],
  examples: ["ssl-hub clean", "ssl-hub clean --checkpoints", "ssl-hub clean dino_rn50"],
  async run([args], options, { json, print }) {
    const names = (args as string[]).map((name) => name.toLowerCase());
    const wanted = (entry: hub.CacheEntry) =>
      options.all === true ||
      KINDS.some((kind) => options[kind] === true && entry.kind === kind) ||
      names.includes(entry.name.toLowerCase());
    const asked = options.all === true || KINDS.some((kind) => options[kind] === true) || names.length > 0;
    const entries = (await hub.cacheUsage()).filter((entry) => !asked || wanted(entry));
    if (asked && options.dryRun !== true) for (const entry of entries) await hub.removeEntry(entry);
    if (json) return print(JSON.stringify(entries));
    if (entries.length > 0) {
      print(
        table(entries, [
          { title: "kind", value: (row) => row.kind },
          { title: "name", value: (row) => row.name },
          { title: "size", value: (row) => bytes(row.bytes), align: "right" },
          { title: "path", value: (row) => row.path },
        ]),
      );
    }
    const total = bytes(entries.reduce((sum, entry) => sum + entry.bytes, 0));
    const did = !asked ? "In the cache" : options.dryRun === true ? "Would remove" : "Removed";
    print(`${did}: ${entries.length} entries, ${total}.`);
  },
};
