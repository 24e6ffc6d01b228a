import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extract } from "tar";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Graph, type Value } from "../../converters/graph.ts";
import { withRules } from "../../converters/rules.ts";
import { openCheckpoint, type TensorSource } from "../../converters/source.ts";
import { emit } from "../../converters/tfjs.ts";
import { type ArtifactInfo, CONVERTER_VERSION } from "../../src/core/artifact.ts";
import { sha256 } from "../../src/core/hash.ts";
import type { Transform } from "../../src/core/spec.ts";
import { inMemory } from "../../src/decompose/features.ts";
import { type FeatureSet, featurizeData, imageFolder, trainEvalProbe } from "../../src/decompose/index.ts";
import { openEncoder } from "../../src/encoder/encoder.ts";
import { relativeL2 } from "../support/golden-model.ts";
import { shared } from "../support/shared.ts";

const WEIGHTS = shared("data/third-party/weights.tgz");
const CIFAR = (part: string) => shared(`data/cifar10/${part}.tar.gz`);
const REFERENCE = (file: string) => JSON.parse(readFileSync(shared(`data/third-party/reference/${file}`), "utf8"));

/** A network of others, of no family here: what it takes to bring one. */
interface Foreign {
  file: string;
  prefix: string;
  size: number;
  build(g: Graph): Value;
}

const BN_EPS = 1e-5;

/** A small convolutional network that its authors trained by SimCLR on faces. */
const simclr: Foreign = {
  file: "weights/ssl/drowsiness-simclr-convmae/simclr_full_encoder.pt",
  prefix: "encoder_state_dict.",
  size: 64,
  build(g) {
    let x = g.input(64);
    [32, 64, 128, 256].forEach((out, i) => {
      const [key, bn] = [`backbone.${i}.block.0`, { key: `backbone.${i}.block.1`, eps: BN_EPS }];
      x = g.conv(x, key, { out, kernel: 3, stride: i === 0 ? 1 : 2, padding: 1, bias: false, relu: true, bn });
    });
    return g.mean(x);
  },
};

/** He et al.'s ResNet-20 for CIFAR: shortcuts without parameters take every other pixel and pad channels by zeros. */
const resnet20: Foreign = {
  file: "weights/supervised/resnet20-12fca82f.th",
  prefix: "state_dict.module.",
  size: 32,
  build(g) {
    const conv = (x: Value, at: string, n: number, out: number, stride: number, relu: boolean) => {
      const bn = { key: `${at}bn${n}`, eps: BN_EPS };
      return g.conv(x, `${at}conv${n}`, { out, kernel: 3, stride, padding: 1, bias: false, relu, bn });
    };
    let x = conv(g.input(32), "", 1, 16, 1, true);
    [16, 32, 64].forEach((out, stage) => {
      for (let i = 0; i < 3; i++) {
        const stride = i === 0 && stage > 0 ? 2 : 1;
        const at = `layer${stage + 1}.${i}.`;
        const y = conv(conv(x, at, 1, out, stride, true), at, 2, out, 1, false);
        const shortcut = stride === 1 ? x : g.conv(x, `${at}shortcut`, { out, kernel: 1, stride, bias: false });
        x = g.relu(g.add(y, shortcut));
      }
    });
    return g.mean(x);
  },
};

/** Adds the shortcuts of {@link resnet20} as the 1x1 convolutions that they are. */
function withShortcuts(source: TensorSource): TensorSource {
  const shape = (name: string) => {
    const stage = /^layer([23])\.0\.shortcut\.weight$/.exec(name)?.[1];
    return stage === undefined ? undefined : [8 << Number(stage), 4 << Number(stage), 1, 1];
  };
  return {
    ...source,
    meta: (name) => (shape(name) ? { dtype: "float32", shape: shape(name)! } : source.meta(name)),
    read: async (name, signal) => {
      const [out, channels] = shape(name) ?? [];
      if (out === undefined || channels === undefined) return source.read(name, signal);
      const weight = new Float32Array(out * channels);
      for (let c = 0; c < channels; c++) weight[(c + channels / 2) * channels + c] = 1;
      return weight;
    },
  };
}

