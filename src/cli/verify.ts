import * as hub from "../index.ts";
import type { Command } from "./command.ts";
import { table } from "./print.ts";

export const verify: Command = {
  usage: "verify [names...]",
  summary: "Check the sizes and hashes of converted models in the cache (all when none is named)",
  options: [],
  examples: ["ssl-hub verify", "ssl-hub verify dino_rn50"],
  async run([names], _options, { json, job, print }) {
    const checked = await hub.verify(names as string[], job);
    const broken = checked.filter(({ ok }) => !ok);
    if (json) print(JSON.stringify(checked));
    else if (checked.length === 0) print("The cache holds no converted model.");
    else {
      print(
        table(checked, [
          { title: "model", value: (row) => row.name },
          { title: "file", value: (row) => row.file },
          { title: "state", value: (row) => (row.ok ? "ok" : row.reason) },
        ]),
      );
    }
    if (broken.length > 0) {
      const models = [...new Set(broken.map(({ name }) => name))];
      throw new hub.HubError(
        "HASH",
        `${broken.length} files are damaged. Run: ssl-hub pull --force ${models.join(" ")}`,
      );
    }
  },
};
