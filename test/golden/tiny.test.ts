import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ArtifactInfo, convert, load, metadataDict } from "../../src/index.ts";
import { relativeL2 } from "../support/golden-model.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const asset = (name: string) => fileURLToPath(new URL(`../../assets/${name}/model.json`, import.meta.url));

interface Expected {
  features: Record<string, { shape: [number, number]; sha256: string; float32_le_base64: string }>;
}

const artifact = async (modelJson: string): Promise<ArtifactInfo> =>
  JSON.parse(await readFile(modelJson, "utf8")).userDefinedMetadata.ssl_hub;

/** The input of scripts/tiny/make_features.py, `[4, 32, 32, 3]`. */
function knownInput(): Float32Array {
  const wave = (_: unknown, i: number) => Math.sin(0.37 * i) * 1.5 + 0.3 * Math.sin(0.011 * i);
  return Float32Array.from({ length: 4 * 32 * 32 * 3 }, wave);
}

describe("embedded encoders", () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "ssl-hub-tiny-"));
  });
  afterAll(() => rm(dir, { recursive: true }));

  it.each(["tiny_ssl", "tiny_sup"] as const)("%s: PyTorch's features, relative L2 error <= 1e-5", async (name) => {
    const expected: Expected = JSON.parse(await readFile(fixture("tiny_features.json"), "utf8"));
    const { shape, float32_le_base64 } = expected.features[name]!;
    const bytes = Uint8Array.from(Buffer.from(float32_le_base64, "base64"));
    const [model] = await load(name, { backend: "wasm" });
    const { tensor4d } = await import("@tensorflow/tfjs-core");
    const x = tensor4d(knownInput(), [4, 32, 32, 3]);
    const features = model.predict(x);
    expect(features.shape).toEqual(shape);
    expect(relativeL2(features.dataSync(), new Float32Array(bytes.buffer))).toBeLessThanOrEqual(1e-5);
    x.dispose();
    features.dispose();
    model.dispose();
  });

  it("tiny_ssl is what our converter makes of its checkpoint, to the byte", async () => {
    const checkpoint = fixture("tiny_ssl.pth");
    const folder = await convert(checkpoint, { model: "tiny_ssl", out: join(dir, "tiny_ssl") });
    const [made, shipped] = [await artifact(join(folder, "model.json")), await artifact(asset("tiny_ssl"))];
    expect(made).toEqual(shipped);
    const digest = createHash("sha256").update(await readFile(checkpoint));
    expect(shipped.source.sha256).toBe(digest.digest("hex"));
  });

  it("the self-supervised one clearly beats the random one, by what decompose measured", () => {
    const accuracy = (name: string) => metadataDict()[name]!.metrics!.top1acc_cifar10_linear!;
    expect(accuracy("tiny_ssl")).toBeGreaterThan(accuracy("tiny_init") + 10);
    expect(accuracy("tiny_sup")).toBeGreaterThan(accuracy("tiny_ssl"));
  });
});
