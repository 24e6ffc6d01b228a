import * as hub from "../index.ts";
import { type Command, textOption } from "./command.ts";
import { halfLine, VARIANT_OPTIONS, variantOptions } from "./variant.ts";

export const convert: Command = {
  usage: "convert <file>",
  summary: "Convert a checkpoint file in the official layout of a model to a TF.js folder",
  options: [
    ["--model <name>", "the model whose layout the file has (required)"],
    ["--out <dir>", "the folder to write (required)"],
    ["--component <file>", "a second file the model needs (lossyless: CLIP's); downloaded if not given"],
    ["--force", "replace the folder when it exists"],
    ...VARIANT_OPTIONS,
  ],
  examples: [
    "ssl-hub convert moco_v2_800ep_pretrain.pth.tar --model mocov2_rn50_ep800 --out mocov2",
    "ssl-hub convert RN50.pt --model clip_rn50 --representation map --out clip-maps",
  ],
  async run([file], options, { json, job, print }) {
    const [model, out] = [textOption(options, "model"), textOption(options, "out")];
    if (model === undefined || out === undefined) throw new TypeError("convert needs --model NAME and --out DIR.");
    const component = textOption(options, "component");
    const components = component === undefined ? undefined : [component];
    const force = options.force === true;
    const folder = await hub.convert(file as string, {
      model,
      components,
      out,
      force,
      ...variantOptions(options),
      ...job,
    });
    const info = await hub.readArtifact(folder);
    if (json) return print(JSON.stringify({ folder, ...info }));
    print(
      `${folder}: ${info.name}, ${info.z_dim} features, ${info.n_parameters} parameters, fingerprint ${info.fingerprint}`,
    );
    if (info.dtype === "float16") print(halfLine(info));
  },
};
