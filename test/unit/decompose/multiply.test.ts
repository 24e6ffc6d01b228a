import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { rng } from "../../../src/core/rng.ts";
import { FLOAT64_RELAXED, FLOAT64_SIMD } from "../../../src/decompose/kernels/float64-wasm.ts";
import { type Multiply, multiply, multiplyPlainly } from "../../../src/decompose/kernels/multiply.ts";
import { packedLength, workspace } from "../../../src/decompose/kernels/workspace.ts";
import { columnSums } from "../../../src/decompose/probes/products.ts";
import { crossEntropy, softmax } from "../../../src/decompose/probes/softmax.ts";
import { dot } from "../../../src/decompose/probes/vectors.ts";

const random = rng(1, "multiply");
const doubles = (length: number) => Float64Array.from({ length }, () => random.normal());

/** Largest difference of two arrays. */
const distance = (a: Float64Array, b: Float64Array) =>
  a.reduce((top, value, i) => Math.max(top, Math.abs(value - b[i]!)), 0);

/** A product into numbers that are there already, A row-major or transposed, of floats or doubles. */
function product(rows: number, inner: number, columns: number, transposed: boolean, wide: boolean): Multiply {
  const a = wide ? doubles(rows * inner) : Float32Array.from(doubles(rows * inner));
  const [aRow, aColumn] = transposed ? [1, rows] : [inner, 1];
  return { a, aRow, aColumn, b: doubles(inner * columns), out: doubles(rows * columns), rows, inner, columns };
}

describe("multiply", () => {
  const sizes = [
    [40, 30, 20],
    [97, 257, 7],
    [3, 2000, 5],
    [1000, 3, 4],
    [1, 5000, 1],
    [701, 600, 9],
  ] as const;
  for (const [rows, inner, columns] of sizes) {
    for (const transposed of [false, true]) {
      for (const wide of [false, true]) {
        const kind = `${transposed ? "transposed " : ""}${wide ? "doubles" : "floats"}`;
        it(`is the plain sum: ${rows} x ${inner} x ${columns}, ${kind}`, () => {
          const made = product(rows, inner, columns, transposed, wide);
          const plain = { ...made, out: made.out.slice() };
          multiply(made);
          multiplyPlainly(plain);
          // Rounding of sums of `inner` products of about 1.
          const worst = made.out.reduce((top, value, i) => Math.max(top, Math.abs(value - plain.out[i]!)), 0);
          expect(worst).toBeLessThanOrEqual(1e-14 * inner);
        });
      }
    }
  }

  it("gives a row the same bits whatever rows are beside it", () => {
    const made = product(200, 600, 6, false, false);
    const part = { ...made, a: made.a.subarray(30 * 600, 75 * 600), rows: 45, out: made.out.slice(30 * 6, 75 * 6) };
    multiply(made);
    multiply(part);
    expect([...part.out]).toEqual([...made.out.subarray(30 * 6, 75 * 6)]);
  });

  it("takes a view of a part of an array", () => {
    const made = product(50, 40, 10, false, false);
    const larger = new Float32Array(3000);
    larger.set(made.a, 7);
    const shifted = { ...made, a: larger.subarray(7, 7 + 2000), out: made.out.slice() };
    multiply(made);
    multiply(shifted);
    expect([...shifted.out]).toEqual([...made.out]);
  });
});

describe("workspace", () => {
  const [n, k] = [301, 5];
  const space = workspace({ numbers: 6 * n * k + n, arrays: 8, columns: k });
  const filled = (scale: number) => {
    const out = space.array(n * k);
    out.set(doubles(n * k).map((value) => scale * value));
    return out;
  };
  const [scores, change, p] = [filled(30), filled(3), space.array(n * k)];
  const y = Int32Array.from({ length: n }, (_, i) => i % k);

  it("gives the probabilities of scores to the last digits", () => {
    space.softmax(scores, p, k);
    const plain = softmax(scores, k);
    const worst = plain.reduce((top, value, i) => Math.max(top, value > 1e-290 ? Math.abs(p[i]! / value - 1) : 0), 0);
    expect(worst).toBeLessThan(2e-15);
  });

  it("gives the derivative of the cross-entropy along a line", () => {
    const at = (along: number) =>
      crossEntropy(
        scores.map((value, i) => value + along * change[i]!),
        y,
        k,
      );
    for (const along of [0, 0.4, 3]) {
      const difference = (at(along + 1e-5) - at(along - 1e-5)) / 2e-5;
      expect(Math.abs(space.slope(scores, change, along, space.labels(y)) - difference)).toBeLessThan(1e-4);
    }
  });

  it("curves, sums, combines and multiplies as the plain loops do", () => {
    const t = change.map((value, i) => {
      const row = i - (i % k);
      const mean = [...p.subarray(row, row + k)].reduce((sum, q, c) => sum + q * change[row + c]!, 0);
      return p[i]! * (value - mean);
    });
    space.curve(p, change, k);
    expect(distance(change, t)).toBeLessThan(1e-12);
    const sums = space.array(k);
    space.sumRows(scores, sums);
    expect(distance(sums, columnSums(scores, k))).toBeLessThan(1e-9);
    expect(space.dot(scores, p)).toBeCloseTo(dot(scores, p), 8);
    const sum = scores.map((value, i) => 2 * value - 3 * p[i]!);
    space.combine(2, scores, -3, p);
    expect(distance(scores, sum)).toBeLessThan(1e-12);
    expect(space.holds(scores, sums)).toBe(true);
    expect(space.holds(scores, sum)).toBe(false);
  });

  it("multiplies with a matrix that is laid out once", () => {
    for (const [rows, inner, columns] of [
      [37, 300, 5],
      [5, 11, 3],
      [100, 600, 2],
    ] as const) {
      const numbers = packedLength(rows, inner) + rows * inner + (rows + inner) * columns;
      const own = workspace({ numbers, arrays: 4, columns });
      const a = Float32Array.from(doubles(rows * inner));
      const times = own.packed({ a, aRow: inner, aColumn: 1, rows, inner });
      const [b, out] = [own.array(inner * columns), own.array(rows * columns)];
      b.set(doubles(b.length));
      out.set(doubles(out.length));
      const plain = { a, aRow: inner, aColumn: 1, b, out: out.slice(), rows, inner, columns };
      multiplyPlainly(plain);
      times(b, out, columns);
      expect(distance(out, plain.out)).toBeLessThanOrEqual(1e-14 * inner);
    }
  });
});

const version = spawnSync(process.env.CLANG ?? "clang-19", ["--version"], { encoding: "utf8" }).stdout ?? "";
const compiler = /clang version 19\.1\./.test(version) && spawnSync("wasm-ld-19", ["--version"]).status === 0;
it.skipIf(!compiler)(
  `the bytes are what float64.c gives${compiler ? "" : " (skipped: clang-19 and lld-19 are not here)"}`,
  { timeout: 60_000 },
  () => {
    const dir = mkdtempSync(join(tmpdir(), "multiply-"));
    const script = fileURLToPath(new URL("../../../scripts/build-kernels.sh", import.meta.url));
    expect(spawnSync("bash", [script, dir], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
    const built = (name: string) => readFileSync(join(dir, `float64-${name}.wasm`)).toString("base64");
    expect(FLOAT64_SIMD).toBe(built("simd"));
    expect(FLOAT64_RELAXED).toBe(built("relaxed"));
  },
);
