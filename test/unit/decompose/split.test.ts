import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inMemory } from "../../../src/decompose/features.ts";
import { dataSplit, splitAt, splitIndices } from "../../../src/decompose/split.ts";
import { isTest, problemOf } from "./problems.ts";

const countsOf = (labels: Int32Array, rows: Int32Array, k: number) => {
  const counts = new Array<number>(k).fill(0);
  for (const row of rows) counts[labels[row]!]!++;
  return counts;
};

describe("splitIndices", () => {
  it("divides the rows, in order, the same way for the same seed only", () => {
    const labels = Int32Array.from({ length: 100 }, (_, i) => i % 3);
    const { subset, complement } = splitIndices(labels, 30, 5);
    expect(subset.length).toBe(30);
    expect([...subset, ...complement].sort((a, b) => a - b)).toEqual([...labels.keys()]);
    expect([...subset]).toEqual([...subset].sort((a, b) => a - b));
    expect(splitIndices(labels, 30, 5).subset).toEqual(subset);
    expect(splitIndices(labels, 30, 6).subset).not.toEqual(subset);
  });

  it("takes each class's share by largest remainder, ties to the lower class", () => {
    const labels = Int32Array.from([...Array(50).fill(0), ...Array(30).fill(1), ...Array(20).fill(2)]);
    // Shares of 13 are 6.5, 3.9 and 2.6: the two rows over the floors go to classes 1 and 2.
    expect(countsOf(labels, splitIndices(labels, 13).subset, 3)).toEqual([6, 4, 3]);
    const even = Int32Array.from({ length: 12 }, (_, i) => i % 4);
    expect(countsOf(even, splitIndices(even, 6).subset, 4)).toEqual([2, 2, 1, 1]);
  });

  it("gives the class sizes of the reference decompositions", () => {
    const file = new URL("../../fixtures/probe/optima.json", import.meta.url);
    const golden = JSON.parse(readFileSync(file, "utf8"));
    for (const { problem, sub_indices, n_sub } of golden.decomposition) {
      const { params } = golden.problems[problem];
      if (params === null) continue;
      const { y, k } = problemOf(params);
      const labels = y.filter((_, i) => !isTest(i));
      const wanted = countsOf(y, Int32Array.from(sub_indices), k);
      expect(countsOf(labels, splitIndices(labels, n_sub).subset, k), problem).toEqual(wanted);
    }
  });

  it("keeps a rare class in both parts, and one of a single row in the rest", () => {
    const labels = Int32Array.from([...Array(95).fill(0), 1, 1, 2, 3, 3]);
    for (const n of [4, 10, 90, 96]) {
      const { subset, complement } = splitIndices(labels, n);
      expect(new Set(Array.from(subset, (row) => labels[row]))).toEqual(new Set([0, 1, 3]));
      expect(new Set(Array.from(complement, (row) => labels[row]))).toEqual(new Set([0, 1, 2, 3]));
    }
  });

  it("draws every row of a class about as often", () => {
    const labels = Int32Array.from({ length: 20 }, (_, i) => i % 2);
    const hits = new Array<number>(20).fill(0);
    for (let seed = 0; seed < 400; seed++) for (const row of splitIndices(labels, 10, seed).subset) hits[row]!++;
    // 400 draws of probability 1/2: five standard deviations are 50.
    for (const count of hits) expect(Math.abs(count - 200)).toBeLessThan(50);
  });

  it("holds its size and is off a class's share by one at most where shares suffice", () => {
    const arbitrary = fc.tuple(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 2, maxLength: 80 }), fc.nat());
    fc.assert(
      fc.property(arbitrary, ([list, draw]) => {
        const labels = Int32Array.from(list);
        const n = 1 + (draw % (labels.length - 1));
        const { subset, complement } = splitIndices(labels, n, draw);
        expect(subset.length).toBe(n);
        expect(new Set([...subset, ...complement]).size).toBe(labels.length);
        const sizes = countsOf(labels, Int32Array.from(labels.keys()), 6);
        const counts = countsOf(labels, subset, 6);
        const shares = sizes.map((size) => (n * size) / labels.length);
        const roomy = sizes.every((size, c) => size === 0 || (shares[c]! >= 1 && shares[c]! <= size - 1));
        if (roomy) for (const [c, share] of shares.entries()) expect(Math.abs(counts[c]! - share)).toBeLessThan(1);
      }),
    );
  });

  it.each([0, -1, 10, 11, 2.5, Number.NaN])("refuses a subset of %s out of 10", (n) => {
    expect(() => splitIndices(new Int32Array(10), n)).toThrow(expect.objectContaining({ code: "DATA" }));
  });
});

describe("splitAt", () => {
  it("takes the rows it is given and refuses rows twice, beyond, or all", () => {
    const { subset, complement } = splitAt(Int32Array.of(3, 1), 4);
    expect([[...subset], [...complement]]).toEqual([
      [1, 3],
      [0, 2],
    ]);
    for (const rows of [[1, 1], [4], [-1], [], [0, 1, 2, 3]]) {
      expect(() => splitAt(Int32Array.from(rows), 4)).toThrow(expect.objectContaining({ code: "DATA" }));
    }
  });
});

describe("dataSplit", () => {
  it("gives views with the rows of splitIndices", async () => {
    const labels = Int32Array.from({ length: 10 }, (_, i) => i % 2);
    const set = inMemory(Float32Array.from(labels.keys()), labels, { dim: 1, classes: ["a", "b"] });
    const { subset, complement } = dataSplit(set, 4, 9);
    const indices = splitIndices(labels, 4, 9);
    expect([...(await subset.rows(0, 4))]).toEqual([...indices.subset]);
    expect([...(await complement.rows(0, 6))]).toEqual([...indices.complement]);
    expect(subset.classes).toEqual(["a", "b"]);
  });
});
