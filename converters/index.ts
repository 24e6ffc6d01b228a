export { type CheckpointFile, type ConvertOptions, convertCheckpoint } from "./convert.ts";
export { joinSources } from "./join.ts";
export { withRules } from "./rules.ts";
export { type DType, openCheckpoint, type TensorSource } from "./source.ts";