describe.skipIf(!existsSync(WEIGHTS))("real weights and images of others (skipped without ../shared)", () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "ssl-hub-third-"));
    const wanted = /(simclr_full_encoder\.pt|resnet20-\w+\.th)$/;
    await extract({ file: WEIGHTS, cwd: dir, filter: (path) => wanted.test(path) });
    const first = (n: number) => (path: string) => !/(\d+)\.jpg$/.test(path) || Number(path.slice(-8, -4)) < n;
    for (const [part, n] of Object.entries({ train: 500, test: 200 })) {
      await mkdir(join(dir, part));
      await extract({ file: CIFAR(part), cwd: join(dir, part), filter: first(n) });
    }
  }, 60_000);
  afterAll(() => rm(dir, { recursive: true }));

  const networks: [string, Foreign][] = [
    ["simclr_full_encoder", simclr],
    ["resnet20", resnet20],
  ];

  it.each(networks)(
    "%s: PyTorch's features to 1e-6, scikit-learn's accuracy to one image",
    async (name, network) => {
      const folder = await convertForeign(name, network, dir);
      const [encoder] = await openEncoder(folder, { backend: "wasm" });
      for (const [path, features] of Object.entries<number[]>(REFERENCE("features_4_images.json")[name])) {
        const image = join(dir, path.replace("datasets/cifar10/subset/", ""));
        expect(relativeL2(await encoder.encode([image]), features), path).toBeLessThanOrEqual(1e-6);
      }
      const [train, test] = [await imageFolder(join(dir, "train")), await imageFolder(join(dir, "test"))];
      expect([train.length, test.length]).toEqual([5000, 2000]);
      const cache = { dir: join(dir, "features") };
      const sets = [await featurizeData(encoder, train, cache), await featurizeData(encoder, test, cache)] as const;
      const [a, b] = await standardized(...sets);
      const { accuracy } = await trainEvalProbe(a, b);
      const expected = REFERENCE("results.json").probe_cifar_subset_500x10_train_200x10_test[name];
      // lbfgs stops where its gradient is small, not at the optimum: an image on the border may fall elsewhere.
      expect(Math.abs(accuracy / 100 - expected.logreg_C1_standardized_test_acc)).toBeLessThanOrEqual(1.01 / 2000);
      encoder.dispose();
    },
    120_000,
  );
});

async function convertForeign(name: string, { file, prefix, size, build }: Foreign, dir: string): Promise<string> {
  const graph = new Graph();
  graph.output(build(graph));
  const folder = join(dir, name);
  await mkdir(folder);
  const checkpoint = await openCheckpoint(join(dir, file));
  const preprocess: Transform[] = [
    { op: "resize", size, interpolation: "bilinear" },
    { op: "normalize", mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  ];
  try {
    const source = withShortcuts(withRules(checkpoint, [{ take: prefix }]));
    const describe = (shards: ArtifactInfo["shards"]): ArtifactInfo => ({
      format: 1,
      name,
      fingerprint: sha256(file).slice(0, 16),
      z_dim: graph.zDim,
      n_parameters: graph.nParameters,
      image_size: size,
      representation: "avgpool",
      preprocess,
      source: { url: `file:${file}`, sha256: null },
      license: null,
      dtype: "float32",
      converter: CONVERTER_VERSION,
      shards,
    });
    await emit(graph, source, folder, "float32", describe, { name });
  } finally {
    await checkpoint.close();
  }
  return folder;
}

/** Both sets with the mean and standard deviation of the first taken out, as scikit-learn's StandardScaler. */
async function standardized(train: FeatureSet, test: FeatureSet): Promise<[FeatureSet, FeatureSet]> {
  const { dim, classes, n } = train;
  const x = await train.rows(0, n);
  const mean = new Float64Array(dim);
  const variance = new Float64Array(dim);
  for (const [i, v] of x.entries()) mean[i % dim]! += v / n;
  for (const [i, v] of x.entries()) variance[i % dim]! += (v - mean[i % dim]!) ** 2 / n;
  const scaled = (values: Float32Array, { labels }: FeatureSet) => {
    const z = values.map((v, i) => (v - mean[i % dim]!) / (Math.sqrt(variance[i % dim]!) || 1));
    return inMemory(z, labels, { dim, classes });
  };
  return [scaled(x, train), scaled(await test.rows(0, test.n), test)];
}
