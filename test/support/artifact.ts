import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ArtifactInfo, CONVERTER_VERSION } from "../../src/core/artifact.ts";
import { generator } from "./bytes.ts";

export const FINGERPRINT = "0123456789abcdef";

/** The files of a small artifact: whole, but of no use as a model. */
export function artifactFiles(edit: (info: ArtifactInfo) => void = () => {}): Record<string, Uint8Array> {
  const shards = {
    "group1-shard1of2.bin": generator(11)(5000),
    "group1-shard2of2.bin": generator(12)(3000),
  };
  const describe = (bytes: Uint8Array) => ({
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  });
  const info: ArtifactInfo = {
    format: 1,
    name: "tiny",
    fingerprint: FINGERPRINT,
    z_dim: 8,
    n_parameters: 2000,
    image_size: 32,
    representation: "avgpool",
    preprocess: [{ op: "normalize", mean: [0, 0, 0], std: [1, 1, 1] }],
    source: { url: "https://example.org/tiny.pth", sha256: null },
    license: "MIT",
    dtype: "float32",
    converter: CONVERTER_VERSION,
    shards: Object.fromEntries(Object.entries(shards).map(([name, bytes]) => [name, describe(bytes)])),
  };
  edit(info);
  const model = {
    format: "graph-model",
    modelTopology: { node: [{ name: "images", op: "Placeholder" }] },
    weightsManifest: [{ paths: Object.keys(shards), weights: [{ name: "w", shape: [2000], dtype: "float32" }] }],
    userDefinedMetadata: { ssl_hub: info },
  };
  return { "model.json": Buffer.from(JSON.stringify(model)), ...shards };
}

export async function writeFiles(folder: string, files: Record<string, Uint8Array>): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
  return folder;
}
