import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ProgressEvent } from "../../../src/core/events.ts";
import type { Dataset } from "../../../src/decompose/dataset.ts";
import { imageFolder } from "../../../src/decompose/datasets/image-folder.ts";
import { opticalDigits } from "../../../src/decompose/digits.ts";
import { type FeaturizeOptions, featurizeData } from "../../../src/decompose/featurize.ts";
import { openEncoder } from "../../../src/encoder/encoder.ts";
import { DIM, fakeEncoder, fakeFeatures } from "../../support/fake-encoder.ts";
import { scratch } from "../../support/scratch.ts";
import { tinyModel } from "../engine/tiny-model.ts";

/** An image folder of two classes whose files hold these texts. */
async function folderOf(...images: string[]): Promise<Dataset> {
  const files = images.map((text, i) => [`${i % 2 === 0 ? "even" : "odd"}/${String(i).padStart(3, "0")}.png`, text]);
  return imageFolder(scratch(Object.fromEntries(files)));
}

const texts = (n: number) => Array.from({ length: n }, (_, i) => `image ${i}`);

/** The images' texts in the data set's order: the even ones, then the odd ones. */
const inOrder = (images: string[]) => [0, 1].flatMap((odd) => images.filter((_, i) => i % 2 === odd));
const rowsOf = (images: string[]) => images.flatMap((text) => fakeFeatures(Buffer.from(text)));

