import * as hub from "../index.ts";
import { type Command, textOption } from "./command.ts";
import { bytes } from "./print.ts";

export const pull: Command = {
  usage: "pull <names...>",
  summary: "Download and convert models into the cache; --pack writes their mirror form",
  options: [
    ["--force", "download and convert again even when the cache holds the model"],
    ["--pack <dir>", "also write NAME.tar.gz and NAME.tar.gz.sha256 there, to be served as a mirror"],
  ],
  examples: [
    "ssl-hub pull dino_rn50",
    "ssl-hub pull dino_rn50 swav_rn50 --pack mirror/   # then: SSL_HUB_MIRROR=https://my.host/mirror",
  ],
  async run([names], options, { json, job, print }) {
    const pulled: Record<string, unknown>[] = [];
    for (const name of names as string[]) {
      const folder = await hub.pull(name, { forceReload: options.force === true, ...job });
      const pack = textOption(options, "pack");
      const packed = pack === undefined ? undefined : await hub.pack(name, pack, job);
      pulled.push({ name, folder, ...(packed === undefined ? {} : { packed }) });
      if (json) continue;
      print(folder);
      if (packed !== undefined) print(`${packed.path}  ${bytes(packed.bytes)}  sha256 ${packed.sha256}`);
    }
    if (json) print(JSON.stringify(pulled));
  },
};
