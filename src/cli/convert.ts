import * as hub from "../index.ts";
import { type Command, type Context, textOption } from "./command.ts";
import { OWN_OPTIONS, ownOptions } from "./own-options.ts";
import { table } from "./print.ts";
import { halfLine, VARIANT_OPTIONS, variantOptions } from "./variant.ts";

export const convert: Command = {
  usage: "convert [file]",
  summary: "Convert a checkpoint file of yours to a TF.js folder: of a model of the hub, or of a known architecture",
  options: [
    ["--model <name>", "the hub name whose official layout the file has"],
    ["--arch <name>", "or the architecture the file holds; what else is needed is guessed and told"],
    ["--list-archs", "list the architectures"],
    ["--out <dir>", "the folder to write (required)"],
    ...OWN_OPTIONS,
    ["--name <name>", "with --arch: what to call the model"],
    ["--component <file>", "a second file the model needs (lossyless: CLIP's); downloaded if not given"],
    ["--force", "replace the folder when it exists"],
    ...VARIANT_OPTIONS,
  ],
  examples: [
    "ssl-hub convert moco_v2_800ep_pretrain.pth.tar --model mocov2_rn50_ep800 --out mocov2",
    "ssl-hub convert RN50.pt --model clip_rn50 --representation map --out clip-maps",
    "ssl-hub convert run7/last.ckpt --arch vit_small_patch16 --out mine",
    "ssl-hub convert run7/last.ckpt --arch resnet50 --prefix state_dict.backbone --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5 --out mine",
    "ssl-hub convert --list-archs",
  ],
  async run([file], options, context) {
    if (options.listArchs === true) return listArchs(context);
    const { json, job, print } = context;
    const [model, arch, out] = ["model", "arch", "out"].map((name) => textOption(options, name));
    if (file === undefined || out === undefined || (model === undefined) === (arch === undefined)) {
      throw new TypeError(
        "convert needs FILE, --out DIR, and either --model NAME or --arch ARCHITECTURE (--list-archs).",
      );
    }
    const component = textOption(options, "component");
    const components = component === undefined ? undefined : [component];
    const guesses: string[] = [];
    const onProgress: typeof job.onProgress = (event) => {
      if (event.stage === "warning" && event.code === "GUESS") guesses.push(event.message);
      job.onProgress(event);
    };
    const about = {
      model,
      arch,
      components,
      out,
      force: options.force === true,
      ...ownOptions(options),
      name: textOption(options, "name"),
      ...variantOptions(options),
    };
    const folder = await hub.convert(file as string, { ...about, signal: job.signal, onProgress });
    const info = await hub.readArtifact(folder);
    if (json) return print(JSON.stringify({ folder, ...info, guesses }));
    print(
      `${folder}: ${info.name}, ${info.z_dim} features, ${info.n_parameters} parameters, fingerprint ${info.fingerprint}`,
    );
    if (info.dtype === "float16") print(halfLine(info));
  },
};

async function listArchs({ json, print }: Context): Promise<void> {
  const rows = await hub.architectures();
  if (json) return print(JSON.stringify(rows));
  print(
    table(rows, [
      { title: "architecture", value: ({ name }) => name },
      { title: "kind", value: ({ kind }) => kind },
      { title: "pixels", value: ({ image_size }) => image_size, align: "right" },
      { title: "z_dim", value: ({ z_dim }) => z_dim, align: "right" },
      { title: "params", value: ({ n_parameters }) => `${(n_parameters / 1e6).toFixed(1)}M`, align: "right" },
    ]),
  );
}