describe("featurizeData", () => {
  it("gives the features of every image in the order of the data set", async () => {
    const images = texts(25);
    const set = await featurizeData(fakeEncoder(), await folderOf(...images), {
      dir: scratch(),
      rowsPerShard: 7,
      batchSize: 3,
    });
    expect([set.n, set.dim, set.classes, set.errors]).toEqual([25, DIM, ["even", "odd"], []]);
    expect([...set.labels]).toEqual([...Array(13).fill(0), ...Array(12).fill(1)]);
    expect([...(await set.rows(0, 25))]).toEqual(rowsOf(inOrder(images)));
    const names = readdirSync(set.folder).sort();
    const shards = ["00000", "00001", "00002", "00003"];
    expect(names).toEqual([...shards.flatMap((s) => [`${s}.ids.jsonl`, `${s}.safetensors`]), "manifest.json"]);
  });

  it("writes safetensors as its specification says, ids in a sidecar and a manifest", async () => {
    const images = texts(5);
    const data = await folderOf(...images);
    const { folder } = await featurizeData(fakeEncoder(), data, { dir: scratch(), rowsPerShard: 3 });
    // Read by hand, without a line of ours: u64 length, JSON, little-endian tensors.
    const bytes = readFileSync(join(folder, "00001.safetensors"));
    const length = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.toString("utf8", 8, 8 + length));
    const body = bytes.subarray(8 + length);
    expect((8 + length) % 8).toBe(0);
    expect(header).toEqual({
      features: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
      labels: { dtype: "I32", shape: [2], data_offsets: [24, 32] },
    });
    expect(body.length).toBe(32);
    expect(Array.from({ length: 6 }, (_, i) => body.readFloatLE(4 * i))).toEqual(rowsOf(inOrder(images).slice(3)));
    expect([body.readInt32LE(24), body.readInt32LE(28)]).toEqual([1, 1]);
    expect(readFileSync(join(folder, "00001.ids.jsonl"), "utf8")).toBe('{"id":"odd/001.png"}\n{"id":"odd/003.png"}\n');
    expect(JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"))).toEqual({
      format: 1,
      key: basename(folder),
      dim: 3,
      classes: ["even", "odd"],
      n: 5,
      shards: [
        { file: "00000.safetensors", rows: 3 },
        { file: "00001.safetensors", rows: 2 },
      ],
      errors: [],
    });
    expect(basename(folder)).toMatch(/^[0-9a-f]{16}$/);
  });

  it("makes nothing twice, and again what is damaged or lost", async () => {
    const counts: number[] = [];
    const model = fakeEncoder({ onBatch: (images) => counts.push(images) });
    const data = await folderOf(...texts(10));
    const options = { dir: scratch(), rowsPerShard: 4 };
    const { folder } = await featurizeData(model, data, options);
    expect(counts).toEqual([4, 4, 2]);
    await featurizeData(model, data, options);
    expect(counts.length).toBe(3);
    writeFileSync(join(folder, "00001.safetensors"), "damaged");
    writeFileSync(join(folder, "00002.ids.jsonl"), "");
    const set = await featurizeData(model, data, options);
    expect(counts.slice(3)).toEqual([4, 2]);
    expect(set.n).toBe(10);
  });

  it("has a key that follows model, data and shard size", async () => {
    const dir = scratch();
    const data = await folderOf("a", "b");
    const folder = async (model = fakeEncoder(), images = data, options: FeaturizeOptions = {}) =>
      (await featurizeData(model, images, { dir, ...options })).folder;
    const same = await folder();
    expect(await folder(fakeEncoder(), await folderOf("a", "b"), { batchSize: 1 })).toBe(same);
    const others = [
      await folder(fakeEncoder({ fingerprint: "fedcba9876543210" })),
      await folder(fakeEncoder(), await folderOf("a", "c")),
      await folder(fakeEncoder(), data, { rowsPerShard: 1 }),
    ];
    expect(new Set([same, ...others]).size).toBe(4);
  });

  it("ends at an image that does not decode, naming it, and leaves nothing half-written", async () => {
    const dir = scratch();
    const data = await folderOf("a", "broken", "b");
    await expect(featurizeData(fakeEncoder(), data, { dir })).rejects.toMatchObject({
      code: "IMAGE",
      message: expect.stringMatching(/odd\/001\.png: Cannot decode .*001\.png: broken\./),
      details: { id: "odd/001.png" },
    });
    expect(readdirSync(dir).flatMap((name) => readdirSync(join(dir, name)))).toEqual([]);
  });

  it("skips and reports such images where asked, and remembers them", async () => {
    const dir = scratch();
    const images = ["a", "broken", "c", "broken too", "e", "f", "broken three"];
    const data = await folderOf(...images);
    const events: ProgressEvent[] = [];
    const options: FeaturizeOptions = {
      dir,
      onError: "skip",
      rowsPerShard: 3,
      batchSize: 2,
      onProgress: (e) => events.push(e),
    };
    const set = await featurizeData(fakeEncoder(), data, options);
    const kept = inOrder(images).filter((text) => !text.startsWith("broken"));
    expect([...(await set.rows(0, set.n))]).toEqual(rowsOf(kept));
    expect([...set.labels]).toEqual([0, 0, 0, 1]);
    const ids = ["even/006.png", "odd/001.png", "odd/003.png"];
    expect(set.errors.map(({ id }) => id)).toEqual(ids);
    expect(set.errors[0]!.error).toContain("006.png: broken");
    expect(events.filter(({ stage }) => stage === "warning").length).toBe(3);
    expect(events.at(-1)).toEqual({ stage: "featurize", name: data.name, done: 7, total: 7, unit: "images" });
    const manifest = JSON.parse(readFileSync(join(set.folder, "manifest.json"), "utf8"));
    expect(manifest.shards.map(({ rows }: { rows: number }) => rows)).toEqual([3, 0, 1]);
    expect(manifest.errors).toEqual(set.errors);
    expect((await featurizeData(fakeEncoder(), data, options)).errors).toEqual(set.errors);
    await expect(featurizeData(fakeEncoder(), data, { ...options, onError: "throw" })).rejects.toMatchObject({
      code: "IMAGE",
    });
  });

  it("skips a sample whose bytes cannot be had, but no other failure", async () => {
    const data = await folderOf("a", "b", "c", "d", "broken");
    const { HubError } = await import("../../../src/core/errors.ts");
    const failing = (error: Error): Dataset => ({
      ...data,
      key: error.message,
      item: async (i) => (i === 1 ? Promise.reject(error) : data.item(i)),
    });
    const lost = failing(new HubError("IMAGE", "Cannot read it.", { details: { id: "lost" } }));
    const set = await featurizeData(fakeEncoder(), lost, { dir: scratch(), onError: "skip" });
    expect([...(await set.rows(0, set.n))]).toEqual(rowsOf(["a", "b", "d"]));
    expect([...set.labels]).toEqual([0, 1, 1]);
    expect(set.errors).toMatchObject([{ id: "lost", error: "Cannot read it." }, { id: "even/004.png" }]);
    const other = failing(new HubError("DOWNLOAD", "No network."));
    await expect(featurizeData(fakeEncoder(), other, { dir: scratch(), onError: "skip" })).rejects.toThrow(
      "No network.",
    );
    const labels: Dataset = { ...data, item: async (i) => ({ ...(await data.item(i)), label: 2 }) };
    await expect(featurizeData(fakeEncoder(), labels, { dir: scratch(), onError: "skip" })).rejects.toMatchObject({
      code: "DATA",
      message: expect.stringContaining("label 2 of 2 classes"),
    });
  });

  it("shares its shards among machines: whoever comes last lists them", async () => {
    const images = texts(10);
    const data = await folderOf(...images);
    const options = { dir: scratch(), rowsPerShard: 2 };
    const second = await featurizeData(fakeEncoder(), data, { ...options, shard: { index: 1, count: 2 } });
    const ordered = inOrder(images);
    expect([...(await second.rows(0, 4))]).toEqual(rowsOf([...ordered.slice(2, 4), ...ordered.slice(6, 8)]));
    expect(readdirSync(second.folder)).not.toContain("manifest.json");
    const first = await featurizeData(fakeEncoder(), data, { ...options, shard: { index: 0, count: 2 } });
    expect(first.n).toBe(6);
    expect(readdirSync(first.folder)).toContain("manifest.json");
    const none = fakeEncoder({ onBatch: () => expect.unreachable("all shards are there") });
    expect([...(await (await featurizeData(none, data, options)).rows(0, 10))]).toEqual(rowsOf(ordered));
  });

  it("stops at the signal, leaves whole shards only, and goes on from there", async () => {
    const control = new AbortController();
    const data = await folderOf(...texts(10));
    const options = { dir: scratch(), rowsPerShard: 4, batchSize: 2 };
    let batches = 0;
    const stopping = fakeEncoder({ onBatch: () => ++batches === 4 && control.abort(new Error("enough")) });
    await expect(featurizeData(stopping, data, { ...options, signal: control.signal })).rejects.toThrow("enough");
    const [folder] = readdirSync(options.dir);
    expect(readdirSync(join(options.dir, folder!)).sort()).toEqual(["00000.ids.jsonl", "00000.safetensors"]);
    const counts: number[] = [];
    const done: number[] = [];
    const onProgress = (event: ProgressEvent) => void (event.stage === "featurize" && done.push(event.done));
    await featurizeData(fakeEncoder({ onBatch: (n) => counts.push(n) }), data, { ...options, onProgress });
    expect(counts).toEqual([2, 2, 2]);
    expect(done).toEqual([4, 6, 8, 10]);
  });

  it("says DISK where it cannot write, TypeError for options that make no sense", async () => {
    const data = await folderOf("a", "b");
    const file = join(scratch({ file: "" }), "file");
    await expect(featurizeData(fakeEncoder(), data, { dir: file })).rejects.toMatchObject({ code: "DISK" });
    for (const rowsPerShard of [0, 65_537, 1.5]) {
      await expect(featurizeData(fakeEncoder(), data, { dir: file, rowsPerShard })).rejects.toThrow(TypeError);
    }
    for (const shard of [
      { index: 2, count: 2 },
      { index: -1, count: 2 },
      { index: 0, count: 0 },
    ]) {
      await expect(featurizeData(fakeEncoder(), data, { dir: file, shard })).rejects.toThrow(TypeError);
    }
  });
});

