import type { GraphModel } from "@tensorflow/tfjs-converter";
import type { io, Tensor } from "@tensorflow/tfjs-core";
import type { ArtifactInfo } from "../../src/core/artifact.ts";
import { HubError } from "../../src/core/errors.ts";
import type { Pixels } from "../../src/images/pixels.ts";
import { applyTransforms } from "../../src/images/transforms.ts";
import { fromBase64, loadScript } from "./assets.ts";
import { engine } from "./engine.ts";

/** A converted folder in the page, ready to encode. */
export interface PageModel {
  info: ArtifactInfo;
  graph: GraphModel;
}

/** Gives a file of the folder by its name. */
export type ReadFile = (name: string) => Promise<Uint8Array<ArrayBuffer>>;

/** The encoder that comes with the page. */
export async function embeddedFiles(): Promise<ReadFile> {
  await loadScript("model.js");
  const { json, shards } = window.SSL_HUB_MODEL!;
  return async (name) => (name === "model.json" ? new TextEncoder().encode(json) : fromBase64(shards[name]!));
}

/** A folder on a server that lets this page read it (CORS). The address is of the folder or of its model.json. */
export function remoteFiles(address: string): ReadFile {
  const base = new URL(address.replace(/model\.json$/, "").replace(/\/?$/, "/"), location.href);
  return async (name) => {
    const url = new URL(name, base);
    const response = await fetch(url).catch((cause) => {
      throw failure(
        `cannot reach ${url.href} (${cause.message}); it is not there, or its server does not let other pages read it: it must send Access-Control-Allow-Origin (CORS). Or choose the folder from your disk`,
      );
    });
    if (!response.ok) throw failure(`${url.href} answers ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  };
}

/** Files that the user chose from a converted folder. */
export function chosenFiles(files: readonly File[]): ReadFile {
  return async (name) => {
    const file = files.find((one) => one.name === name);
    if (file === undefined) throw failure(`${name} is not among the files chosen`);
    return new Uint8Array(await file.arrayBuffer());
  };
}

/**
 * Opens a converted folder as `hub.load` would: it must be one of ours, and its shards what it says.
 * @throws HubError `METADATA`.
 */
export async function openModel(read: ReadFile): Promise<PageModel> {
  let model: io.ModelJSON & { userDefinedMetadata?: { ssl_hub?: ArtifactInfo } };
  try {
    model = JSON.parse(new TextDecoder().decode(await read("model.json")));
  } catch (error) {
    throw error instanceof HubError ? error : failure("its model.json is not JSON");
  }
  const info = model.userDefinedMetadata?.ssl_hub;
  if (info?.format !== 1) throw failure("its model.json was not written by ssl-hub");
  const names = model.weightsManifest.flatMap(({ paths }) => paths);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (const name of names) {
    const expected = info.shards[name];
    if (expected === undefined || !/^[\w-][\w.-]*$/.test(name)) throw failure(`${name} is not a shard that it lists`);
    const bytes = await read(name);
    if (bytes.length !== expected.bytes) throw failure(`${name} has ${bytes.length} bytes, model.json says ${expected.bytes}`); // biome-ignore format: a line
    if ((await sha256(bytes)) !== expected.sha256) throw failure(`the SHA-256 of ${name} is not the one in model.json`);
    parts.push(bytes);
  }
  await engine();
  const weightData = await new Blob(parts).arrayBuffer();
  const weightSpecs = model.weightsManifest.flatMap(({ weights }) => weights);
  const { modelTopology, signature, format } = model;
  const load = async () => ({ modelTopology, signature, format, weightSpecs, weightData });
  const { loadGraphModel } = window.SSL_HUB_TF!;
  return { info, graph: await loadGraphModel({ load }) };
}

const failure = (found: string) =>
  new HubError("METADATA", `Cannot open the encoder: ${found}. Choose a folder that ssl-hub has converted.`);

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Images a step: the page answers in between. */
const BATCH = 8;

/** Features of images, one array of z_dim each; `done` hears how many are ready. */
export async function encodeImages(
  { info, graph }: PageModel,
  images: readonly Pixels[],
  done: (count: number) => void,
): Promise<Float32Array[]> {
  const { tf, run } = await engine();
  const side = info.image_size;
  const features: Float32Array[] = [];
  for (let start = 0; start < images.length; start += BATCH) {
    const batch = images.slice(start, start + BATCH).map((pixels) => applyTransforms(pixels, info.preprocess));
    const data = new Float32Array(batch.length * side * side * 3);
    batch.forEach((image, i) => {
      data.set(image, i * side * side * 3);
    });
    const output = run(() => graph.predict(tf.tensor4d(data, [batch.length, side, side, 3])) as Tensor);
    const values = (await output.data()) as Float32Array;
    output.dispose();
    for (let i = 0; i < batch.length; i++) features.push(values.slice(i * info.z_dim, (i + 1) * info.z_dim));
    done(features.length);
    await new Promise((resume) => setTimeout(resume));
  }
  return features;
}
