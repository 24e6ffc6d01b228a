import { type Dataset, openDataset } from "../decompose/index.ts";
import * as hub from "../index.ts";
import { type Command, type Context, type Options, oneOf, textOption, wholeNumber } from "./command.ts";

const BACKENDS = ["auto", "tfjs-node-gpu", "tfjs-node", "webgpu", "wasm", "cpu"] as const;

/** Flags of the commands that compute features. */
export const ENCODER_OPTIONS: Command["options"] = [
  ["--threads <n>", "worker threads; default one a core"],
  ["--backend <name>", `engine: ${BACKENDS.join(", ")}`],
];

/** Loads an encoder on the engine that those flags ask for. */
export async function loadEncoder(
  name: string,
  options: Options,
  { job }: Pick<Context, "job">,
  variant: hub.VariantOptions = {},
): Promise<hub.Encoder> {
  const threads = wholeNumber(options, "threads");
  const backend = oneOf(options, "backend", BACKENDS);
  return (await hub.load(hub.resolveName(name), { backend, threads, ...variant, ...job }))[0];
}

/** The data sets of `--train` and `--test`, with the same classes. @throws TypeError when one was not given. */
export async function openPair(
  command: string,
  options: Options,
  { job }: Pick<Context, "job">,
): Promise<{ train: string; test: string; DTrain: Dataset; DTest: Dataset }> {
  const [train, test] = [textOption(options, "train"), textOption(options, "test")];
  if (train === undefined || test === undefined) throw new TypeError(`${command} needs --train DATA and --test DATA.`);
  const DTrain = await openDataset(train, job);
  const DTest = await openDataset(test, { classes: DTrain.classes, ...job });
  return { train, test, DTrain, DTest };
}
