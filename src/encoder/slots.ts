import { eachOf, faultOf, type Slot } from "./batch.ts";
import { type EncoderInput, type FetchImage, localImage } from "./inputs.ts";

/** Brings a batch where any thread can decode it; what fails is kept in its place. `start` is the first one's index. */
export async function openSlots(
  inputs: readonly EncoderInput[],
  start: number,
  fetchImage?: FetchImage,
  signal?: AbortSignal,
): Promise<Slot[]> {
  const slots: Slot[] = new Array(inputs.length);
  await eachOf(inputs, async (input, i) => {
    signal?.throwIfAborted();
    try {
      slots[i] = await localImage(input, start + i, fetchImage, signal);
    } catch (error) {
      signal?.throwIfAborted();
      slots[i] = { fault: faultOf(error) };
    }
  });
  return slots;
}
