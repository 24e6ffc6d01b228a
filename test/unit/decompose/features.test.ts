import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arrays, imageArrays } from "../../../src/decompose/datasets/arrays.ts";
import { inMemory, openFeatures } from "../../../src/decompose/features.ts";
import { featurizeData } from "../../../src/decompose/featurize.ts";
import type { FeatureSet } from "../../../src/decompose/types.ts";
import { fakeEncoder } from "../../support/fake-encoder.ts";
import { scratch } from "../../support/scratch.ts";

/** `n` rows of 3 on disk, in shards of `rowsPerShard`, and the same in memory. */
async function both(
  n: number,
  rowsPerShard: number,
): Promise<{ disk: FeatureSet; memory: FeatureSet; folder: string }> {
  const labels = Int32Array.from({ length: n }, (_, i) => i % 4);
  const images = Array.from({ length: n }, (_, i) => ({
    data: Uint8Array.of(i % 251, i % 7, i % 11),
    width: 1,
    height: 1,
  }));
  const data = imageArrays(images, labels, { classes: ["a", "b", "c", "d"] });
  const { folder } = await featurizeData(fakeEncoder(), data, { dir: scratch(), rowsPerShard });
  const values = images.flatMap(({ data }) => [data.reduce((sum, v) => sum + v, 0), 3, data[0]!]);
  return {
    disk: await openFeatures(folder),
    memory: arrays(Float32Array.from(values), labels, { dim: 3, classes: data.classes }),
    folder,
  };
}

describe("FeatureSet", () => {
  it("on disk is the same as in memory, whole, in ranges and through subsets of subsets", async () => {
    const { disk, memory } = await both(103, 10);
    expect([disk.n, disk.dim, disk.classes]).toEqual([103, 3, ["a", "b", "c", "d"]]);
    expect(disk.labels).toEqual(memory.labels);
    expect(await disk.rows(0, 103)).toEqual(await memory.rows(0, 103));
    const index = (n: number) => fc.array(fc.nat(n - 1), { minLength: 1 }).map((rows) => Int32Array.from(rows));
    const cases = index(103).chain((outer) => fc.tuple(fc.constant(outer), index(outer.length), fc.nat(), fc.nat()));
    await fc.assert(
      fc.asyncProperty(cases, async ([outer, inner, a, b]) => {
        const [start, end] = [a % (inner.length + 1), b % (inner.length + 1)].sort((x, y) => x - y) as [number, number];
        const expected = Array.from(inner.subarray(start, end), (row) => outer[row]!);
        const rows = await Promise.all(expected.map((row) => memory.rows(row, row + 1)));
        for (const set of [disk, memory]) {
          const view = set.subset(outer).subset(inner);
          expect(view.n).toBe(inner.length);
          expect([...view.labels.subarray(start, end)]).toEqual(expected.map((row) => row % 4));
          expect([...(await view.rows(start, end))]).toEqual(rows.flatMap((row) => [...row]));
        }
      }),
      { numRuns: 50 },
    );
  });

  it("gathers rows far apart without reading what is between", async () => {
    // 4 MB a row: two rows at the ends of 400 MB must not need 400 MB.
    const dim = 1 << 20;
    const reads: number[] = [];
    const features = {
      length: 100 * dim,
      subarray: (from: number, to: number) => {
        reads.push(to - from);
        return new Float32Array(to - from).fill(from / dim);
      },
    };
    const set = inMemory(features as unknown as Float32Array, new Int32Array(100), { dim, classes: ["a"] });
    const rows = await set.subset(Int32Array.of(99, 0)).rows(0, 2);
    expect([rows[0], rows[dim]]).toEqual([99, 0]);
    expect(reads).toEqual([dim, dim]);
  });

  it("refuses rows that are not there", async () => {
    const { disk } = await both(5, 2);
    await expect(disk.rows(0, 6)).rejects.toThrow(RangeError);
    await expect(disk.rows(-1, 2)).rejects.toThrow(RangeError);
    await expect(disk.rows(3, 2)).rejects.toThrow(RangeError);
    await expect(disk.subset(Int32Array.of(1)).rows(0, 2)).rejects.toThrow(RangeError);
    expect(() => disk.subset(Int32Array.of(5))).toThrow("row 5 of 5");
    expect(() => disk.subset(Int32Array.of(-1))).toThrow(RangeError);
    expect(() => inMemory(new Float32Array(5), new Int32Array(2), { dim: 3, classes: ["a"] })).toThrow(TypeError);
  });

  it("gives rows that are the caller's", async () => {
    const { memory } = await both(4, 2);
    const first = await memory.rows(0, 1);
    first.fill(-1);
    expect(await memory.rows(0, 1)).not.toEqual(first);
  });

  it("says DATA for a folder that is not finished or damaged", async () => {
    const refused = (found: string) => ({ code: "DATA", message: expect.stringContaining(found) });
    await expect(openFeatures(scratch())).rejects.toMatchObject(refused("ENOENT"));
    const { folder } = await both(5, 2);
    const manifest = join(folder, "manifest.json");
    const text = readFileSync(manifest, "utf8");
    writeFileSync(manifest, text.replace('"n": 5', '"n": 6'));
    await expect(openFeatures(folder)).rejects.toMatchObject(refused("it gives 6 rows, the shards hold 5"));
    writeFileSync(manifest, text.replace('"dim": 3', '"dim": 4'));
    await expect(openFeatures(folder)).rejects.toMatchObject(refused("no tensor features [2, 4] F32"));
    writeFileSync(manifest, text.replace("00001.safetensors", "../00001.safetensors"));
    expect((await openFeatures(folder)).n).toBe(5);
    writeFileSync(manifest, text);
    truncateSync(join(folder, "00001.safetensors"), 100);
    await expect(openFeatures(folder)).rejects.toMatchObject(refused("00001.safetensors"));
  });
});
