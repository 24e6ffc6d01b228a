import { broken, checkSize, type Pixels, toRgb } from "./pixels.ts";

/** A TF.js tensor `[height, width, 3]`, by its shape: any version of TF.js will do. */
export interface Tensor3DLike {
  readonly shape: readonly number[];
  readonly dtype: string;
  data(): Promise<ArrayLike<number>>;
}

/** Pixels that are decoded already. `data` is row-major without padding, of 1 (grey), 3 (RGB) or 4 (RGBA) channels. */
export interface RawImage {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
}

/**
 * An image, as
 * - a string: the path of a file, or the text of an `http:`, `https:` or `file:` URL;
 * - a URL of these three;
 * - the bytes of an image file;
 * - decoded pixels, whose channels follow from the length of `data`; alpha is dropped, nothing is blended;
 * - a TF.js tensor `[height, width, 1 | 3 | 4]` of dtype `int32` or `float32` whose values are whole numbers 0..255
 *   (as `tf.browser.fromPixels` gives). Scaled or normalised tensors are refused.
 */
export type ImageInput = string | URL | Uint8Array | RawImage | Tensor3DLike;

/** Whether the input is decoded already. */
export function isDecoded(input: ImageInput): input is RawImage | Tensor3DLike {
  if (typeof input !== "object" || input === null || input instanceof URL || input instanceof Uint8Array) return false;
  return "width" in input || "shape" in input;
}

/**
 * Decoded pixels as RGB. Data that is RGB already is not copied.
 * @throws TypeError on a wrong dtype, shape or length.
 * @throws HubError `IMAGE` on a size beyond the limit or a value that is not a whole number 0..255.
 */
export async function fromDecoded(input: RawImage | Tensor3DLike): Promise<Pixels> {
  if ("shape" in input) return fromTensor(input);
  const { data, width, height } = input;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new TypeError("decode: the data of raw pixels must be a Uint8Array or Uint8ClampedArray");
  }
  checkSize(width, height);
  const channels = data.length / (width * height);
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new TypeError(
      `decode: ${data.length} bytes are not ${width} x ${height} pixels of 1, 3 or 4 channels (${channels} a pixel)`,
    );
  }
  return toRgb(new Uint8Array(data.buffer, data.byteOffset, data.length), width, height, channels);
}

async function fromTensor(tensor: Tensor3DLike): Promise<Pixels> {
  const [height = 0, width = 0, channels = 0] = tensor.shape;
  if (tensor.shape.length !== 3 || ![1, 3, 4].includes(channels)) {
    throw new TypeError(`decode: the tensor's shape is [${tensor.shape.join(", ")}], need [height, width, 3]`);
  }
  if (tensor.dtype !== "int32" && tensor.dtype !== "float32") {
    throw new TypeError(`decode: the tensor's dtype is ${tensor.dtype}, need int32 or float32`);
  }
  checkSize(width, height);
  const values = await tensor.data();
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < data.length; i++) {
    const value = values[i]!;
    data[i] = value;
    if (data[i] !== value) {
      throw broken(`value ${i} is ${value}; whole numbers 0..255 are needed (scale and round the tensor first)`);
    }
  }
  return toRgb(data, width, height, channels);
}
