export { type CheckOptions, checkModels, type Finding } from "./check-model.ts";
export type { ArtifactInfo } from "./core/artifact.ts";
export { readArtifact } from "./core/artifact.ts";
export { type ErrorCode, HubError } from "./core/errors.ts";
export type { Job, ProgressEvent, WarningEvent, WorkEvent } from "./core/events.ts";
export type { RepresentationFor } from "./core/kinds.ts";
export type { Augmentation, ModelSpec, Representation, Transform } from "./core/spec.ts";
export type { EncodeOptions, Encoder } from "./encoder/encoder.ts";
export type { ImageInput, Preprocess } from "./encoder/preprocess.ts";
export type { TrainTransform } from "./encoder/train-transform.ts";
export type { BackendInfo, EngineName } from "./engine/engine.ts";
export {
  backend,
  type ConvertedModel,
  card,
  converted,
  fromCheckpoint,
  help,
  isModel,
  type LoadOptions,
  list,
  load,
  metadataDf,
  metadataDict,
  pack,
  preprocess,
  recommend,
  resultsDf,
  setDir,
  trainTransform,
  type VerifiedFile,
  verify,
} from "./hub.ts";
export { type CheckLinksOptions, checkLinks, type ModelLinks } from "./links.ts";
export {
  type ConvertFileOptions,
  convertFile as convert,
  type ModelName,
  type PullOptions,
  pull,
  resolveName,
  type VariantOptions,
} from "./load.ts";
export { type MakeMirrorOptions, type Mirrored, mirror } from "./mirror.ts";
export { type NewModel, type NewModelOptions, newModel } from "./new-model.ts";
export { type ArchitectureInfo, architectures, type OwnOptions } from "./own.ts";
export { type CacheEntry, cacheUsage, removeEntry } from "./store/usage.ts";
export type { CardData } from "./tables/card.ts";
export { type ListFilter, matchNames } from "./tables/filter.ts";
export type { Recommendation, RecommendedModel, RecommendQuestion } from "./tables/recommend.ts";
