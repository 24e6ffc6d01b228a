import * as hub from "../index.ts";
import type { Command } from "./command.ts";
import { halfLine } from "./variant.ts";

export const info: Command = {
  usage: "info <name>",
  summary:
    "Show a model's card: what it is, results, licence, preprocessing, citation, errata; and what the cache has of it",
  options: [],
  examples: ["ssl-hub info dino_rn50", "ssl-hub info dino_rn50 --json | jq .results"],
  async run([name], _options, { json, print }) {
    const model = hub.resolveName(name as string);
    const cached = await hub.converted(model);
    if (json) {
      const rows = cached.map(({ folder, info }) => {
        const { representation, image_size, dtype, float16_error = null } = info;
        return { folder, representation, image_size, dtype, float16_error };
      });
      return print(JSON.stringify({ ...hub.card(model), cached: rows }));
    }
    print(hub.help(model));
    if (cached.length > 0) print("\nIn the cache");
    for (const { folder, info } of cached) {
      print(`  ${info.representation}, ${info.image_size} pixels, ${info.dtype}: ${folder}`);
      if (info.dtype === "float16") print(`    ${halfLine(info)}`);
    }
  },
};
