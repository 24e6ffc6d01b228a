import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildGraph } from "../../../converters/build.ts";
import { type CheckpointFile, convertCheckpoint } from "../../../converters/convert.ts";
import { joinSources } from "../../../converters/join.ts";
import { tinyResnet } from "../../../hub/architectures.ts";
import { fingerprint } from "../../../src/core/fingerprint.ts";
import type { Checkpoint, ModelSpec } from "../../../src/core/spec.ts";
import { convertFile } from "../../../src/load.ts";
import { memorySource } from "../../support/memory-source.ts";
import { type Tree, writeTorch } from "../../support/write-torch.ts";

const spec: ModelSpec = { weights: { seed: 0 }, arch: tinyResnet(), representation: "avgpool", preprocess: [] };
const { params } = buildGraph(spec);

/** Every third parameter from `from` on, each with values of its own. */
const part = (wanted: (i: number) => boolean, prefix = ""): Tree =>
  Object.fromEntries(
    params.flatMap(({ key, shape }, i) => {
      const count = shape.reduce((a, b) => a * b, 1);
      const values = () => Float32Array.from({ length: count }, (_, j) => 0.5 + ((i + j) % 7) / 10);
      return wanted(i) ? [[prefix + key, { shape, values }]] : [];
    }),
  );

let dir: string;
let made = 0;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "ssl-hub-join-"));
  await writeTorch(
    join(dir, "whole.pth"),
    part(() => true),
    "torch-zip",
  );
  await writeTorch(
    join(dir, "even.bin"),
    part((i) => i % 2 === 0),
    "torch-zip",
  );
  await writeTorch(
    join(dir, "odd.bin"),
    part((i) => i % 2 === 1),
    "torch-legacy",
  );
  await writeTorch(join(dir, "odd-nested.pth"), { net: part((i) => i % 2 === 1) }, "torch-zip");
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function converted(file: string, components?: CheckpointFile[]) {
  const out = join(dir, `out${made++}`);
  await mkdir(out);
  const about = { name: "tiny", spec, dir: out, fingerprint: "test", license: null };
  const info = await convertCheckpoint(join(dir, file), [], {
    ...about,
    source: { url: file, sha256: null },
    components,
  });
  return info.shards;
}

describe("sources of several files", () => {
  test("read as one; names must differ; closing one closes all", async () => {
    const one = memorySource({ a: { shape: [1], values: [1] } }, { hook: "posix.system" });
    const two = memorySource({ b: { shape: [2], values: [2, 3] } });
    const both = joinSources([one.source, two.source]);
    expect([...both.names()]).toEqual(["a", "b"]);
    expect(both.meta("b").shape).toEqual([2]);
    expect([...(await both.read("b"))]).toEqual([2, 3]);
    expect([...both.opaque!]).toEqual([["hook", "posix.system"]]);
    expect(() => both.meta("c")).toThrow("no file of the checkpoint holds it");
    await both.close();
    expect([one.reads.at(-1), two.reads.at(-1)]).toEqual(["close", "close"]);
    expect(() => joinSources([one.source, one.source])).toThrow("two of them hold a");
  });

  test("components give the same artifact as one file, each read by its own rules", async () => {
    const whole = await converted("whole.pth");
    expect(await converted("even.bin", [{ path: join(dir, "odd.bin"), rules: [] }])).toEqual(whole);
    const nested = { path: join(dir, "odd-nested.pth"), rules: [{ take: "net." }] };
    expect(await converted("even.bin", [nested])).toEqual(whole);
    await expect(converted("even.bin")).rejects.toMatchObject({ code: "KEYS" });
    await expect(converted("whole.pth", [nested])).rejects.toThrow("two of them hold");
    await expect(converted("even.bin", [{ path: join(dir, "absent.bin"), rules: [] }])).rejects.toMatchObject({
      code: "DISK",
    });
  });
});

describe("an index of shards", () => {
  const index = async (map: unknown) => {
    const name = "pytorch_model.bin.index.json";
    await writeFile(join(dir, name), typeof map === "string" ? map : JSON.stringify({ weight_map: map }));
    return name;
  };
  const right = Object.fromEntries(params.map(({ key }, i) => [key, i % 2 === 0 ? "even.bin" : "odd.bin"]));

  test("stands for its files", async () => {
    expect(await converted(await index(right))).toEqual(await converted("whole.pth"));
  });

  test("is refused when damaged, when its files lack a tensor, or lie elsewhere", async () => {
    const bad: [unknown, string][] = [
      ["{", "JSON"],
      ['{"weight_map": 3}', "weight_map"],
      [{}, "names 0 files"],
      [{ a: "../even.bin" }, "not beside it"],
      [{ a: "/etc/passwd" }, "not beside it"],
      [{ a: 3 }, "weight_map"],
      [{ ...right, extra: "even.bin" }, "lack 1 tensors (extra)"],
    ];
    for (const [map, message] of bad) {
      const failure = expect(converted(await index(map))).rejects;
      await failure.toMatchObject({ code: "CHECKPOINT", message: expect.stringContaining(message) });
    }
    await expect(converted(await index({ a: "absent.bin" }))).rejects.toMatchObject({ code: "DISK" });
  });

  test("a caller converts by its index, or by naming the parts", async () => {
    const options = { model: "tiny_init", out: join(dir, "by-index") };
    const byIndex = await convertFile(join(dir, await index(right)), options);
    const parts = { model: "tiny_init", out: join(dir, "by-parts"), components: [join(dir, "odd.bin")] };
    const byParts = await convertFile(join(dir, "even.bin"), parts);
    const { readArtifact } = await import("../../../src/core/artifact.ts");
    const [a, b] = [await readArtifact(byIndex), await readArtifact(byParts)];
    expect(a.shards).toEqual(b.shards);
    expect(a.fingerprint).toBe(b.fingerprint);
  });
});

test("a component's file and rules are part of the fingerprint", () => {
  const of = (components?: Checkpoint[]) =>
    fingerprint({ ...spec, weights: { checkpoints: [{ url: "https://a.b/c", rules: [], components }] } });
  const component = { url: "https://a.b/d", rules: [] };
  const prints = [
    of(),
    of([component]),
    of([{ ...component, sha256: "0".repeat(64) }]),
    of([{ ...component, rules: [{ drop: /x/ }] }]),
  ];
  expect(new Set(prints).size).toBe(4);
});
