import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { buildGraph } from "../../converters/build.ts";
import { fitsOf } from "../../converters/fit.ts";
import { keyTree } from "../../converters/key-tree.ts";
import { NAMED_ARCHITECTURES } from "../../hub/named.ts";
import { HEADS, OWN_REPRESENTATION, ownLayouts } from "../../hub/own.ts";
import * as hubconf from "../../hubconf.ts";
import type { SpecLoader } from "../../src/core/family.ts";
import type { ArchSpec } from "../../src/core/spec.ts";
import * as hub from "../../src/index.ts";
import { hasLayout, type Keys, keySource, officialKeys } from "../support/layouts.ts";
import { scratch } from "../support/scratch.ts";
import { type Tree, writeTorch } from "../support/write-torch.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

const keysOf = (arch: ArchSpec, prefix = ""): Keys =>
  Object.fromEntries(
    buildGraph({ arch, representation: OWN_REPRESENTATION[arch.kind] }).params.map(({ key, shape }) => [
      prefix + key,
      shape,
    ]),
  );
const fits = (keys: Keys, arch: ArchSpec, prefix?: string) =>
  fitsOf(keySource(keys), arch, { layouts: ownLayouts(arch), heads: HEADS, prefix, name: "file" });

describe("prefixes and heads of files of a known architecture", () => {
  const PREFIXES = ["", "module.", "state_dict.module.encoder_q.", "teacher.backbone.", "a.b.c.d."];
  it.each(Object.entries(NAMED_ARCHITECTURES))("%s: its own keys under any prefix", (_, make) => {
    const arch = make();
    for (const prefix of PREFIXES) {
      const extra: Keys = { [`${prefix}fc.weight`]: [10, 10], [`${prefix}mlp_head.0.bias`]: [7], "other.thing": [1] };
      if (prefix === "") delete extra["other.thing"];
      const found = fits({ ...keysOf(arch, prefix), ...extra }, arch);
      expect(found.fits.map((fit) => fit.prefix)).toEqual([prefix]);
      expect(found.fits[0]!.dropped).toEqual(["fc.weight", "mlp_head.0.bias"]);
      // An unknown layer inside the encoder is never left out.
      const strange = fits({ ...keysOf(arch, prefix), [`${prefix}adapter.weight`]: [3] }, arch);
      expect(strange.fits).toEqual([]);
      expect(strange.closest?.details.unexpected).toEqual(["adapter.weight"]);
    }
  });

  const registry = Object.entries(hubconf) as [string, SpecLoader][];
  it("the official files of every model are read without being told their layout", async () => {
    const missed: string[] = [];
    let tried = 0;
    for (const [name, line] of registry) {
      const spec = await line();
      if (!("checkpoints" in spec.weights)) continue;
      for (const checkpoint of spec.weights.checkpoints) {
        // Two files have rules of their own.
        if (checkpoint.components !== undefined || !hasLayout(checkpoint)) continue;
        const keys = officialKeys(checkpoint, keysOf(spec.arch), spec);
        tried++;
        if (fits(keys, spec.arch).fits.length === 0) missed.push(`${name} ${checkpoint.url}`);
      }
    }
    expect(tried).toBeGreaterThan(200);
    expect(missed).toEqual([]);
  });

  it("position tables tell the input side", () => {
    const vit = { ...NAMED_ARCHITECTURES.vit_small_patch16!(), size: 384 };
    expect(fits(keysOf(vit), NAMED_ARCHITECTURES.vit_small_patch16!()).fits[0]!.arch.size).toBe(384);
    const clip = { ...NAMED_ARCHITECTURES.resnet50_clip!(), size: 288 } as ArchSpec;
    expect(fits(keysOf(clip), NAMED_ARCHITECTURES.resnet50_clip!()).fits[0]!.arch.size).toBe(288);
  });

  it("a ResNet in a Sequential is read by its numbers", () => {
    const keys = Object.entries(keysOf(NAMED_ARCHITECTURES.resnet50!())).map(([key, shape]) => [
      `backbone.${key
        .replace(/^conv1\./, "0.")
        .replace(/^bn1\./, "1.")
        .replace(/^layer(\d)\./, (_, i) => `${Number(i) + 3}.`)}`,
      shape,
    ]);
    const [fit] = fits(Object.fromEntries(keys), NAMED_ARCHITECTURES.resnet50!()).fits;
    expect(fit?.prefix).toBe("backbone.");
    expect(fit?.layout).toMatch(/Sequential/);
  });
});

