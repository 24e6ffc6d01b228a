import type { Encoder } from "../encoder/encoder.ts";
import type { Dataset } from "./dataset.ts";
import { type FeaturizeOptions, featurizeData } from "./featurize.ts";
import type { FeatureSet } from "./types.ts";
import type { Outline } from "./validate.ts";

/** Images, or features of them that are there already. */
export type Input = Dataset | FeatureSet;

export function isFeatures(data: object): data is FeatureSet {
  return "rows" in data;
}

/** What is known of an input before an image is read. */
export function outline(data: Input): Outline {
  return isFeatures(data) ? data : { n: data.length, classes: data.classes, labels: data.labels() };
}

/** Refuses images without an encoder for them. @throws TypeError. */
export function needEncoder(caller: string, model: Encoder | null, inputs: Record<string, Input>): void {
  for (const [name, data] of Object.entries(inputs)) {
    if (model !== null || isFeatures(data)) continue;
    throw new TypeError(`${caller}: ${name} holds images, so an encoder is needed for it`);
  }
}

/** Features of an input, made by the encoder when it holds images. */
export async function featuresOf(model: Encoder | null, data: Input, options: FeaturizeOptions): Promise<FeatureSet> {
  if (isFeatures(data)) return data;
  const { dir, batchSize, threads, onError, signal, onProgress } = options;
  return featurizeData(model!, data, { dir, batchSize, threads, onError, signal, onProgress });
}
