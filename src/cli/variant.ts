import type * as hub from "../index.ts";
import { type Command, type Options, oneOf, textOption, wholeNumber } from "./command.ts";

/** Flags of the commands that convert. */
export const VARIANT_OPTIONS: Command["options"] = [
  [
    "--representation <name>",
    "another output of the encoder: cls, avg, 4xcls, tokens, map ... (a wrong one lists all)",
  ],
  ["--image-size <pixels>", "another input size; positions are resized, preprocessing follows"],
  ["--dtype <type>", "what weights are stored in: float32, or float16 for half the size"],
];

/** What those flags ask for. Which representations there are, the architecture says later. */
export function variantOptions(options: Options): hub.VariantOptions {
  return {
    representation: textOption(options, "representation") as hub.Representation | undefined,
    imageSize: wholeNumber(options, "imageSize"),
    dtype: oneOf(options, "dtype", ["float32", "float16"]),
  };
}

/** A line on what float16 costs. */
export function halfLine({ float16_error: error }: hub.ArtifactInfo): string {
  const cost = error == null ? "not measured: no engine here holds the model" : error.toExponential(1);
  return `float16: relative error of the features ${cost}`;
}
