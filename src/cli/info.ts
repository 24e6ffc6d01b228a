import * as hub from "../index.ts";
import type { Command } from "./command.ts";

export const info: Command = {
  usage: "info <name>",
  summary: "Show a model's card: what it is, results, licence, preprocessing, citation, errata",
  options: [],
  examples: ["ssl-hub info dino_rn50", "ssl-hub info dino_rn50 --json | jq .results"],
  async run([name], _options, { json, print }) {
    const model = hub.resolveName(name as string);
    print(json ? JSON.stringify(hub.card(model)) : hub.help(model));
  },
};
