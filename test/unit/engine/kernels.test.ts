import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type * as core from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { rng } from "../../../src/core/rng.ts";
import { engine } from "../../../src/engine/engine.ts";
import { type InstalledKernels, installKernels } from "../../../src/engine/kernels/install.ts";
import { hasRelaxedSimd, hasSimd } from "../../../src/engine/kernels/module.ts";
import { BINARIES, loadWasm } from "../../../src/engine/wasm.ts";
import { relativeL2 } from "../../support/golden-model.ts";

/** Relative L2 distance of two float32 computations that sum in another order. */
const TOLERANCE = 1e-6;
/** The same where one of them goes by Winograd's algorithm, which takes sums of numbers larger than the result. */
const WINOGRAD_TOLERANCE = 2e-6;

let tf: typeof core;
beforeAll(async () => {
  vi.stubEnv("SSL_HUB_KERNELS", "off");
  expect((await engine("wasm")).device).toMatch(/TF\.js's kernels$/);
  tf = (await engine("wasm")).tf;
});
afterAll(() => vi.unstubAllEnvs());

type Make = () => core.Tensor;

/** A tensor of normal numbers; each shape and seed its own. */
function normal(shape: number[], seed = 1, scale = 1): core.Tensor {
  const random = rng(seed, `kernels ${shape}`);
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => scale * random.normal());
  return tf.tensor(values, shape);
}

const compute = (make: Make): { shape: number[]; values: Float32Array } => {
  const y = tf.tidy(make);
  const result = { shape: y.shape, values: y.dataSync() as Float32Array };
  y.dispose();
  return result;
};

async function withOwn<T>(variant: InstalledKernels["variant"], f: () => T): Promise<T> {
  const kernels = (await installKernels(tf, BINARIES, { relaxed: variant === "relaxed SIMD" }))!;
  try {
    expect(kernels.variant).toBe(variant);
    return f();
  } finally {
    kernels.uninstall();
  }
}

/** Ours against `expected`, by default the same on TF.js's own kernels. */
async function compare(variant: InstalledKernels["variant"], make: Make, expected: Make = make, tolerance = TOLERANCE) {
  const stock = compute(expected);
  const own = await withOwn(variant, () => compute(make));
  expect(own.shape).toEqual(stock.shape);
  expect(relativeL2(own.values, stock.values)).toBeLessThanOrEqual(tolerance);
}

type Conv = {
  x: [number, number, number, number];
  f: [number, number, number];
  stride?: number | [number, number];
  pad?: Pad;
};
type Pad = "same" | "valid" | number | [[number, number], [number, number], [number, number], [number, number]];

const CONVS: Conv[] = [
  { x: [2, 7, 7, 5], f: [1, 1, 9] },
  { x: [3, 9, 6, 5], f: [1, 1, 7], stride: 2 },
  { x: [2, 11, 13, 3], f: [7, 7, 10], stride: 2, pad: [[0, 0], [3, 3], [3, 3], [0, 0]] }, // biome-ignore format: one case
  { x: [2, 8, 9, 6], f: [3, 3, 17], pad: 1 },
  { x: [2, 8, 9, 6], f: [3, 3, 8], stride: 2, pad: "same" },
  { x: [2, 9, 7, 4], f: [3, 2, 3], stride: [1, 2], pad: [[0, 0], [0, 2], [1, 0], [0, 0]] }, // biome-ignore format: one case
  { x: [2, 32, 32, 3], f: [16, 16, 24], stride: 16 },
  { x: [1, 3, 3, 2], f: [5, 5, 4], pad: 2 },
  { x: [2, 12, 12, 130], f: [3, 3, 70], pad: 1 }, // sums and rows of more than one block
];

/** What the own kernel computes by Winograd's algorithm; sides that are no multiple of its tiles of 4. */
const WINOGRADS: Conv[] = [
  { x: [2, 14, 14, 64], f: [3, 3, 64], pad: 1 },
  { x: [3, 7, 7, 260], f: [3, 3, 72], pad: 1 },
  { x: [2, 13, 10, 20], f: [3, 3, 24], pad: 1 },
  { x: [2, 9, 13, 16], f: [3, 3, 16] },
  { x: [2, 12, 15, 36], f: [3, 3, 136], pad: [[0, 0], [2, 0], [0, 3], [0, 0]] }, // biome-ignore format: one case
  { x: [5, 30, 29, 64], f: [3, 3, 64], pad: "same" }, // tiles of more than one pass
];

