import * as hub from "../index.ts";
import { type Command, textOption } from "./command.ts";
import { bytes, table } from "./print.ts";
import { VARIANT_OPTIONS, variantOptions } from "./variant.ts";

export const mirror: Command = {
  usage: "mirror [names...]",
  summary: "Build a static mirror of converted models that any web host or bucket can serve",
  options: [
    ["--out <dir>", "the folder of the mirror; after a kill it goes on there (required)"],
    ["--include-restricted", "take models, too, whose licence does not let everybody pass them on"],
    ...VARIANT_OPTIONS,
  ],
  examples: [
    "ssl-hub mirror --out mirror dino_rn50 dino_vitS16",
    "ssl-hub mirror --out mirror dino_vitS16 --dtype float16   # beside the plain one, as dino_vitS16.float16",
    "ssl-hub mirror --out mirror                       # all models that are downloaded: hundreds of GB of originals",
    "SSL_HUB_MIRROR=https://my.host/mirror ssl-hub pull dino_rn50",
  ],
  async run([names], options, { json, job, print }) {
    const out = textOption(options, "out");
    if (out === undefined) throw new TypeError("mirror needs --out DIR.");
    const results = await hub.mirror(names as string[], {
      out,
      includeRestricted: options.includeRestricted === true,
      ...variantOptions(options),
      ...job,
    });
    const of = (state: hub.Mirrored["state"]) => results.filter((result) => result.state === state);
    if (json) print(JSON.stringify(results));
    else {
      print(
        table(results, [
          { title: "model", value: ({ archive }) => archive },
          { title: "state", value: ({ state }) => state },
          { title: "licence", value: ({ license }) => license },
          { title: "size", value: (row) => (row.bytes === null ? null : bytes(row.bytes)), align: "right" },
          { title: "sha256", value: ({ sha256 }) => sha256?.slice(0, 16) },
          { title: "why", value: ({ reason }) => reason?.split("\n")[0] ?? "" },
        ]),
      );
      const counts = (["made", "kept", "restricted", "skipped", "failed"] as const).map(
        (state) => `${of(state).length} ${state}`,
      );
      print(`\n${out}: ${counts.join(", ")}.`);
      if (of("restricted").length > 0) {
        print(
          "Restricted by their licence: --include-restricted takes them, if you have the right or serve only yourself.",
        );
      }
    }
    const failed = of("failed");
    if (failed.length > 0) {
      throw new hub.HubError("DOWNLOAD", `${failed.length} of ${results.length} models could not be made.`, {
        details: { names: failed.map(({ name }) => name) },
      });
    }
  },
};
