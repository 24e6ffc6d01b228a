import { readFileSync } from "node:fs";
import type { Fault } from "../../src/encoder/batch.ts";
import type { Encoder } from "../../src/encoder/encoder.ts";
import { attachPool, type EncoderPool } from "../../src/encoder/pool.ts";

/** Length of a fake feature vector. */
export const DIM = 3;

/** What the fake encoder makes of an image's bytes: their sum, their number, the first. */
export function fakeFeatures(bytes: Uint8Array): number[] {
  return [bytes.reduce((sum, byte) => sum + byte, 0), bytes.length, bytes[0] ?? -1];
}

/**
 * An encoder without a model, behind the real batching: features tell the image's bytes, and one that begins with "broken"
 * does not decode.
 * @param onBatch is called before each batch, with its number of images.
 */
export function fakeEncoder(o: { fingerprint?: string; onBatch?: (images: number) => unknown } = {}): Encoder {
  const encoder = {
    name: "fake",
    zDim: DIM,
    info: { fingerprint: o.fingerprint ?? "0123456789abcdef", preprocess: [] },
  } as unknown as Encoder;
  const run: EncoderPool["run"] = async (slots) => {
    await o.onBatch?.(slots.length);
    const faults: { index: number; fault: Fault }[] = [];
    const rows = slots.flatMap((slot, index) => {
      if ("fault" in slot) throw new Error(slot.fault.message);
      const { image, name } = slot;
      const bytes = typeof image === "string" ? readFileSync(image) : image instanceof Uint8Array ? image : image.data;
      if (!Buffer.from(bytes).toString("latin1").startsWith("broken")) return [fakeFeatures(Uint8Array.from(bytes))];
      faults.push({ index, fault: { code: "IMAGE", message: `Cannot decode ${name}: broken.`, details: { name } } });
      return [];
    });
    return { features: Float32Array.from(rows.flat()), rows: rows.length, faults };
  };
  const lane = { engine: { device: "cpu" } } as EncoderPool["lane"];
  attachPool(encoder, { lane, plan: () => ({ workers: 1, ahead: 2 }), run, close: async () => {} });
  return encoder;
}
