import { describe, expect, expectTypeOf, test } from "vitest";
import { buildGraph } from "../../../converters/build.ts";
import { variantOf } from "../../../converters/variant.ts";
import * as hubconf from "../../../hubconf.ts";
import type { SpecLoader } from "../../../src/core/family.ts";
import { fingerprint } from "../../../src/core/fingerprint.ts";
import { KIND_OF_NAMES, type KindOf, type RepresentationFor } from "../../../src/core/kinds.ts";
import type { LoadOptions } from "../../../src/index.ts";

const specOf = (name: keyof typeof hubconf) => (hubconf as Record<string, SpecLoader>)[name]!();

describe("names tell the kind of architecture", () => {
  const toPattern = (text: string) => new RegExp(`^${text.replaceAll("*", ".*")}$`);

  test("of every model of the hub", async () => {
    for (const [name, line] of Object.entries(hubconf)) {
      const [, kind] = KIND_OF_NAMES.find(([pattern]) => toPattern(pattern).test(name))!;
      expect([name, kind]).toEqual([name, (await line()).arch.kind]);
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
