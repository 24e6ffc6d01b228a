import type { ModelSpec } from "../src/core/spec.ts";
import { resnet50 } from "./architectures.ts";
import { evalCrop, IMAGENET } from "./transforms.ts";

/** InfoMin (Tian et al. 2020), from the PyContrast repository. Dropbox gives the file itself only with `dl=1`. */
const HOST = "https://www.dropbox.com/sh/87d24jqsl6ra7t2/";
const FILES = {
  infomin_200ep: "AACgeWc3nQ4P4zUh48KWqhxBa/InfoMin_200.pth?dl=1",
  infomin_800ep: "AAAzMTynP3Qc8mIE4XWkgILUa/InfoMin_800.pth?dl=1",
} as const;

export default function pycontrast(file: keyof typeof FILES): ModelSpec {
  const rules = [{ take: "model.module.encoder." }, { drop: /^fc\./ }];
  return {
    weights: { checkpoints: [{ url: HOST + FILES[file], rules }] },
    arch: resnet50(),
    representation: "avgpool",
    preprocess: evalCrop(256, 224, "bilinear", IMAGENET),
  };
}
