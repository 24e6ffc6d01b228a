import type { OwnOptions } from "../index.ts";
import { type Command, type Options, oneOf, textOption, wholeNumber } from "./command.ts";

/** Flags of the commands that read a file of which only the architecture is known. */
export const OWN_OPTIONS: Command["options"] = [
  ["--prefix <keys>", "with --arch: where the encoder's keys begin, as state_dict.module.encoder_q"],
  ["--resize <pixels>", "with --arch: shorter side of an image before the crop"],
  ["--interpolation <how>", "with --arch: bilinear or bicubic"],
  ["--mean <r,g,b>", "with --arch: subtracted from channels scaled to 0..1"],
  ["--std <r,g,b>", "with --arch: by which they are divided then"],
];

/** What those flags say. */
export function ownOptions(options: Options): Omit<OwnOptions, "arch" | "name" | "representation" | "imageSize"> {
  return {
    prefix: textOption(options, "prefix"),
    resize: wholeNumber(options, "resize"),
    interpolation: oneOf(options, "interpolation", ["bilinear", "bicubic"]),
    mean: channels(options, "mean"),
    std: channels(options, "std"),
  };
}

function channels(options: Options, name: "mean" | "std"): [number, number, number] | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  const values = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (values.length !== 3 || !values.every((value) => Number.isFinite(value) && (name === "mean" || value > 0))) {
    throw new TypeError(`--${name} takes three numbers, as 0.5,0.5,0.5, not ${text}.`);
  }
  return values as [number, number, number];
}
