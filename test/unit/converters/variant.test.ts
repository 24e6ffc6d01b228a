import { describe, expect, expectTypeOf, test } from "vitest";
import { REPRESENTATIONS } from "../../../converters/arch/representation.ts";
import { buildGraph } from "../../../converters/build.ts";
import { variantOf } from "../../../converters/variant.ts";
import * as hubconf from "../../../hubconf.ts";
import type { SpecLoader } from "../../../src/core/family.ts";
import { fingerprint } from "../../../src/core/fingerprint.ts";
import { canonicalJson } from "../../../src/core/hash.ts";
import { type KindOf, kindOf, type RepresentationFor } from "../../../src/core/kinds.ts";
import type { ModelSpec } from "../../../src/core/spec.ts";
import type { LoadOptions } from "../../../src/index.ts";

const specOf = (name: keyof typeof hubconf) => (hubconf as Record<string, SpecLoader>)[name]!();

describe("names tell the kind of architecture", () => {
  test("of every model of the hub", async () => {
    for (const [name, line] of Object.entries(hubconf)) {
      expect([name, kindOf(name)]).toEqual([name, (await line()).arch.kind]);
    }
  });

  test("to the type checker, too", () => {
    expectTypeOf<KindOf<"clip_rn50x4">>().toEqualTypeOf<"clip-resnet">();
    expectTypeOf<KindOf<"openclip_vitH14_extractB">>().toEqualTypeOf<"clip-vit">();
    expectTypeOf<KindOf<"beitv2_vitB16_pt1k">>().toEqualTypeOf<"beit">();
    expectTypeOf<KindOf<"mugs_vits16_ep100">>().toEqualTypeOf<"vit">();
    expectTypeOf<KindOf<"vicregl_convnexts_alpha09">>().toEqualTypeOf<"convnext">();
    expectTypeOf<KindOf<"dino_rn50">>().toEqualTypeOf<"resnet">();
    expectTypeOf<"tokens">().toExtend<RepresentationFor<"dino_vitS16">>();
    expectTypeOf<"tokens">().not.toExtend<RepresentationFor<"dino_rn50">>();
    expectTypeOf<{ representation: "map" }>().toExtend<LoadOptions<"dino_rn50">>();
    expectTypeOf<{ representation: "proj" }>().not.toExtend<LoadOptions<"dino_vitS16">>();
  });
});

describe("representation", () => {
  test.each([
    ["dino_rn50", "map", [7, 7, 2048]],
    ["dino_vitS16", "tokens", [196, 384]],
    ["dino_vitS16", "2xcls", [768]],
    ["clip_rn50", "avgpool", [2048]],
    ["clip_vitB32", "proj+cls", [1280]],
    ["lossyless_vitb32_b01", "proj", [512]],
    ["sup_convnextS", "map", [7, 7, 768]],
    ["beit_vitB16_pt22k", "avg", [768]],
  ] as const)("%s offers %s of [%s]", async (name, representation, shape) => {
    const graph = buildGraph(variantOf(await specOf(name), { representation }));
    expect(graph.zShape).toEqual(shape);
    const plain = buildGraph(await specOf(name));
    expect(graph.params.map(({ key }) => key).sort()).toEqual(plain.params.map(({ key }) => key).sort());
  });

  test.each([
    ["dino_rn50", "cls", /resnet.*avgpool, map\.$/],
    ["dino_vitS16", "proj", /vit.*cls, avg, cls\+avg, cls\+avg:interleaved, tokens and Nxcls.*from 1 to 12/],
    ["dino_vitS16", "13xcls", /N from 1 to 12/],
    ["clip_vitB32", "pred", /proj\+cls, tokens and/],
  ] as const)("%s has no %s, and the error lists what it has", async (name, representation, message) => {
    const spec = await specOf(name);
    expect(() => variantOf(spec, { representation })).toThrow(message);
  });
});

describe("image size", () => {
  test("tokens, positions and preprocessing follow", async () => {
    const spec = variantOf(await specOf("dino_vitS16"), { imageSize: 448, representation: "tokens" });
    const graph = buildGraph(spec);
    expect(graph.zShape).toEqual([784, 384]);
    expect(graph.params.find(({ key }) => key === "pos_embed")?.shape).toEqual([1, 197, 384]);
    expect(spec.preprocess.slice(0, 2)).toEqual([
      { op: "resize", size: 512, interpolation: "bicubic" },
      { op: "centerCrop", size: 448 },
    ]);
    expect(graph.nParameters).toBe(buildGraph(await specOf("dino_vitS16")).nParameters);
  });

  test("so does the training pipeline", async () => {
    const { trainTransform } = variantOf(await specOf("dino_vitS16"), { imageSize: 448 });
    expect(trainTransform).toContainEqual(expect.objectContaining({ op: "randomResizedCrop", size: 448 }));
  });

  test.each([
    ["dino_vitS16", 230, /patches .* 16 pixels wide. The nearest size is 224/],
    ["clip_rn50", 256, /attention pool has a learned position/],
    ["lossyless_vitb32_b01", 256, /compressor was fitted/],
    ["dino_rn50", 31, /whole number of pixels from 32 to 2048/],
    ["dino_rn50", 100.5, /whole number/],
    ["dino_rn50", 4096, /whole number/],
  ] as const)("%s takes no images of %d pixels, and the error says why", async (name, imageSize, message) => {
    const spec = await specOf(name);
    expect(() => variantOf(spec, { imageSize })).toThrow(TypeError);
    expect(() => variantOf(spec, { imageSize })).toThrow(message);
  });
});

