import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEncoder } from "../../src/encoder/encoder.ts";
import type { EngineName } from "../../src/engine/engine.ts";
import * as hub from "../../src/index.ts";
import { makeInput } from "../support/formula.ts";
import { goldenFeatures, goldenNames, officialTree, readGolden, relativeL2 } from "../support/golden-model.ts";
import { hasShared } from "../support/shared.ts";
import { writeTorch } from "../support/write-torch.ts";

/** Relative L2 error of the features against PyTorch. Float32 noise of PyTorch itself is 1.5e-7 to 5e-7. */
const TOLERANCE = 1e-5;

/** `SSL_HUB_BACKEND` lets the native leg run the same cases. */
const BACKEND = (process.env.SSL_HUB_BACKEND ?? "wasm") as EngineName;

/** By default one case of every family and both file forms; `SSL_HUB_GOLDEN=all` runs all of them in both forms. */
const ALL = process.env.SSL_HUB_GOLDEN === "all";
const SOME = ["dino_rn50", "mocov2_rn50_ep800", "simclr_rn101", "swav_rn50", "jigsaw_rn50"];

const names = hasShared ? goldenNames().filter((name) => hub.isModel(name) && (ALL || SOME.includes(name))) : [];
const cases = names.flatMap((name, i) => {
  const forms = readGolden(name).formats.filter((form) => form.startsWith("torch-")) as (
    | "torch-zip"
    | "torch-legacy"
  )[];
  return (ALL ? forms : [forms[i % forms.length]!]).map((form) => ({ name, form }));
});

describe.skipIf(!hasShared)(`features equal PyTorch's on ${BACKEND} (skipped without the developers' goldens)`, () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "ssl-hub-golden-"));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  test("there are cases", () => expect(cases.length).toBeGreaterThanOrEqual(SOME.length));

  test.each(cases)("$name from $form", async ({ name, form }) => {
    const golden = readGolden(name);
    const file = join(dir, "official.bin");
    const out = join(dir, "converted");
    await writeTorch(file, officialTree(golden), form);
    await hub.convert(file, { model: name, out, force: true });
    const [encoder] = await openEncoder(out, { backend: BACKEND });
    const { tf } = await import("../../src/engine/engine.ts").then(({ engine }) => engine(BACKEND));
    const [n, , height, width] = golden.input.shape;
    const x = tf.tensor4d(makeInput(n, height, width, golden.seed), [n, height, width, 3]);
    const y = encoder.predict(x);
    expect(y.shape).toEqual([n, golden.zDim]);
    expect(relativeL2(await y.data(), goldenFeatures(golden))).toBeLessThanOrEqual(TOLERANCE);
    tf.dispose([x, y]);
    encoder.dispose();
  });
});