describe("featurizeData on a real engine", () => {
  it("gives what the encoder gives, and skips what does not decode", async () => {
    using encoder = (await openEncoder(tinyModel(), { backend: "wasm" }))[0];
    const fixture = (name: string) => readFileSync(new URL(`../../fixtures/images/${name}`, import.meta.url));
    const good = ["bmp-24.bmp", "jpeg-444.jpg", "png-rgb.png"];
    const dir = scratch({
      ...Object.fromEntries(good.map((name) => [`a/${name}`, fixture(name)])),
      "b/broken.png": "not an image",
      "b/one.jpg": fixture("jpeg-420.jpg"),
    });
    const data = await imageFolder(dir);
    const options = { dir: scratch(), batchSize: 2 };
    await expect(featurizeData(encoder, data, options)).rejects.toMatchObject({
      code: "IMAGE",
      message: expect.stringContaining("b/broken.png"),
    });
    const set = await featurizeData(encoder, data, { ...options, onError: "skip" });
    expect([set.n, [...set.labels], set.errors.map(({ id }) => id)]).toEqual([4, [0, 0, 0, 1], ["b/broken.png"]]);
    const images = [...good.map((name) => join(dir, "a", name)), join(dir, "b/one.jpg")];
    expect(await set.rows(0, 4)).toEqual(await encoder.encode(images));
  });

  it("takes raw pixels", async () => {
    using encoder = (await openEncoder(tinyModel(), { backend: "wasm" }))[0];
    const set = await featurizeData(encoder, await opticalDigits({ split: "test" }), {
      dir: scratch(),
      rowsPerShard: 100,
    });
    expect([set.n, set.classes.length]).toEqual([257, 10]);
    const { image } = await (await opticalDigits({ split: "test" })).item(150);
    expect(await set.rows(150, 151)).toEqual(await encoder.encode([image]));
  });
});
