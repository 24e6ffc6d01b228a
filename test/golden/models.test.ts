import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildGraph } from "../../converters/build.ts";
import { weightBytes } from "../../converters/tfjs.ts";
import * as hubconf from "../../hubconf.ts";
import type { SpecLoader } from "../../src/core/family.ts";
import { openEncoder } from "../../src/encoder/encoder.ts";
import { type EngineName, engine } from "../../src/engine/engine.ts";
import * as hub from "../../src/index.ts";
import { makeInput } from "../support/formula.ts";
import { type GoldenModel, goldenFeatures, goldenNames, readGolden, relativeL2 } from "../support/golden-model.ts";
import { type Form, formsOf, writeOfficial } from "../support/official-file.ts";
import { hasShared } from "../support/shared.ts";

/** Relative L2 error of the features against PyTorch. Float32 noise of PyTorch itself is 1.5e-7 to 5e-7. */
const TOLERANCE = 1e-5;

/** `SSL_HUB_BACKEND` lets the native leg run the same cases. */
const BACKEND = (process.env.SSL_HUB_BACKEND ?? "wasm") as EngineName;

/**
 * By default one small case of every kind of architecture and file. `SSL_HUB_GOLDEN` runs others: names with commas
 * between them, or `all`, which takes half an hour and up to 10 GB of memory. `SSL_HUB_GOLDEN_REPORT` is a file that
 * gets a line of each.
 */
const SOME = "byol_rn50_bs512,clip_rn50__f16,dino_rn50,init_vitS16,lossyless_vitb32_b005";
const { SSL_HUB_GOLDEN = SOME, SSL_HUB_GOLDEN_REPORT } = process.env;
const wanted = new Set(SSL_HUB_GOLDEN.split(","));

const names = hasShared ? goldenNames().filter((name) => wanted.has("all") || wanted.has(name)) : [];
/** Where a file may be of two forms, one of them, by turns. */
const cases = names.map((name, i) => {
  const forms = formsOf(readGolden(name));
  return { name, form: forms[i % forms.length]! };
});

/** Whether the engine holds the weights; those of the largest do not fit into WebAssembly's 4 GiB. */
async function fits({ name }: GoldenModel): Promise<boolean> {
  const spec = await (hubconf as Record<string, SpecLoader>)[name]!();
  return weightBytes(buildGraph(spec)) <= (await engine(BACKEND)).maxBytes;
}

describe.skipIf(!hasShared)(`features equal PyTorch's on ${BACKEND} (skipped without the developers' goldens)`, () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "ssl-hub-golden-"));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  test("there are cases", () => expect(cases.length).toBe(wanted.has("all") ? goldenNames().length : wanted.size));

  test.each(cases)("$name from $form", { timeout: 900_000 }, async ({ name, form }) => {
    const golden = readGolden(name);
    if (!(await fits(golden))) return report({ name, form, skipped: "does not fit this engine" });
    const error = await errorOf(golden, form);
    await report({ name, form, error });
    expect(error).toBeLessThanOrEqual(TOLERANCE);
  });

  async function errorOf(golden: GoldenModel, form: Form): Promise<number> {
    const file = join(dir, "official.bin");
    const out = join(dir, "converted");
    const components = await writeOfficial(golden, form, file);
    await hub.convert(file, { model: golden.name, out, force: true, ...(components.length > 0 && { components }) });
    const [encoder] = await openEncoder(out, { backend: BACKEND });
    const { tf } = await engine(BACKEND);
    const [n, , height, width] = golden.input.shape;
    const x = tf.tensor4d(makeInput(n, height, width, golden.seed), [n, height, width, 3]);
    const y = encoder.predict(x);
    expect(y.shape).toEqual([n, golden.zDim]);
    const [found, expected] = [await y.data(), goldenFeatures(golden)] as [Float32Array, Float32Array];
    tf.dispose([x, y]);
    encoder.dispose();
    // Rounded features one step apart, where the exact value is a half but for noise, are equal enough.
    for (const [image, feature] of golden.rounding?.nearHalf ?? []) {
      found[image * golden.zDim + feature] = expected[image * golden.zDim + feature]!;
    }
    return relativeL2(found, expected);
  }

  async function report(line: { name: string; form: Form; error?: number; skipped?: string }): Promise<void> {
    const text = JSON.stringify({ backend: BACKEND, ...line });
    if (SSL_HUB_GOLDEN_REPORT !== undefined) await appendFile(SSL_HUB_GOLDEN_REPORT, `${text}\n`);
  }
});
