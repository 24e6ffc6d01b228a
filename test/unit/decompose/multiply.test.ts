import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { rng } from "../../../src/core/rng.ts";
import { FLOAT64_RELAXED, FLOAT64_SIMD } from "../../../src/decompose/kernels/float64-wasm.ts";
import { type Multiply, multiply, multiplyPlainly } from "../../../src/decompose/kernels/multiply.ts";

const random = rng(1, "multiply");
const doubles = (length: number) => Float64Array.from({ length }, () => random.normal());

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
