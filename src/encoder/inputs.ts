import type { Augmentation } from "../core/spec.ts";
import type { ImageInput, RawImage } from "../images/input.ts";

export type { ImageInput, RawImage };

/** Gets the bytes behind an http(s) URL. */
export type FetchImage = (url: URL, signal?: AbortSignal) => Promise<Uint8Array>;

/** What is done to an image in place of an encoder's preprocessing, with draws from the generator of this seed and stream. */
export interface View {
  steps: readonly Augmentation[];
  seed: number;
  stream: string;
}

/** A random view of an image. */
export type ViewInput = View & { of: ImageInput };

/** What an encoder takes. */
export type EncoderInput = ImageInput | ViewInput;

export const isView = (input: EncoderInput): input is ViewInput =>
  typeof input === "object" && "of" in input && "stream" in input;

/** An image that any thread can decode, and what to call it in messages. */
export interface LocalImage {
  image: string | Uint8Array | RawImage;
  name: string;
  view?: View;
}

/**
 * Brings an image where a worker can reach it: tensors are read, http(s) URLs fetched; paths stay paths.
 * @param index names images that have no name.
 * @throws HubError `IMAGE` when a tensor is not an image or a URL cannot be fetched here.
 */
export async function localImage(
  input: EncoderInput,
  index: number,
  fetchImage?: FetchImage,
  signal?: AbortSignal,
): Promise<LocalImage> {
  if (isView(input)) {
    const { of, ...view } = input;
    return { ...(await localImage(of, index, fetchImage, signal)), view };
  }
  if (typeof input === "string" || input instanceof URL) {
    const name = String(input);
    const remote = fetchImage !== undefined && /^https?:/i.test(name);
    return { image: remote ? await fetchImage(new URL(name), signal) : name, name };
  }
  const name = `image ${index}`;
  if (typeof input === "object" && input !== null && "shape" in input) {
    const { decode } = await import("../images/decode.ts");
    return { image: await decode(input, { name, signal }), name };
  }
  return { image: input, name };
}