describe("every option of every architecture of the hub", async () => {
  const specs = new Map<string, [name: string, spec: ModelSpec]>();
  for (const [name, line] of Object.entries(hubconf) as [string, SpecLoader][]) {
    const spec = await line();
    if ("bundled" in spec.weights) continue; // converted already: hub.pull refuses
    const key = canonicalJson(spec.arch);
    if (!specs.has(key)) specs.set(key, [name, spec]);
  }

  /** What is offered, with class tokens of one, two, four and all blocks. */
  const offered = ({ arch }: ModelSpec): string[] => [
    ...REPRESENTATIONS[arch.kind],
    ...("depth" in arch ? [1, 2, 4, arch.depth].map((n) => `${n}xcls`) : []),
    ...("compressor" in arch && arch.compressor ? ["pred"] : []),
  ];

  /** Shape of one image's representation, from the paper's arithmetic. */
  function shapeOf({ arch, representation }: ModelSpec, dim: number): number[] {
    const blocks = /^(\d+)xcls$/.exec(representation)?.[1];
    const embed = "embedDim" in arch ? arch.embedDim : 0;
    if (blocks !== undefined) return [Number(blocks) * dim];
    if (representation === "tokens") return [("patch" in arch ? arch.size / arch.patch : 0) ** 2, dim];
    // Strides of 2 as PyTorch pads them round up; ConvNeXt's patches do not overlap and round down.
    const stride = arch.kind === "resnet" && !arch.stem.pool ? 8 : 32;
    const side = arch.kind === "resnet" ? Math.ceil(arch.size / stride) : Math.floor(arch.size / stride);
    if (representation === "map") return [side, side, dim];
    if (representation === "proj" || representation === "pred") return [embed];
    if (representation === "proj+cls") return [dim + embed];
    return [representation.startsWith("cls+avg") ? 2 * dim : dim];
  }
  const keysOf = (spec: ModelSpec) =>
    buildGraph(spec)
      .params.map(({ key, shape }) => `${key} ${shape}`)
      .sort();
  /** Dimensions of what is pooled, or of a token. */
  const dimOf = (spec: ModelSpec) =>
    buildGraph({ ...spec, representation: "patch" in spec.arch ? "cls" : "avgpool" }).zDim;

  test("there are all", () => expect(specs.size).toBeGreaterThanOrEqual(42));

  test.each([...specs.values()])("%s: each representation builds, of the shape it should have", (_, spec) => {
    const [dim, keys] = [dimOf(spec), keysOf(spec)];
    for (const representation of offered(spec)) {
      const variant = variantOf(spec, { representation });
      const graph = buildGraph(variant);
      expect([representation, graph.zShape]).toEqual([representation, shapeOf(variant, dim)]);
      expect(graph.zDim).toBe(graph.zShape.reduce((a, b) => a * b, 1));
      expect(keysOf(variant)).toEqual(keys);
    }
    // What others offer is refused, and the message lists what is.
    const foreign = Object.values(REPRESENTATIONS).flat().concat("pred");
    for (const representation of foreign.filter((one) => !offered(spec).includes(one))) {
      expect(() => variantOf(spec, { representation })).toThrow(/It offers .*(avgpool|cls)/);
    }
  });

  test.each([...specs.values()])("%s: other image sizes build, or are refused with the reason", (_, spec) => {
    const { arch } = spec;
    const refused = arch.kind === "clip-resnet" || ("compressor" in arch && arch.compressor === true);
    const step = "patch" in arch ? arch.patch : 32;
    const [smaller, larger] = [5 * step, arch.size + 3 * step];
    if (refused) {
      for (const imageSize of [smaller, larger]) {
        expect(() => variantOf(spec, { imageSize })).toThrow(/cannot be \d+: (CLIP's attention pool|the compressor)/);
      }
      return;
    }
    const [dim, keys] = [dimOf(spec), keysOf(spec)];
    for (const imageSize of [smaller, larger]) {
      for (const representation of [spec.representation, "patch" in arch ? "tokens" : "map"]) {
        const variant = variantOf(spec, { imageSize, representation });
        expect(variant.preprocess).toContainEqual({ op: "centerCrop", size: imageSize });
        expect(buildGraph(variant).zShape).toEqual(shapeOf(variant, dim));
        // The checkpoint stays as it is: what is resized is resized when it is converted.
        expect(keysOf(variant)).toEqual(keys);
      }
    }
    if ("patch" in arch) expect(() => variantOf(spec, { imageSize: larger + 1 })).toThrow(/The nearest size is/);
  });
});

test("every variant has a fingerprint of its own; what is as it was keeps the model's", async () => {
  const spec = await specOf("dino_vitS16");
  const prints = [
    fingerprint(spec),
    fingerprint(variantOf(spec, { representation: "tokens" })),
    fingerprint(variantOf(spec, { imageSize: 448 })),
    fingerprint(variantOf(spec, { imageSize: 448, representation: "tokens" })),
    fingerprint(spec, undefined, "float16"),
  ];
  expect(new Set(prints).size).toBe(5);
  expect(fingerprint(variantOf(spec, { representation: "4xcls", imageSize: 224 }))).toBe(prints[0]);
});
