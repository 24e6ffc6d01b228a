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
 * between them, or `all`, which takes half an hour and up to 10 GB of memory (`npm run parity`). `SSL_HUB_GOLDEN_REPORT`
 * is a file that gets a line of each; with `SSL_HUB_GOLDEN_HALF` it has what float16 does, too.
 */
const SOME = "byol_rn50_bs512,clip_rn50__f16,dino_rn50,init_vitS16,lossyless_vitb32_b005";
const { SSL_HUB_GOLDEN = SOME, SSL_HUB_GOLDEN_REPORT, SSL_HUB_GOLDEN_HALF } = process.env;
const wanted = new Set(SSL_HUB_GOLDEN.split(","));

/** Where a file may be of two forms, one of them, by turns. */
const cases = (hasShared ? goldenNames() : []).flatMap((name, i) => {
  if (!wanted.has("all") && !wanted.has(name)) return [];
  const forms = formsOf(readGolden(name));
  return [{ name, form: forms[i % forms.length]! }];
});

/** Why the engine does not hold the weights: those of the largest do not fit into WebAssembly's 4 GiB. */
async function misfit({ name }: GoldenModel): Promise<string | undefined> {
  const spec = await (hubconf as Record<string, SpecLoader>)[name]!();
  const [bytes, { maxBytes }] = [weightBytes(buildGraph(spec)), await engine(BACKEND)];
  const gib = (n: number) => `${(n / 2 ** 30).toFixed(1)} GiB`;
  return bytes <= maxBytes ? undefined : `${gib(bytes)} of weights, it holds ${gib(maxBytes)}`;
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
    const skipped = await misfit(golden);
    if (skipped !== undefined) return report({ name, form, skipped });
    const error = await errorOf(golden, form);
    await report({ name, form, error, ...(SSL_HUB_GOLDEN_HALF === "1" && (await halfError())) });
    expect(error).toBeLessThanOrEqual(TOLERANCE);
  });

  async function errorOf(golden: GoldenModel, form: Form): Promise<number> {
    const components = await writeOfficial(golden, form, join(dir, "official.bin"));
    convert = (options = {}) => {
      const given = { ...options, ...(components.length > 0 && { components }) };
      return hub.convert(join(dir, "official.bin"), {
        model: golden.name,
        out: join(dir, "converted"),
        force: true,
        ...given,
      });
    };
    const out = await convert();
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

  /** Of the file that {@link errorOf} wrote. */
  let convert: (options?: hub.VariantOptions) => Promise<string>;
  async function halfError() {
    const { float16_error } = await hub.readArtifact(await convert({ dtype: "float16" }));
    return { float16_error };
  }

  async function report(line: { name: string; form: Form; error?: number; skipped?: string }): Promise<void> {
    const date = new Date().toISOString().slice(0, 10);
    const text = JSON.stringify({ backend: BACKEND, ...line, date });
    if (SSL_HUB_GOLDEN_REPORT !== undefined) await appendFile(SSL_HUB_GOLDEN_REPORT, `${text}\n`);
  }
});
