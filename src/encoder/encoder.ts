import type { GraphModel } from "@tensorflow/tfjs-converter";
import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { type ArtifactInfo, readArtifact } from "../core/artifact.ts";
import type { Job } from "../core/events.ts";
import { type EngineName, engine } from "../engine/engine.ts";
import type { EncoderInput, FetchImage } from "./inputs.ts";
import { forward, type Lane } from "./lane.ts";
import { attachPool, type BatchOptions, encodeBatches } from "./pool.ts";
import { makePreprocess, type Preprocess } from "./preprocess.ts";
import { makePool } from "./workers.ts";

export interface EncodeOptions extends BatchOptions, Job {}

/** A pretrained encoder, ready to use. Holds memory outside of JavaScript's: call `dispose`, or declare it by `using`. */
export interface Encoder {
  readonly name: string;
  /** Length of a feature vector. */
  readonly zDim: number;
  readonly inputShape: [number, number, 3];
  /** Where the weights come from, their licence and preprocessing. */
  readonly info: ArtifactInfo;
  /**
   * Features of preprocessed images.
   * @param x `[n, H, W, 3]` float32, as `preprocess` gives it; stays the caller's.
   * @returns `[n, zDim]`; belongs to the caller.
   */
  predict(x: Tensor4D): Tensor2D;
  /**
   * Images to features, `[n * zDim]` row-major: decoding, preprocessing and forward pass in batches, on all cores.
   * Broken images that are skipped have no row and are told to `onProgress`.
   * @throws HubError `IMAGE` of the first broken image, unless `onError` is "skip".
   */
  encode(images: EncoderInput[], options?: EncodeOptions): Promise<Float32Array>;
  /** The plain TF.js model, for all else. */
  readonly graph: GraphModel;
  dispose(): void;
  [Symbol.dispose](): void;
}

export interface OpenOptions extends Job {
  /** Engine to use; default: `SSL_HUB_BACKEND`, else the first of tfjs-node-gpu, tfjs-node and wasm that is there. */
  backend?: EngineName | "auto";
  /** Workers of `encode` on wasm; threads of an operation on tfjs-node. Default: one a core. */
  threads?: number;
  /** Gets the images behind http(s) URLs; without it they are errors. */
  fetchImage?: FetchImage;
}

/**
 * Opens a converted folder.
 * @throws HubError `METADATA` when the folder is not whole, `ENGINE` or `MEMORY` when the engine cannot run it.
 */
export async function openEncoder(folder: string, options: OpenOptions = {}): Promise<[Encoder, Preprocess]> {
  const { backend, threads, fetchImage } = options;
  const info = await readArtifact(folder);
  const started = await engine(backend, { threads });
  const graph = await started.loadGraph(folder, options);
  const lane: Lane = { engine: started, graph, info };
  return [makeEncoder(folder, lane, options), makePreprocess(info.preprocess, { engine: started.name, fetchImage })];
}

function makeEncoder(folder: string, lane: Lane, options: OpenOptions): Encoder {
  const { info, graph } = lane;
  const side = info.image_size;
  const pool = makePool(folder, lane, options);
  const dispose = () => {
    graph.dispose();
    void pool.close();
  };
  const encoder: Encoder = {
    name: info.name,
    zDim: info.z_dim,
    inputShape: [side, side, 3],
    info,
    graph,
    predict: (x) => {
      const [, height, width, channels] = x.shape;
      if (x.rank !== 4 || height !== side || width !== side || channels !== 3) {
        throw new TypeError(`${info.name}.predict: the input is [${x.shape}], need [n, ${side}, ${side}, 3].`);
      }
      return lane.engine.run(() => forward(lane, x));
    },
    encode: (images, o) => encodeAll(encoder, images, o),
    dispose,
    [Symbol.dispose]: dispose,
  };
  attachPool(encoder, pool);
  return encoder;
}

async function encodeAll(encoder: Encoder, images: EncoderInput[], o: EncodeOptions = {}): Promise<Float32Array> {
  if (!Array.isArray(images)) throw new TypeError(`${encoder.name}.encode: images is not an array.`);
  const features = new Float32Array(images.length * encoder.zDim);
  let rows = 0;
  let done = 0;
  for await (const batch of encodeBatches(encoder, images, o)) {
    features.set(batch.features, rows * encoder.zDim);
    rows += batch.rows;
    done += batch.rows + batch.errors.length;
    for (const { error } of batch.errors) o.onProgress?.({ stage: "warning", code: "IMAGE", message: error.message });
    o.onProgress?.({ stage: "featurize", name: encoder.name, done, total: images.length, unit: "images" });
  }
  return rows === images.length ? features : features.slice(0, rows * encoder.zDim);
}