const MATMULS: [a: number[], b: number[], transposeA?: boolean, transposeB?: boolean][] = [
  [[5, 3], [3, 9]],
  [[1, 300], [300, 17]],
  [[101, 513], [513, 33]],
  [[2, 7, 5], [2, 5, 11]],
  [[3, 7, 5], [5, 11]],
  [[3, 7, 5], [1, 5, 11]],
  [[2, 3, 19, 8], [2, 3, 8, 19]],
  [[2, 3, 19, 8], [2, 3, 19, 8], false, true],
  [[2, 1, 6, 5], [4, 5, 3]],
  [[9, 101], [9, 7], true],
  [[2, 9, 4], [2, 6, 9], true, true],
  [[2, 9, 4], [9, 5], true],
]; // biome-ignore format: a table

const variants: InstalledKernels["variant"][] = ["SIMD", "relaxed SIMD"];

describe.skipIf(!hasSimd())("own kernels of the wasm engine (skipped without SIMD)", () => {
  test("relaxed SIMD is there, if need be behind Node's flag", async () => {
    vi.stubEnv("SSL_HUB_KERNELS", "");
    await loadWasm(); // chosen once: stays off, but nothing is broken
    const { setFlagsFromString } = await import("node:v8");
    if (!hasRelaxedSimd()) setFlagsFromString("--experimental-wasm-relaxed-simd");
    expect(hasRelaxedSimd()).toBe(true);
  });

  describe.each(variants)("%s", (variant) => {
    test.each(CONVS)("convolution of $x by $f, stride $stride, padding $pad", async ({ x, f, stride = 1, pad = 0 }) => {
      const input = normal(x) as core.Tensor4D;
      const filter = normal([f[0], f[1], x[3], f[2]], 2) as core.Tensor4D;
      const bias = normal([f[2]], 3) as core.Tensor1D;
      await compare(variant, () => tf.conv2d(input, filter, stride, pad));
      for (const activation of ["linear", "relu"] as const) {
        await compare(variant, () => tf.fused.conv2d({ x: input, filter, strides: stride, pad, bias, activation }));
      }
      tf.dispose([input, filter, bias]);
    });

    test.each(WINOGRADS)("convolution of $x by $f, padding $pad, by Winograd", async ({ x, f, pad = 0 }) => {
      const input = normal(x) as core.Tensor4D;
      const filter = normal([f[0], f[1], x[3], f[2]], 2) as core.Tensor4D;
      const bias = normal([f[2]], 3) as core.Tensor1D;
      await compare(variant, () => tf.conv2d(input, filter, 1, pad), undefined, WINOGRAD_TOLERANCE);
      const fused = () => tf.fused.conv2d({ x: input, filter, strides: 1, pad, bias, activation: "relu" });
      await compare(variant, fused, undefined, WINOGRAD_TOLERANCE);
      tf.dispose([input, filter, bias]);
    });

    test("an image's convolution by Winograd does not depend on the images beside it", async () => {
      const input = normal([3, 14, 14, 32]) as core.Tensor4D;
      const filter = normal([3, 3, 32, 32], 2) as core.Tensor4D;
      await withOwn(variant, () => {
        const all = tf.conv2d(input, filter, 1, 1).dataSync();
        const alone = tf.conv2d(tf.slice(input, [1, 0, 0, 0], [1, 14, 14, 32]), filter, 1, 1).dataSync();
        expect(alone).toEqual(all.slice(alone.length, 2 * alone.length));
      });
      tf.dispose([input, filter]);
    });

    test("what ours do not take goes to TF.js's kernels: dilation, other activations, integers", async () => {
      const x = normal([2, 9, 9, 3]) as core.Tensor4D;
      const filter = normal([3, 3, 3, 4], 2) as core.Tensor4D;
      await compare(variant, () => tf.conv2d(x, filter, 1, "valid", "NHWC", 2), undefined, 0);
      await compare(
        variant,
        () => tf.fused.conv2d({ x, filter, strides: 1, pad: 1, activation: "relu6" }),
        undefined,
        0,
      );
      await compare(variant, () => tf.mean(tf.tensor2d([[1, 2], [3, 5]], [2, 2], "int32"), 1), undefined, 0); // biome-ignore format: a matrix
      await compare(variant, () => tf.mean(x, [1, 2]), undefined, 0);
      await withOwn(variant, () => expect(tf.matMul(tf.zeros([0, 3]), tf.zeros([3, 2])).shape).toEqual([0, 2]));
      await withOwn(variant, () => expect(() => tf.matMul(tf.zeros([2, 3]), tf.zeros([4, 2]))).toThrow(/inner shapes/));
      tf.dispose([x, filter]);
    });

    test.each(MATMULS)(
      "product of %j and %j, transposed %s and %s",
      async (a, b, transposeA = false, transposeB = false) => {
        const [left, right] = [normal(a), normal(b, 2)];
        const batch = tf.broadcast_util.assertAndGetBroadcastShape(a.slice(0, -2), b.slice(0, -2));
        // TF.js's own kernel mixes up the batches where both sides are broadcast: it gets them spread out.
        const spread = (x: core.Tensor) =>
          a.length < 3 ? x : tf.broadcastTo(x, [...batch, ...x.shape.slice(-2)] as core.ShapeMap[core.Rank]);
        await compare(
          variant,
          () => tf.matMul(left, right, transposeA, transposeB),
          () => tf.matMul(spread(left), spread(right), transposeA, transposeB),
        );
        tf.dispose([left, right]);
      },
    );

    test.each([[[5, 7], 9], [[2, 6, 130], 19], [[197, 300], 40]] as [number[], number][])("fused product of %j to %i columns", async (shape, cols) => {
      const a = normal(shape);
      const b = normal([shape.at(-1)!, cols], 2);
      const bias = normal([cols], 3);
      // TF.js's own fused kernel adds the bias wrongly to batches of matrices: it is compared in two steps.
      const steps = () => tf.add(tf.matMul(a, b), bias);
      await compare(variant, () => tf.fused.matMul({ a, b, bias }), steps);
      await compare(variant, () => tf.fused.matMul({ a, b, bias, activation: "relu" }), () => tf.relu(steps()));
      await compare(variant, () => tf.fused.matMul({ a, b, bias, activation: "sigmoid" }), () => tf.sigmoid(steps()));
      tf.dispose([a, b, bias]);
    }); // biome-ignore format: a table

    test.each([[1], [3], [4], [197], [2, 3, 5], [2, 4, 50, 77]])(
      "functions of numbers and rows of [%s]",
      async (...shape) => {
        const x = normal(shape, 1, 3);
        for (const f of [
          tf.erf,
          tf.sigmoid,
          tf.softmax,
          (t: core.Tensor) => tf.mean(t, -1),
          (t: core.Tensor) => tf.mean(t, -1, true),
        ]) {
          await compare(variant, () => f(x));
        }
        x.dispose();
      },
    );

    test("erf and sigmoid are right to 4e-7 everywhere, and at the ends", async () => {
      const x = Float32Array.from({ length: 200_001 }, (_, i) => (i - 100_000) / 8000);
      const ends = Float32Array.from([0, -0, 100, -100, Infinity, -Infinity, 1e-30]);
      await withOwn(variant, () => {
        const exact = (v: number) => 1 / (1 + Math.exp(-v));
        tf.tidy(() => tf.sigmoid(tf.tensor1d(x)).dataSync()).forEach((y, i) => {
          if (!(Math.abs(y - exact(x[i]!)) <= 4e-7)) throw new Error(`sigmoid(${x[i]}) = ${y}`);
        });
        expect(Array.from(tf.erf(tf.tensor1d(ends)).dataSync())).toEqual([
          0,
          -0,
          1,
          -1,
          1,
          -1,
          expect.closeTo(1.128e-30, 33),
        ]);
        const sigmoid = Array.from(tf.sigmoid(tf.tensor1d(ends)).dataSync());
        [0.5, 0.5, 1, 0, 1, 0, 0.5].forEach((y, i) => {
          expect(sigmoid[i]).toBeCloseTo(y, 7);
        });
      });
      const stock = compute(() => tf.erf(tf.tensor1d(x)));
      const own = await withOwn(variant, () => compute(() => tf.erf(tf.tensor1d(x))));
      expect(
        Math.max(...Array.from(own.values.slice(0, 100_000), (y, i) => Math.abs(y - stock.values[i]!))),
      ).toBeLessThan(4e-7);
    });

    test("NaN and infinity stay where they belong", async () => {
      const rows = tf.tensor2d([[1, Number.NaN, 2, 3, 4], [1, 2, 3, 4, 5], [-Infinity, 0, 1, 2, 3]]); // biome-ignore format: a matrix
      const b = normal([5, 11]) as core.Tensor2D;
      await withOwn(variant, () => {
        const nans = (y: core.Tensor) => (y.arraySync() as number[][]).map((row) => row.filter(Number.isNaN).length);
        expect(nans(tf.matMul(rows, b))).toEqual([11, 0, 0]);
        expect(nans(tf.relu(tf.matMul(rows, b)))).toEqual([11, 0, 0]);
        expect(nans(tf.fused.matMul({ a: rows, b, activation: "relu" }))).toEqual([11, 0, 0]);
        expect(nans(tf.erf(rows))).toEqual([1, 0, 0]);
        expect(nans(tf.sigmoid(rows))).toEqual([1, 0, 0]);
        expect(nans(tf.softmax(rows))).toEqual([5, 0, 0]);
        expect((tf.softmax(rows).arraySync() as number[][])[2]![0]).toBe(0);
      });
    });

    test("a row's numbers do not depend on the rows beside it", async () => {
      const [a, b] = [normal([103, 300]) as core.Tensor2D, normal([300, 21], 2) as core.Tensor2D];
      await withOwn(variant, () => {
        const all = tf.matMul(a, b).arraySync() as number[][];
        for (const i of [0, 50, 101, 102]) {
          expect((tf.matMul(tf.slice(a, [i, 0], [1, 300]), b).arraySync() as number[][])[0]).toEqual(all[i]);
        }
      });
    });

    test("the heap does not grow over repeated calls, nor do tensors", async () => {
      const [x, filter] = [normal([2, 40, 40, 64]) as core.Tensor4D, normal([3, 3, 64, 64], 2) as core.Tensor4D];
      const q = normal([2, 4, 100, 32], 3);
      const heap = () => (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.length;
      await withOwn(variant, () => {
        const step = () => tf.tidy(() => void [tf.conv2d(x, filter, 1, 1), tf.softmax(tf.matMul(q, q, false, true))]);
        step();
        const before = [heap(), tf.memory().numTensors];
        for (let i = 0; i < 60; i++) step(); // 60 x 5 MB of scratch and output, if it leaked
        expect([heap(), tf.memory().numTensors]).toEqual(before);
      });
    });
  });

  test("a run ends between two kernels where it is told to, and leaves no tensor", async () => {
    const kernels = (await installKernels(tf, BINARIES))!;
    try {
      const x = normal([8, 8]);
      let calls = 0;
      const steps = (n: number) => () => tf.tidy(() => Array.from({ length: n }, () => tf.matMul(x, x)).at(-1)!);
      const between = () => {
        if (++calls === 3) throw new Error("enough");
      };
      const before = tf.memory().numTensors;
      expect(() => kernels.interruptible(steps(5), between)).toThrow("enough");
      expect([calls, tf.memory().numTensors]).toEqual([3, before]);
      kernels.interruptible(steps(5), () => calls++).dispose();
      expect(calls).toBe(8);
      steps(1)().dispose();
      expect(calls).toBe(8);
      x.dispose();
    } finally {
      kernels.uninstall();
    }
  });

  test("uninstall gives TF.js its kernels back", async () => {
    const stock = tf.getKernel("BatchMatMul", "wasm");
    await withOwn("SIMD", () => expect(tf.getKernel("BatchMatMul", "wasm")).not.toBe(stock));
    expect(tf.getKernel("BatchMatMul", "wasm")).toBe(stock);
  });
});

const script = fileURLToPath(new URL("../../../scripts/build-kernels.sh", import.meta.url));
const shipped = (name: string) => readFileSync(new URL(`../../../src/engine/kernels/${name}`, import.meta.url));
const FILES = ["kernels-simd.wasm", "kernels-relaxed.wasm"];

/** Ids of a binary's sections. */
function sections(binary: Uint8Array): number[] {
  const ids: number[] = [];
  for (let at = 8; at < binary.length; ) {
    ids.push(binary[at++]!);
    let [size, shift] = [0, 0];
    do {
      size += (binary[at]! & 0x7f) << shift;
      shift += 7;
    } while (binary[at++]! & 0x80);
    at += size;
  }
  return ids;
}

describe("the compiled kernels", () => {
  test.each(FILES)("%s holds no data: its memory is the backend's", (name) => {
    const ids = sections(shipped(name));
    expect(ids).toContain(10);
    expect(ids).not.toContain(11);
  });

  const version = spawnSync(process.env.CLANG ?? "clang-19", ["--version"], { encoding: "utf8" }).stdout ?? "";
  const compiler = /clang version 19\.1\./.test(version) && spawnSync("wasm-ld-19", ["--version"]).status === 0;
  test.skipIf(!compiler)(
    `are what the source gives${compiler ? "" : " (skipped: clang-19 and lld-19 are not here)"}`,
    () => {
      const dir = mkdtempSync(join(tmpdir(), "ssl-hub-kernels-"));
      expect(spawnSync(script, [dir], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
      for (const name of FILES) expect(readFileSync(join(dir, name)).equals(shipped(name))).toBe(true);
    },
  );
});
