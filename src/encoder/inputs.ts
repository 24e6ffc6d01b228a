import type { ImageInput, RawImage } from "../images/input.ts";

export type { ImageInput, RawImage };

/** Gets the bytes behind an http(s) URL. */
export type FetchImage = (url: URL, signal?: AbortSignal) => Promise<Uint8Array>;

/** An image that any thread can decode, and what to call it in messages. */
export interface LocalImage {
  image: string | Uint8Array | RawImage;
  name: string;
}

/**
 * Brings an image where a worker can reach it: tensors are read, http(s) URLs fetched; paths stay paths.
 * @param index names images that have no name.
 * @throws HubError `IMAGE` when a tensor is not an image or a URL cannot be fetched here.
 */
export async function localImage(
  input: ImageInput,
  index: number,
  fetchImage?: FetchImage,
  signal?: AbortSignal,
): Promise<LocalImage> {
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
