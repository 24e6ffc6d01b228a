import { describe, expect, test } from "vitest";
import { buildGraph } from "../../converters/build.ts";
import { convertSource } from "../../converters/convert.ts";
import { variantOf } from "../../converters/variant.ts";
import type { ModelSpec } from "../../src/core/spec.ts";
import { openEncoder } from "../../src/encoder/encoder.ts";
import { type EngineName, engine } from "../../src/engine/engine.ts";
import { makeInput } from "../support/formula.ts";
import { floats, relativeL2 } from "../support/golden-model.ts";
import { scratch } from "../support/scratch.ts";
import { formulaSource, TINY } from "../support/tiny-models.ts";

/** Relative L2 error of the features against PyTorch; its own float32 noise is some 1e-7. */
const TOLERANCE = 1e-5;
const BACKEND = (process.env.SSL_HUB_BACKEND ?? "wasm") as EngineName;

const PREPROCESS: ModelSpec["preprocess"] = [{ op: "normalize", mean: [0, 0, 0], std: [1, 1, 1] }];

describe(`toys of every architecture, representation and image size equal PyTorch's on ${BACKEND}`, () => {
  const cases = TINY.cases.flatMap(({ features, ...of }) =>
    Object.entries(features).map(([representation, expected]) => ({ ...of, representation, expected })),
  );

  test("every kind is there", () => {
    const kinds = new Set(cases.map(({ arch }) => arch.kind));
    expect([...kinds].sort()).toEqual(["beit", "clip-resnet", "clip-vit", "convnext", "resnet", "vit"]);
  });

  test.each(cases)("$name: $representation", async ({ arch, imageSize, representation, expected }) => {
    const plain: ModelSpec = { weights: { seed: 0 }, arch, representation: "cls", preprocess: PREPROCESS };
    const spec = variantOf(plain, { representation, imageSize });
    const graph = buildGraph(spec);
    const about = {
      name: "toy",
      spec,
      fingerprint: "0".repeat(16),
      license: null,
      source: { url: "seed:0", sha256: null },
    };
    const dir = scratch();
    await convertSource(formulaSource(graph), { ...about, dir });
    const [encoder] = await openEncoder(dir, { backend: BACKEND });
    const { tf } = await engine(BACKEND);
    const x = tf.tensor4d(makeInput(TINY.images, imageSize, imageSize, TINY.seed), [
      TINY.images,
      imageSize,
      imageSize,
      3,
    ]);
    const y = encoder.predict(x);
    expect(y.shape).toEqual([TINY.images, graph.zDim]);
    expect(relativeL2(await y.data(), floats(expected!))).toBeLessThanOrEqual(TOLERANCE);
    tf.dispose([x, y]);
    encoder.dispose();
  });
});
