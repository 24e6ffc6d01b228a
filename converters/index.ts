export { type ConvertOptions, convertCheckpoint } from "./convert.ts";
export { withRules } from "./rules.ts";
export { type DType, openCheckpoint, type TensorSource } from "./source.ts";
