import * as hub from "../index.ts";
import { type Command, textOption } from "./command.ts";
import { bytes } from "./print.ts";
import { halfLine, VARIANT_OPTIONS, variantOptions } from "./variant.ts";

export const pull: Command = {
  usage: "pull <names...>",
  summary: "Download and convert models into the cache; --pack writes their mirror form",
  options: [
    ["--force", "download and convert again even when the cache holds the model"],
    ["--pack <dir>", "also write NAME.tar.gz and NAME.tar.gz.sha256 there, to be served as a mirror"],
    ...VARIANT_OPTIONS,
  ],
  examples: [
    "ssl-hub pull dino_rn50",
    "ssl-hub pull dino_vitS16 --representation tokens --image-size 448 --dtype float16",
    "ssl-hub pull dino_rn50 swav_rn50 --pack mirror/   # then: SSL_HUB_MIRROR=https://my.host/mirror",
  ],
  async run([names], options, { json, job, print }) {
    const pack = textOption(options, "pack");
    const variant = variantOptions(options);
    const pulled: Record<string, unknown>[] = [];
    for (const name of names as string[]) {
      const folder = await hub.pull(name, { forceReload: options.force === true, ...variant, ...job });
      const info = await hub.readArtifact(folder);
      const packed = pack === undefined ? undefined : await hub.pack(name, pack, { ...variant, ...job });
      const { dtype, float16_error } = info;
      pulled.push({
        name,
        folder,
        ...(dtype === "float16" && { float16_error }),
        ...(packed === undefined ? {} : { packed }),
      });
      if (json) continue;
      print(folder);
      if (dtype === "float16") print(halfLine(info));
      if (packed !== undefined) print(`${packed.path}  ${bytes(packed.bytes)}  sha256 ${packed.sha256}`);
    }
    if (json) print(JSON.stringify(pulled));
  },
};