describe("hub.convert and hub.fromCheckpoint of a file of a known architecture", () => {
  const guessesOf = async (file: string, options: Omit<Parameters<typeof hub.convert>[1], "onProgress">) => {
    const guesses: string[] = [];
    const folder = await hub.convert(file, {
      ...options,
      onProgress: (event) => event.stage === "warning" && guesses.push(`${event.code} ${event.message}`),
    });
    return { guesses, info: await hub.readArtifact(folder), folder };
  };

  it("tiny_ssl's checkpoint, of which only the architecture is told, has tiny_ssl's features to the bit", async () => {
    const dir = scratch();
    const { info, folder, guesses } = await guessesOf(fixture("tiny_ssl.pth"), {
      arch: "tiny_resnet",
      out: join(dir, "out"),
    });
    const [known] = [await hub.readArtifact(fileURLToPath(new URL("../../assets/tiny_ssl", import.meta.url)))];
    expect(info.shards).toEqual(known.shards);
    expect(info).toMatchObject({ name: "tiny_resnet", license: null, representation: "avgpool" });
    expect(info.preprocess).toEqual(known.preprocess);
    expect(readFileSync(join(folder, "group1-shard1of1.bin")).length).toBeGreaterThan(0);
    const text = guesses.join("\n");
    expect(text).toMatch(/GUESS tiny_ssl\.pth: the encoder is under "state_dict\.module\.encoder\."/);
    for (const option of ["--representation", "--image-size", "--mean"]) expect(text).toContain(option);
  });

  it("takes what is told in place of guesses", async () => {
    const { info, guesses } = await guessesOf(fixture("tiny_ssl.pth"), {
      arch: "tiny_resnet",
      out: join(scratch(), "out"),
      name: "mine",
      prefix: "state_dict.module.encoder",
      representation: "map",
      imageSize: 64,
      resize: 72,
      interpolation: "bicubic",
      mean: [0, 0, 0],
      std: [1, 1, 1],
    });
    expect(info).toMatchObject({ name: "mine", representation: "map", image_size: 64, z_shape: [8, 8, 256] });
    expect(info.preprocess).toEqual([
      { op: "resize", size: 72, interpolation: "bicubic" },
      { op: "centerCrop", size: 64 },
      { op: "normalize", mean: [0, 0, 0], std: [1, 1, 1] },
    ]);
    expect(guesses.filter((text) => /--(representation|image-size|mean)/.test(text))).toEqual([]);
  });

  /** A file of names and shapes, all values zero. */
  async function fileOf(keys: Keys): Promise<string> {
    const root: Tree = {};
    for (const [name, shape] of Object.entries(keys)) {
      const parts = name.split(".");
      let at = root;
      const depth = name.startsWith("teacher.") || name.startsWith("student.") ? 1 : 0;
      for (const part of parts.slice(0, depth)) {
        at[part] ??= {};
        at = at[part] as Tree;
      }
      at[parts.slice(depth).join(".")] = {
        shape,
        values: () => new Float32Array(shape.reduce((a, b) => a * b, 1)),
      };
    }
    const path = join(scratch(), "file.pth");
    await writeTorch(path, root, "torch-zip");
    return path;
  }

  it("of a student and a teacher the teacher is taken, and the other one named", async () => {
    const arch = NAMED_ARCHITECTURES.tiny_resnet!();
    const file = await fileOf({ ...keysOf(arch, "student.backbone."), ...keysOf(arch, "teacher.backbone.") });
    const { guesses } = await guessesOf(file, { arch: "tiny_resnet", out: join(scratch(), "out") });
    expect(guesses[0]).toMatch(/under "teacher\.backbone\.".*also under "student\.backbone\." \(--prefix\)/);
  });

  it("a file of another architecture is refused with what it fits and its tree of keys", async () => {
    const error: hub.HubError = await hub
      .convert(fixture("tiny_ssl.pth"), { arch: "vit_small_patch16", out: join(scratch(), "out") })
      .then(
        () => expect.unreachable(),
        (reason) => reason,
      );
    expect(error.code).toBe("KEYS");
    expect(error.message).toMatch(/as vit_small_patch16: nothing in it is named as such an encoder/);
    expect(error.message).toMatch(/It fits tiny_resnet: use --arch/);
    expect(error.message).toMatch(/state_dict\. \(\d+ tensors\)/);
    const near: hub.HubError = await hub
      .convert(fixture("tiny_ssl.pth"), { arch: "resnet50", out: join(scratch(), "out") })
      .then(
        () => expect.unreachable(),
        (reason) => reason,
      );
    expect(near.message).toMatch(/keys missing/);
    expect(near.details.fits).toEqual(["tiny_resnet"]);
  });

  it("asks for either a model or an architecture, and knows timm's spelling", async () => {
    await expect(hub.convert("x.pth", {})).rejects.toThrow(/either model/);
    await expect(hub.convert("x.pth", { model: "tiny_ssl", prefix: "module" })).rejects.toThrow(/prefix: only/);
    await expect(hub.convert("x.pth", { arch: "vit_smal_patch16" })).rejects.toThrow(/Did you mean vit_small_patch16/);
    await expect(hub.convert("x.pth", { arch: "tiny_resnet", name: "../evil" })).rejects.toThrow(/letters, digits/);
    await expect(hub.convert("no.pth", { arch: "vit_small_patch16_224.dino" })).rejects.toMatchObject({ code: "DISK" });
  });

  it("lists the architectures with their sizes", async () => {
    const all = await hub.architectures();
    expect(all.map(({ name }) => name)).toEqual(Object.keys(NAMED_ARCHITECTURES));
    expect(all.find(({ name }) => name === "vit_small_patch16")).toMatchObject({ z_dim: 384, image_size: 224 });
  });
});

