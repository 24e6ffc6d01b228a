export { type DecodeOptions, decode } from "./decode.ts";
export type { ImageInput, RawImage, Tensor3DLike } from "./input.ts";
export { MAX_PIXELS, type Pixels } from "./pixels.ts";
export { type Filter, resize } from "./resample.ts";
export { applyTransforms, centerCrop, normalize, resizeShort } from "./transforms.ts";