describe("keyTree", () => {
  const tree = (keys: Keys, lines?: number) => keyTree(keySource(keys), lines);
  it("folds numbered siblings and opens what there is room for", () => {
    const keys: Keys = { "head.weight": [10, 4] };
    for (let i = 0; i < 12; i++) keys[`blocks.${i}.norm.weight`] = [4];
    expect(tree(keys)).toBe(
      [
        "head. (1 tensor)",
        "  weight [10, 4]",
        "blocks. (12 tensors)",
        "  0..11. (12 tensors)",
        "    norm. (1 tensor)",
        "      weight [4]",
      ].join("\n"),
    );
  });

  it("stays within its lines, whatever the file holds", () => {
    const wide: Keys = {};
    for (let i = 0; i < 5000; i++) wide[`${"x".repeat(500)}${i}.\u0007\u001b[31m${i}`] = [1];
    const text = tree(wide, 20);
    expect(text.split("\n").length).toBeLessThanOrEqual(20);
    expect(text).toMatch(/\.\.\. 49\d\d more/);
    expect(text.length).toBeLessThan(20 * 120);
    const deep = tree({ [Array(400).fill("a").join(".")]: [1], "b.\u001b[31mc": [2] });
    expect(deep).not.toContain("\u001b");
    expect(deep.split("\n").length).toBeLessThanOrEqual(40);
  });
});
